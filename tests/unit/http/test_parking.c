/* Long polls: parked requests and wakes, over real connections. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define TOPICS	16
#define ROUNDS	300

#define NO_BODY " HTTP/1.1\r\nHost: h\r\n\r\n"

static atomic_uint versions[TOPICS];
static atomic_uint freed;

static void count_free(void *data)
{
	free(data);
	atomic_fetch_add(&freed, 1);
}

/* Answers with the topic's version once it is past ?after=. */
static void poll_version(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)ctx;
	const char *topic = http_request_param(q, "topic");
	unsigned index = (unsigned)strtoul(topic, NULL, 10);
	unsigned after = (unsigned)strtoul(http_request_query(q, "after"), NULL, 10);
	const char *wait = http_request_query(q, "wait");
	uint64_t deadline = http_request_arrived_ms(q) + (wait ? strtoul(wait, NULL, 10) : 60000);
	if (!http_request_data(q))
		http_request_set_data(q, xstrdup("kept"), count_free);
	assert_string_equal(http_request_data(q), "kept");

	unsigned version = atomic_load(&versions[index]);
	if (version > after) {
		struct strbuf out = STRBUF_INIT;
		strbuf_addf(&out, "%u", version);
		http_respond(a, 200, "text/plain", &out);
	} else if (http_request_is_shutting_down(q) && !http_request_query(q, "stubborn")) {
		http_respond_empty(a, 503);
	} else if (now_monotonic_ms() >= deadline) {
		http_respond_empty(a, 204);
	} else {
		http_response_header(a, "X-Once", "1");
		http_respond_park(a, topic, deadline);
	}
}

static void slow(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)q;
	(void)ctx;
	usleep(100000);
	http_respond_empty(a, 204);
}

static const struct http_route routes[] = {
	{HTTP_GET, "/poll/{topic}", poll_version, 0, "poll"},
	{HTTP_GET, "/slow", slow, 0, "slow"},
	{0},
};
static const struct http_route *const tables[] = {routes, NULL};
static const struct http_server_options options = {.route_tables = tables};

static int setup(void **state)
{
	static struct fixture f;
	for (unsigned i = 0; i < TOPICS; i++)
		atomic_store(&versions[i], 0);
	fixture_start(&f, &options);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_expect_no_connections(*state);
	fixture_stop(*state);
	return 0;
}

static unsigned parked(struct fixture *f)
{
	struct http_server_stats stats;
	http_server_stats(f->server, &stats);
	return stats.parked;
}

static void publish(struct fixture *f, unsigned index)
{
	char topic[16];
	snprintf(topic, sizeof(topic), "%u", index);
	atomic_fetch_add(&versions[index], 1);
	http_server_wake(f->server, topic);
}

static void test_woken(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	struct answer a;
	peer_connect(&p, f);
	for (int i = 0; i < 3; i++) {
		unsigned before = atomic_load(&freed);
		_cleanup_free_ char *request = xasprintf("GET /poll/1?after=%d" NO_BODY, i);
		peer_send(&p, request);
		EVENTUALLY(parked(f) == 1);
		http_server_wake(f->server, "1");
		http_server_wake(f->server, "2");
		publish(f, 1);
		peer_read_answer(&p, true, &a);
		assert_int_equal(a.status, 200);
		assert_int_equal(strtol(a.body.data, NULL, 10), i + 1);
		assert_null(strstr(a.head, "X-Once"));
		answer_release(&a);
		EVENTUALLY(atomic_load(&freed) == before + 1);
	}
	assert_int_equal(parked(f), 0);
	peer_close(&p);
}

static void test_deadline(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	peer_expect(&p, "GET /poll/1?after=9&wait=0" NO_BODY, 204, "");
	peer_expect(&p, "GET /poll/1?after=9&wait=20" NO_BODY, 204, "");
	peer_close(&p);
}

static void test_client_hangs_up(void **state)
{
	struct fixture *f = *state;
	unsigned before = atomic_load(&freed);
	struct peer older, p;
	peer_connect(&older, f);
	peer_connect(&p, f);
	peer_send(&p, "GET /poll/1?after=9" NO_BODY);
	EVENTUALLY(parked(f) == 1);
	peer_close(&p);
	EVENTUALLY(parked(f) == 0);
	EVENTUALLY(atomic_load(&freed) == before + 1);
	struct http_server_stats stats;
	EVENTUALLY((http_server_stats(f->server, &stats), stats.connections == 1));
	peer_close(&older);
}

/* Follows one topic through all its versions by long polls. */
struct follower {
	struct fixture *fixture;
	unsigned index;
	pthread_t thread;
};

static void *follow(void *argument)
{
	struct follower *follower = argument;
	struct peer p;
	peer_connect(&p, follower->fixture);
	for (unsigned seen = 0; seen < ROUNDS;) {
		struct answer a;
		_cleanup_free_ char *request =
			xasprintf("GET /poll/%u?after=%u" NO_BODY, follower->index, seen);
		peer_send(&p, request);
		peer_read_answer(&p, true, &a);
		if (a.status != 200)
			fail_msg("a wake of topic %u was lost at %u", follower->index, seen);
		seen = (unsigned)strtoul(a.body.data, NULL, 10);
		answer_release(&a);
	}
	peer_close(&p);
	return NULL;
}

static void *publish_all(void *argument)
{
	struct follower *follower = argument;
	for (unsigned i = 0; i < ROUNDS; i++) {
		publish(follower->fixture, follower->index);
		usleep(100);
	}
	return NULL;
}

static void test_no_wake_is_lost(void **state)
{
	struct follower followers[TOPICS], publishers[TOPICS];
	for (unsigned i = 0; i < TOPICS; i++) {
		followers[i] = (struct follower){.fixture = *state, .index = i};
		publishers[i] = followers[i];
		pthread_create(&followers[i].thread, NULL, follow, &followers[i]);
	}
	for (unsigned i = 0; i < TOPICS; i++)
		pthread_create(&publishers[i].thread, NULL, publish_all, &publishers[i]);
	for (unsigned i = 0; i < TOPICS; i++) {
		pthread_join(publishers[i].thread, NULL);
		pthread_join(followers[i].thread, NULL);
	}
}

static void test_shutdown_answers_what_is_parked(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, &options);
	struct peer polite, stubborn, working, idle;
	peer_connect(&idle, &f);
	peer_connect(&polite, &f);
	peer_connect(&stubborn, &f);
	peer_connect(&working, &f);
	peer_send(&polite, "GET /poll/1?after=999" NO_BODY);
	peer_send(&stubborn, "GET /poll/1?after=999&stubborn" NO_BODY);
	EVENTUALLY(parked(&f) == 2);
	peer_send(&working, "GET /slow" NO_BODY);
	struct http_server_stats stats;
	EVENTUALLY((http_server_stats(f.server, &stats), stats.requests == 3));
	fixture_stop(&f);
	peer_expect(&polite, "", 503, "");
	peer_expect(&stubborn, "", 503, NULL);
	peer_expect(&working, "", 204, "");
	peer_expect_end(&polite);
	peer_expect_end(&stubborn);
	peer_expect_end(&working);
	peer_expect_end(&idle);
	peer_close(&polite);
	peer_close(&stubborn);
	peer_close(&working);
	peer_close(&idle);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_woken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_hangs_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_wake_is_lost, setup, teardown),
		cmocka_unit_test(test_shutdown_answers_what_is_parked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
