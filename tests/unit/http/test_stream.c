/* Streams: order, wakes, heartbeats, clients that are slow, many or gone. */
#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define NO_BODY	 " HTTP/1.1\r\nHost: h\r\n\r\n"
#define WATCHERS 200
#define EVENTS	 50

static atomic_uint published;
static atomic_uint open_streams;
static atomic_ulong produced;

struct counter {
	unsigned next, end;
	bool one_by_one;
	atomic_bool busy;
};

static void free_counter(void *data)
{
	free(data);
	atomic_fetch_sub(&open_streams, 1);
}

/* One line a number, up to what is published. */
static enum http_pull pull_numbers(void *data, struct strbuf *out)
{
	struct counter *c = data;
	assert_false(atomic_exchange(&c->busy, true));
	unsigned available = MIN(atomic_load(&published), c->end);
	while (c->next < available && out->size < 16384) {
		strbuf_addf(out, "%u\n", c->next++);
		if (c->one_by_one)
			break;
	}
	atomic_store(&c->busy, false);
	if (c->next == c->end)
		return HTTP_PULL_END;
	return c->next < available ? HTTP_PULL_DATA : HTTP_PULL_WAIT;
}

static enum http_pull pull_junk(void *data, struct strbuf *out)
{
	(void)data;
	strbuf_grow(out, 65536);
	memset(out->data, 'x', 65536);
	strbuf_set_size(out, 65536);
	return atomic_fetch_add(&produced, 65536) >= 200000000 ? HTTP_PULL_END : HTTP_PULL_DATA;
}

static void numbers(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)ctx;
	const char *end = http_request_query(q, "end");
	struct counter *c = xcalloc(1, sizeof(*c));
	c->end = end ? (unsigned)strtoul(end, NULL, 10) : UINT32_MAX;
	c->one_by_one = http_request_query(q, "slowly") != NULL;
	atomic_fetch_add(&open_streams, 1);
	http_request_set_data(q, xstrdup("x"), free);
	http_respond_stream(a, &(struct http_stream){
				       .content_type = "text/event-stream",
				       .topic = "numbers",
				       .heartbeat = http_request_query(q, "beat") ? "beat\n" : NULL,
				       .pull = pull_numbers,
				       .data = c,
				       .free_fn = free_counter,
			       });
}

static void junk(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)q;
	(void)ctx;
	http_respond_stream(a, &(struct http_stream){.content_type = "text/plain",
						     .topic = "junk",
						     .pull = pull_junk});
}

static const struct http_route routes[] = {
	{HTTP_GET, "/numbers", numbers, 0, "numbers"},
	{HTTP_GET, "/junk", junk, 0, "junk"},
	{0},
};
static const struct http_route *const tables[] = {routes, NULL};
static const struct http_server_options options = {.route_tables = tables, .heartbeat_ms = 30};

static int setup(void **state)
{
	static struct fixture f;
	atomic_store(&published, 0);
	atomic_store(&produced, 0);
	fixture_start(&f, &options);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_expect_no_connections(*state);
	fixture_stop(*state);
	assert_int_equal(atomic_load(&open_streams), 0);
	return 0;
}

static void publish(struct fixture *f, unsigned up_to)
{
	atomic_store(&published, up_to);
	http_server_wake(f->server, "numbers");
}

/* The body must be the numbers from 0 to end. */
static void expect_numbers(const char *body, unsigned end)
{
	_cleanup_strbuf_ struct strbuf expected = STRBUF_INIT;
	for (unsigned i = 0; i < end; i++)
		strbuf_addf(&expected, "%u\n", i);
	assert_string_equal(body, expected.data);
}

static void test_order(void **state)
{
	struct fixture *f = *state;
	struct peer fast, slow;
	struct answer a;
	peer_connect(&fast, f);
	peer_connect(&slow, f);
	peer_send(&fast, "GET /numbers?end=20000" NO_BODY);
	peer_send(&slow, "GET /numbers?end=20000&slowly" NO_BODY);
	for (unsigned i = 0; i <= 20000; i += 100) {
		publish(f, i);
		usleep(20);
	}
	peer_read_answer(&fast, true, &a);
	expect_numbers(a.body.data, 20000);
	answer_release(&a);
	peer_read_answer(&slow, true, &a);
	expect_numbers(a.body.data, 20000);
	answer_release(&a);
	peer_expect(&fast, "GET /numbers?end=3" NO_BODY, 200, "0\n1\n2\n");
	peer_close(&fast);
	peer_close(&slow);
}

static void test_headers_come_before_the_first_event(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	peer_connect(&p, f);
	peer_send(&p, "GET /numbers" NO_BODY);
	_cleanup_free_ char *head = peer_read_until(&p, "\r\n\r\n");
	assert_non_null(strstr(head, "Content-Type: text/event-stream\r\n"));
	for (unsigned i = 1; i < 20; i++) {
		publish(f, i);
		char number[16];
		snprintf(number, sizeof(number), "%u\n", i - 1);
		free(peer_read_until(&p, number));
	}
	peer_close(&p);
}

