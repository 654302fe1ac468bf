/*
 * The real server with all that meets in it: runners that poll and report, one of them lost, people
 * who write, watchers that come and go while events are written, the ticker, and a stop in the
 * middle of it. What it holds together is checked here, how is ThreadSanitizer's to say.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/encoding.h"
#include "base/fileutil.h"
#include "base/parse.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "http/client.h"
#include "model/json.h"
#include "model/yaml.h"
#include "server/server.h"

#define PEOPLE	 4
#define RUNNERS	 2
#define WATCHERS 4
#define ROUNDS	 2
#define REPORTS	 4
/* Before the server is stopped, in each round. */
#define JOBS_COMPLETED	12
#define STREAMS_WATCHED 8

struct world {
	char *folder, *url, *key;
	unsigned round;
	atomic_bool stopping;
	atomic_uint people, completed, watched, left;
	char *lost_job;
};

#define EVENTUALLY(condition)                                             \
	do {                                                              \
		for (int left_ = 12000; !(condition); left_--) {          \
			assert_true(left_ > 0 && "in time: " #condition); \
			usleep(5000);                                     \
		}                                                         \
	} while (0)

static struct http_client *connect_as(const struct world *w, const char *key)
{
	struct http_client *c = NULL;
	assert_int_equal(
		http_client_new(&(struct http_client_options){.base_url = w->url, .token = key}, &c,
				NULL),
		0);
	return c;
}

/* The status, or 0 once the server stops; the caller drops *ret. */
static int call(struct world *w, struct http_client *c, struct http_call what, json_t **ret)
{
	_cleanup_error_ struct error *e = NULL;
	struct http_reply reply;
	*ret = NULL;
	if (http_client_call(c, &what, &reply, &e) < 0) {
		if (!atomic_load(&w->stopping) || e->code != ERROR_UNAVAILABLE)
			fail_msg("%s %s: %s", what.method, what.path, e->message);
		return 0;
	}
	int status = reply.status;
	if (status == 503 && atomic_load(&w->stopping))
		status = 0;
	else if (status < 300 && reply.body.size > 0 &&
		 startswith(reply.content_type, "application/json"))
		assert_int_equal(
			json_parse(reply.body.data, reply.body.size, (size_t)64 << 20, ret, NULL),
			0);
	else if (status >= 300 && status != 409)
		fail_msg("%s %s: %d %s", what.method, what.path, status, reply.body.data);
	http_reply_release(&reply);
	return status;
}

static int get(struct world *w, struct http_client *c, const char *path, json_t **ret)
{
	return call(w, c, (struct http_call){.method = "GET", .path = path}, ret);
}

/* Takes the body. */
static int post(struct world *w, struct http_client *c, const char *path, json_t *body,
		json_t **ret)
{
	assert_non_null(body);
	_cleanup_free_ char *text = json_to_text(body, JSON_WRITE_COMPACT);
	json_decref(body);
	return call(w, c,
		    (struct http_call){.method = "POST",
				       .path = path,
				       .content_type = "application/json",
				       .body = text,
				       .body_len = strlen(text)},
		    ret);
}

/* ---- People ---- */

/* The job's id, which the caller frees, or NULL once the server stops. */
static char *apply(struct world *w, struct http_client *c, const char *name)
{
	json_t *manifest = json_pack("{s:s s:s s:{s:s s:s} s:{s:s}}", "apiVersion",
				     "playground.planton.dev/v1", "kind", "Playground", "metadata",
				     "name", name, "env", "dev", "spec", "message", "hello");
	_cleanup_json_ json_t *answer = NULL;
	if (post(w, c, "/api/v1/apply", json_pack("{s:o}", "manifest", manifest), &answer) == 0)
		return NULL;
	const char *id = json_get_str(answer, "stackJob.metadata.id");
	assert_non_null(id);
	return xstrdup(id);
}

static bool is_completed(const json_t *job)
{
	return streq_null(json_get_str(job, "status.status"), "completed");
}

/* Looks at the job, and at what else people look at, until it is completed; or the server stops. */
static bool wait_for_job(struct world *w, struct http_client *c, const char *id)
{
	_cleanup_free_ char *path = xasprintf("/api/v1/stack-jobs/%s", id);
	for (bool done = false; !done;) {
		_cleanup_json_ json_t *job = NULL, *resources = NULL, *nothing = NULL;
		if (get(w, c, path, &job) == 0 ||
		    get(w, c, "/api/v1/cloud-resources?limit=5", &resources) == 0 ||
		    get(w, c, "/metrics", &nothing) == 0)
			return false;
		done = is_completed(job);
		usleep(2000);
	}
	return true;
}

/* Creates resources; every third job is cancelled at once. */
static void *person(void *world)
{
	struct world *w = world;
	struct http_client *c = connect_as(w, w->key);
	unsigned person = atomic_fetch_add(&w->people, 1);
	for (bool goes_on = true; goes_on; person += PEOPLE) {
		_cleanup_json_ json_t *cancelled = NULL;
		_cleanup_free_ char *name = xasprintf("r%u-%u", w->round, person);
		_cleanup_free_ char *id = apply(w, c, name);
		_cleanup_free_ char *path = xasprintf("/api/v1/stack-jobs/%s/cancel", id ? id : "");
		goes_on = id && (person % 3 || post(w, c, path, json_object(), &cancelled) != 0) &&
			  wait_for_job(w, c, id);
	}
	http_client_free(c);
	return NULL;
}

/* ---- Watchers ---- */

struct watch {
	struct sse_parser *parser;
	int64_t seq;
	int64_t leave_after;
	bool has_ended;
};

static int on_event(const char *event, const char *id, const char *data, size_t size, void *ctx)
{
	(void)data;
	(void)size;
	struct watch *watch = ctx;
	int64_t seq;
	if (streq(event, "end")) {
		watch->has_ended = true;
		return 0;
	}
	assert_int_equal(parse_i64(id, &seq), 0);
	assert_int_equal(seq, watch->seq + 1);
	watch->seq = seq;
	return seq == watch->leave_after;
}

static int on_data(const void *bytes, size_t size, void *ctx)
{
	struct watch *watch = ctx;
	return sse_parser_feed(watch->parser, bytes, size);
}

/* From its first event to its end, or to leave_after. */
static void watch_job(struct world *w, struct http_client *c, const char *id, int64_t leave_after)
{
	static const char *const headers[] = {"Accept: text/event-stream", NULL};
	struct watch watch = {.leave_after = leave_after};
	_cleanup_free_ char *path = xasprintf("/api/v1/stack-jobs/%s/events", id);
	_cleanup_json_ json_t *nothing = NULL;
	watch.parser = sse_parser_new((size_t)1 << 20, on_event, &watch);
	int status = call(w, c,
			  (struct http_call){.method = "GET",
					     .path = path,
					     .headers = headers,
					     .on_data = on_data,
					     .ctx = &watch},
			  &nothing);
	if (watch.has_ended)
		atomic_fetch_add(&w->watched, 1);
	else if (watch.seq == leave_after)
		atomic_fetch_add(&w->left, 1);
	else
		assert_true(atomic_load(&w->stopping));
	assert_true(status == 200 || atomic_load(&w->stopping));
	sse_parser_free(watch.parser);
}

static void *watcher(void *world)
{
	struct world *w = world;
	struct http_client *c = connect_as(w, w->key);
	for (unsigned i = 0; !atomic_load(&w->stopping); i++) {
		_cleanup_json_ json_t *jobs = NULL;
		if (get(w, c, "/api/v1/stack-jobs?limit=5", &jobs) == 0)
			break;
		const json_t *job = json_array_get(json_object_get(jobs, "items"), i % 5);
		if (job)
			watch_job(w, c, json_get_str(job, "metadata.id"),
				  i % 3 ? (int64_t)(2 + i % 20) : -1);
	}
	http_client_free(c);
	return NULL;
}

/* ---- Runners ---- */

/* With the NUL in the place of the newline that counts in offsets. */
static const char line[] = "a line of log";

struct runner {
	struct world *world;
	struct http_client *http;
	json_t *held;
};

static bool runner_register(struct runner *r, struct world *w, const char *name)
{
	struct key_pair keys;
	assert_int_equal(key_pair_generate(&keys), 0);
	_cleanup_free_ char *public_key = base64_encode(keys.public_key, BOX_KEY_SIZE);
	_cleanup_json_ json_t *answer = NULL;
	*r = (struct runner){.world = w, .http = connect_as(w, w->key), .held = json_array()};
	if (post(w, r->http, "/runner/v1/register",
		 json_pack("{s:s s:s s:s s:i s:s s:s}", "name", name, "publicKey", public_key,
			   "version", "1", "capacity", 4, "workRoot", "/work", "bootId", "b"),
		 &answer) == 0)
		return false;
	http_client_set_token(r->http, json_get_str(answer, "key"));
	return true;
}

static void runner_release(struct runner *r)
{
	http_client_free(r->http);
	json_decref(r->held);
}

/* The answer, which the caller drops, or NULL once the server stops. */
static json_t *runner_poll(struct runner *r)
{
	json_t *answer = NULL;
	if (post(r->world, r->http, "/runner/v1/poll", json_pack("{s:O}", "held", r->held),
		 &answer) == 0)
		return NULL;
	assert_non_null(answer);
	return answer;
}

/* The answer or NULL, as above, or when the grant is over. */
static json_t *report(struct runner *r, const json_t *grant, int64_t from, bool ends)
{
	const int64_t to = from + (ends ? 0 : (int64_t)sizeof(line));
	const char *operation = json_get_str(grant, "attempt.operation");
	_cleanup_json_ json_t *header = json_pack(
		"{s:I s:s s:I s:{s:I s:i} s:{s:I s:i} s:{s:I} s:[] s:{s:i s:s s:[s]}}", "epoch",
		(json_int_t)json_get_int(grant, "epoch", 0), "operation", operation, "attempt",
		(json_int_t)json_get_int(grant, "attempt.number", 0), "from", "stdout",
		(json_int_t)from, "stderr", 0, "to", "stdout", (json_int_t)to, "stderr", 0,
		"cursor", "n", (json_int_t)to, "events", "started", "time", 1000, "command",
		operation, "covers", operation);
	if (ends)
		json_object_set_new(header, "ended",
				    json_pack("{s:i s:s s:i s:i s:[] s:b s:{s:s s:b s:s s:{s:i}}}",
					      "time", 2000, "result", "succeeded", "exitCode", 0,
					      "signal", 0, "errors", "operationEnds", 1, "facts",
					      "command", operation, "hasChanges", 1, "planDigest",
					      "ab", "changes", "create", 1));
	else
		json_array_append_new(json_object_get(header, "events"),
				      json_pack("{s:s s:i s:s s:s s:[i] s:[]}", "type", "log",
						"time", 1000, "operation", operation, "stream",
						"stdout", "lengths", (int)sizeof(line) - 1, "cut"));
	_cleanup_free_ char *text = json_to_text(header, JSON_WRITE_COMPACT);
	_cleanup_free_ char *body = xasprintf("%s\n%s", text, ends ? "" : line);
	_cleanup_free_ char *path =
		xasprintf("/runner/v1/jobs/%s/report", json_get_str(grant, "job.id"));
	json_t *answer = NULL;
	call(r->world, r->http,
	     (struct http_call){.method = "POST",
				.path = path,
				.content_type = "application/x-planton-report",
				.body = body,
				.body_len = strlen(body)},
	     &answer);
	return answer;
}

/* Every operation of the job succeeds, each with some lines. */
static void run_job(struct runner *r, json_t *first)
{
	_cleanup_json_ json_t *grant = json_incref(first);
	for (;;) {
		for (int64_t i = 0; i < REPORTS; i++) {
			_cleanup_json_ json_t *answer = report(r, grant, i * sizeof(line), false);
			if (!answer)
				return;
		}
		_cleanup_json_ json_t *answer = report(r, grant, REPORTS * sizeof(line), true);
		if (!answer)
			return;
		if (streq(json_get_str(answer, "next.type"), "release"))
			break;
		json_decref(grant);
		grant = json_incref(json_get(answer, "next.grant"));
	}
	atomic_fetch_add(&r->world->completed, 1);
}

static void *runner(void *world)
{
	struct world *w = world;
	struct runner r;
	bool goes_on = runner_register(&r, w, "works");
	while (goes_on) {
		_cleanup_json_ json_t *answer = runner_poll(&r);
		goes_on = answer != NULL;
		json_array_clear(r.held);
		size_t i;
		json_t *grant;
		json_array_foreach(json_object_get(answer, "jobs"), i, grant) run_job(&r, grant);
	}
	runner_release(&r);
	return NULL;
}

/* A runner that takes a job and is never heard of again: the job becomes the ticker's business. */
static void lose_a_runner(struct world *w, struct http_client *c)
{
	struct runner r;
	_cleanup_free_ char *name = xasprintf("lost-%u", w->round);
	free(apply(w, c, name));
	assert_true(runner_register(&r, w, "lost"));
	_cleanup_json_ json_t *answer = runner_poll(&r);
	const json_t *grant = json_array_get(json_object_get(answer, "jobs"), 0);
	free(w->lost_job);
	w->lost_job = xstrdup(json_get_str(grant, "job.id"));
	runner_release(&r);
}

/* ---- The server ---- */

static void *serve(void *world)
{
	struct world *w = world;
	_cleanup_free_ char *data = path_join(w->folder, "data", NULL);
	char *arguments[] = {(char *)"server",
			     (char *)"--data",
			     data,
			     (char *)"--listen",
			     (char *)"127.0.0.1:0",
			     (char *)"--catalog",
			     (char *)CATALOG_FOLDER,
			     (char *)"--no-runner",
			     (char *)"--lease",
			     (char *)"1s",
			     NULL};
	return (void *)(intptr_t)server_main((int)ARRAY_SIZE(arguments) - 1, arguments);
}

static bool is_ready(struct world *w)
{
	_cleanup_free_ char *path = path_join(w->folder, "planton/config.yaml", NULL), *text = NULL;
	_cleanup_json_ json_t *config = NULL;
	size_t size;
	if (read_file(path, (size_t)1 << 20, &text, &size) < 0 ||
	    yaml_parse_one(text, size, &config, NULL) < 0)
		return false;
	free(w->url);
	free(w->key);
	w->key = NULL;
	w->url = xstrdup_null(json_get_str(config, "contexts.local.server"));
	const char *key_file = json_get_str(config, "contexts.local.tokenFile");
	if (!key_file || read_file(key_file, 4096, &w->key, NULL) < 0)
		return false;
	w->key[strcspn(w->key, "\n")] = '\0';
	struct http_client *c = connect_as(w, w->key);
	struct http_reply reply;
	bool ready = http_client_call(c, &(struct http_call){.method = "GET", .path = "/readyz"},
				      &reply, NULL) == 0;
	if (ready)
		http_reply_release(&reply);
	http_client_free(c);
	return ready;
}

static void live_through_a_round(struct world *w)
{
	pthread_t server, others[PEOPLE + RUNNERS + WATCHERS];
	atomic_store(&w->stopping, false);
	atomic_store(&w->people, 0);
	unsigned completed = atomic_load(&w->completed), watched = atomic_load(&w->watched);
	assert_int_equal(pthread_create(&server, NULL, serve, w), 0);
	EVENTUALLY(is_ready(w));
	struct http_client *c = connect_as(w, w->key);
	lose_a_runner(w, c);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(pthread_create(&others[i], NULL,
						i < PEOPLE	       ? person
						: i < PEOPLE + RUNNERS ? runner
								       : watcher,
						w),
				 0);
	assert_true(wait_for_job(w, c, w->lost_job));
	http_client_free(c);
	EVENTUALLY(atomic_load(&w->completed) >= completed + JOBS_COMPLETED &&
		   atomic_load(&w->watched) >= watched + STREAMS_WATCHED);
	atomic_store(&w->stopping, true);
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	void *code;
	pthread_join(server, &code);
	assert_int_equal((intptr_t)code, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
		pthread_join(others[i], NULL);
}

static void all_that_meets_in_a_server(void **state)
{
	(void)state;
	char folder[] = "/tmp/planton-server-XXXXXX";
	sigset_t set;
	assert_non_null(mkdtemp(folder));
	struct world w = {.folder = folder};
	setenv("XDG_CONFIG_HOME", folder, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (w.round = 0; w.round < ROUNDS; w.round++)
		live_through_a_round(&w);
	assert_true(atomic_load(&w.left) > 0);
	free(w.url);
	free(w.key);
	free(w.lost_job);
	rm_rf(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_that_meets_in_a_server)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