static void test_head(void **state)
{
	struct peer p;
	struct answer a;
	peer_connect(&p, *state);
	peer_send(&p, "HEAD /numbers" NO_BODY);
	peer_read_answer(&p, false, &a);
	assert_int_equal(a.status, 200);
	answer_release(&a);
	peer_expect(&p, "GET /numbers?end=0" NO_BODY, 200, "");
	peer_close(&p);
}

static void test_old_client(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	peer_connect(&p, f);
	publish(f, 2);
	peer_send(&p, "GET /numbers?end=3 HTTP/1.0\r\n\r\n");
	free(peer_read_until(&p, "\r\n\r\n"));
	publish(f, 3);
	while (peer_receive(&p))
		;
	assert_string_equal(p.buffer.data, "0\n1\n2\n");
	peer_close(&p);
}

static void test_heartbeat(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	peer_connect(&p, f);
	peer_send(&p, "GET /numbers?beat" NO_BODY);
	for (int i = 0; i < 3; i++)
		free(peer_read_until(&p, "beat\n"));
	publish(f, 1);
	free(peer_read_until(&p, "0\n"));
	free(peer_read_until(&p, "beat\n"));
	peer_close(&p);
}

static void test_disconnect_is_noticed(void **state)
{
	struct fixture *f = *state;
	struct peer older;
	peer_connect(&older, f);
	for (int i = 0; i < 3; i++) {
		struct peer p;
		peer_connect(&p, f);
		peer_send(&p, i ? "GET /numbers?beat" NO_BODY : "GET /numbers" NO_BODY);
		free(peer_read_until(&p, "\r\n\r\n"));
		assert_int_equal(atomic_load(&open_streams), 1);
		struct http_server_stats stats;
		http_server_stats(f->server, &stats);
		assert_int_equal(stats.streams, 1);
		if (i == 1)
			publish(f, 5);
		peer_close(&p);
		EVENTUALLY(atomic_load(&open_streams) == 0);
		EVENTUALLY((http_server_stats(f->server, &stats), stats.connections == 1));
	}
	peer_close(&older);
}

static size_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size = 0, resident = 0;
	assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
	fclose(file);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void test_slow_reader_costs_no_memory(void **state)
{
	struct fixture *f = *state;
	struct peer p;
	peer_connect(&p, f);
	size_t before = resident_bytes();
	peer_send(&p, "GET /junk" NO_BODY);
	free(peer_read_until(&p, "\r\n\r\n"));
	unsigned long last = 1;
	for (int quiet = 0; quiet < 10; quiet++) {
		if (atomic_load(&produced) != last)
			quiet = 0;
		last = atomic_load(&produced);
		usleep(10000);
	}
	assert_true(last < 100000000);
	assert_true(resident_bytes() < before + 8000000);

	/* When it reads on, all the rest comes. */
	size_t received = 0;
	do {
		received += p.buffer.size;
		strbuf_reset(&p.buffer);
	} while (received < 200000000 && peer_receive(&p));
	assert_true(received >= 200000000);
	peer_close(&p);
}

static void test_many_watchers(void **state)
{
	struct fixture *f = *state;
	static struct peer peers[WATCHERS];
	for (int i = 0; i < WATCHERS; i++) {
		peer_connect(&peers[i], f);
		peer_send(&peers[i], "GET /numbers?end=50" NO_BODY);
	}
	EVENTUALLY(atomic_load(&open_streams) == WATCHERS);
	for (unsigned i = 1; i <= EVENTS; i++)
		publish(f, i);
	for (int i = 0; i < WATCHERS; i++) {
		struct answer a;
		peer_read_answer(&peers[i], true, &a);
		expect_numbers(a.body.data, EVENTS);
		answer_release(&a);
		peer_close(&peers[i]);
	}
}

static void test_shutdown_ends_streams(void **state)
{
	(void)state;
	struct fixture f;
	struct peer watcher, stalled;
	atomic_store(&published, 1);
	atomic_store(&produced, 0);
	fixture_start(&f, &options);
	peer_connect(&watcher, &f);
	peer_connect(&stalled, &f);
	peer_send(&watcher, "GET /numbers?beat" NO_BODY);
	peer_send(&stalled, "GET /junk" NO_BODY);
	free(peer_read_until(&watcher, "0\n"));
	EVENTUALLY(atomic_load(&produced) > 0);
	fixture_stop(&f);
	free(peer_read_until(&watcher, "\r\n0\r\n\r\n"));
	peer_expect_end(&watcher);
	assert_int_equal(atomic_load(&open_streams), 0);
	peer_close(&watcher);
	peer_close(&stalled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headers_come_before_the_first_event, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_head, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_heartbeat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disconnect_is_noticed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_reader_costs_no_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_watchers, setup, teardown),
		cmocka_unit_test(test_shutdown_ends_streams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
