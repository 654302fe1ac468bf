/* Reports that are late, repeated, ahead, too large or not understood; grants that are asked for
 * again. */
#include "fixture.h"

static struct work *begin_as_runner(struct runner *r)
{
	const struct actor actor = {.principal = "runner", .runner_id = r->id};
	struct work *w = NULL;
	OK(work_begin(r->fixture->control, &actor, STORE_WRITE, &w, ERR));
	return w;
}

/* Fails with expected (0: must not), and leaves the stream as it was. The answer is the caller's.
 */
static json_t *send_text(struct attempt *a, const char *format_text, const char *logs,
			 enum error_code expected)
{
	_cleanup_json_ json_t *header = json_loads(format_text, 0, NULL);
	assert_non_null(header);
	if (!json_object_get(header, "epoch"))
		json_object_set_new(header, "epoch",
				    json_integer(json_get_int(a->grant, "epoch", 0)));
	json_object_set(header, "operation", json_get(a->grant, "attempt.operation"));
	json_object_set(header, "attempt", json_get(a->grant, "attempt.number"));
	json_t *answer = NULL;
	struct work *w = begin_as_runner(a->runner);
	if (expected) {
		FAILS(expected, runner_report(w, a->job, header, logs, strlen(logs), &answer, ERR));
		work_rollback(w);
	} else {
		OK(runner_report(w, a->job, header, logs, strlen(logs), &answer, ERR));
		end(w);
	}
	return answer;
}

#define BODY(from, to, more)                                                         \
	"{\"from\": {\"stdout\": " from ", \"stderr\": 0}, \"to\": {\"stdout\": " to \
	", \"stderr\": 0}, \"cursor\": {\"n\": 1}, " more "}"
#define STARTED "\"started\": {\"time\": 1, \"command\": \"init\"}"
#define LOG(n)                                                                               \
	"{\"type\": \"log\", \"time\": 1, \"operation\": \"init\", \"stream\": \"stdout\", " \
	"\"lengths\": [" n "]}"

static struct attempt at_init(struct fixture *f, struct runner **ret_runner, const char **ret_job)
{
	*ret_runner = runner_new(f, "one", 1);
	apply(f, "x", "hello", NULL, ret_job);
	return claim(*ret_runner, *ret_job, "init");
}

static void what_is_refused(void **state)
{
	struct fixture *f = *state;
	struct runner *r;
	const char *id;
	struct attempt a = at_init(f, &r, &id);
	int64_t before = assert_stream(f, id);
	static const struct {
		const char *header, *logs;
		enum error_code code;
	} refused[] = {
		{BODY("0", "0", "\"events\": []"), "", ERROR_INVALID_ARGUMENT},
		{BODY("5", "9", STARTED), "", ERROR_CONFLICT},
		{BODY("0", "-1", STARTED), "", ERROR_INVALID_ARGUMENT},
		{"{\"cursor\": {}, " STARTED "}", "", ERROR_INVALID_ARGUMENT},
		{BODY("0", "5", STARTED ", \"events\": [" LOG("9") "]"), "hello",
		 ERROR_INVALID_ARGUMENT},
		{BODY("0", "5", STARTED ", \"events\": [" LOG("4") "]"), "hello",
		 ERROR_INVALID_ARGUMENT},
		{BODY("0", "5", STARTED ", \"events\": [" LOG("-1") "]"), "hello",
		 ERROR_INVALID_ARGUMENT},
		{BODY("0", "5",
		      STARTED ", \"events\": [{\"type\": \"job_status\", \"operation\": \"init\", "
			      "\"payload\": {}}]"),
		 "", ERROR_INVALID_ARGUMENT},
		{BODY("0", "5",
		      STARTED ", \"events\": [{\"type\": \"nonsense\", \"operation\": \"init\", "
			      "\"payload\": {}}]"),
		 "", ERROR_INVALID_ARGUMENT},
		{BODY("0", "5",
		      STARTED ", \"events\": [{\"type\": \"resource\", \"operation\": \"destroy\", "
			      "\"payload\": {}}]"),
		 "", ERROR_INVALID_ARGUMENT},
		{BODY("0", "5",
		      STARTED ", \"events\": [{\"type\": \"resource\", \"operation\": \"init\"}]"),
		 "", ERROR_INVALID_ARGUMENT},
		{BODY("0", "5",
		      STARTED ", \"events\": [{\"type\": \"operation_begin\", \"operation\": "
			      "\"preview\"}]"),
		 "", ERROR_INVALID_ARGUMENT},
		{BODY("0", "5",
		      STARTED ", \"events\": [{\"type\": \"operation_end\", \"operation\": "
			      "\"init\", \"result\": \"failed\"}]"),
		 "", ERROR_INVALID_ARGUMENT},
		{BODY("0", "5", STARTED ", \"ended\": {\"result\": \"perhaps\"}"), "",
		 ERROR_INVALID_ARGUMENT},
		{BODY("0", "5", "\"epoch\": 99, " STARTED), "", ERROR_STALE_EPOCH},
	};
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		send_text(&a, refused[i].header, refused[i].logs, refused[i].code);
		assert_int_equal(assert_stream(f, id), before);
	}
	runner_free(r);
}

static void another_runners_attempt(void **state)
{
	struct fixture *f = *state;
	struct runner *r;
	const char *id;
	struct attempt a = at_init(f, &r, &id);
	struct runner *other = runner_new(f, "two", 1);
	a.runner = other;
	send_text(&a, BODY("0", "0", STARTED), "", ERROR_PERMISSION_DENIED);
	runner_free(other);
	runner_free(r);
}

static void limits_are_named(void **state)
{
	struct fixture *f = *state;
	struct runner *r;
	const char *id;
	struct attempt a = at_init(f, &r, &id);
	size_t size = ((size_t)16 << 20) + 1;
	char *logs = xmalloc(size + 1);
	memset(logs, 'x', size);
	logs[size] = '\0';
	send_text(&a, BODY("0", "5", STARTED), logs, ERROR_TOO_LARGE);
	_cleanup_json_ json_t *header = json_loads(BODY("0", "0", STARTED), 0, NULL);
	size = (size_t)2 << 20;
	logs[size] = '\0';
	json_object_set_new(header, "cursor", json_string(logs));
	_cleanup_free_ char *text = json_dumps(header, 0);
	send_text(&a, text, "", ERROR_TOO_LARGE);
	free(logs);
	runner_free(r);
}

static void a_report_from_older_offsets_stores_nothing(void **state)
{
	struct fixture *f = *state;
	struct runner *r;
	const char *id;
	struct attempt a = at_init(f, &r, &id);
	json_decref(
		send_text(&a, BODY("0", "5", STARTED ", \"events\": [" LOG("5") "]"), "hello", 0));
	json_decref(send_text(&a, BODY("5", "10", "\"events\": [" LOG("5") "]"), "world", 0));
	int64_t stored = assert_stream(f, id);
	static const char *const older[] = {BODY("0", "5", STARTED ", \"events\": [" LOG("5") "]"),
					    BODY("0", "10", STARTED),
					    BODY("2", "12", "\"events\": []"), "{}"};
	for (size_t i = 0; i < ARRAY_SIZE(older); i++) {
		_cleanup_json_ json_t *answer = send_text(&a, older[i], "", 0);
		assert_int_equal(json_get_int(answer, "to.stdout", 0), 10);
		assert_int_equal(json_get_int(answer, "cursor.n", 0), 1);
		assert_string_equal(json_get_str(answer, "next.type"), "continue");
		assert_int_equal(assert_stream(f, id), stored);
	}
	a.offset = 10;
	json_decref(report(&a, NULL, NULL, "last", &(struct ending){.result = "succeeded"}));
	runner_free(r);
}

/* After a restart a runner asks without storing. */
static void asking_only(void **state)
{
	struct fixture *f = *state;
	struct runner *r;
	const char *id;
	struct attempt a = at_init(f, &r, &id);
	_cleanup_json_ json_t *before = send_text(&a, "{}", "", 0);
	assert_true(json_is_null(json_object_get(before, "cursor")));
	json_t *granted_answer = run(&a);
	struct attempt done = a;
	json_t *old = json_incref(a.grant);
	done.grant = old;
	_cleanup_json_ json_t *again = send_text(&done, "{}", "", 0);
	assert_string_equal(json_get_str(again, "next.type"), "grant");
	assert_true(json_get_int(again, "next.grant.epoch", 0) >
		    json_get_int(granted_answer, "next.grant.epoch", 0));

	/* Once the next attempt has begun, the old one is over. */
	struct attempt next = granted(r, json_incref(again), "refresh");
	json_decref(report(&next, "{\"time\": 1, \"command\": \"plan\"}", NULL, "l", NULL));
	send_text(&done, "{}", "", ERROR_STALE_EPOCH);
	json_decref(granted_answer);
	json_decref(old);
	runner_free(r);
}

/* A grant that is given anew voids the one before. */
static void only_the_newest_grant_counts(void **state)
{
	struct fixture *f = *state;
	struct runner *r;
	const char *id;
	struct attempt a = at_init(f, &r, &id);
	struct attempt voided = a;
	voided.grant = json_incref(a.grant);
	forget(r, id);
	a = claim(r, id, "init");
	send_text(&voided, BODY("0", "0", STARTED), "", ERROR_STALE_EPOCH);
	json_decref(voided.grant);
	json_decref(run(&a));
	runner_free(r);
}

static void artifacts_belong_to_the_lease(void **state)
{
	struct fixture *f = *state;
	struct runner *r;
	const char *id;
	struct attempt a = at_init(f, &r, &id);
	int64_t epoch = json_get_int(a.grant, "epoch", 0);
	struct work *w = begin_as_runner(r);
	char *digest = NULL;
	void *bytes = NULL;
	size_t len = 0;
	FAILS(ERROR_STALE_EPOCH,
	      runner_artifact_put(w, id, "pack", epoch - 1, "d", "bytes", 5, ERR));
	FAILS(ERROR_NOT_FOUND, runner_artifact_put(w, id, "other", epoch, "d", "bytes", 5, ERR));
	FAILS(ERROR_TOO_LARGE,
	      runner_artifact_put(w, id, "pack", epoch, "d", "bytes", (size_t)1 << 30, ERR));
	OK(runner_artifact_put(w, id, "pack", epoch, "d", "bytes", 5, ERR));
	OK(runner_artifact_get(w, id, "pack", epoch, &digest, &bytes, &len, ERR));
	assert_int_equal(len, 5);
	assert_memory_equal(bytes, "bytes", 5);
	free(digest);
	free(bytes);
	end(w);
	runner_free(r);
}

static void registration(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 3);
	_cleanup_(runner_row_release) struct runner_row row = {0};
	struct work *w = begin(f);
	OK(runner_get(w->tx, r->id, &row, ERR));
	_cleanup_json_ json_t *shown = runner_render(w, &row);
	assert_string_equal(json_get_str(shown, "state"), "online");
	assert_int_equal(json_get_int(shown, "capacity", 0), 3);

	_cleanup_json_ json_t *body = json_pack("{s:s s:s s:s s:i s:s}", "name", "renamed",
						"publicKey", row.public_key, "version", "2",
						"capacity", 1, "workRoot", "/elsewhere"),
			      *answer = NULL;
	OK(runner_register(w, body, &answer, ERR));
	assert_string_equal(json_get_str(answer, "runnerId"), r->id);
	json_object_set_new(body, "capacity", json_integer(0));
	_cleanup_json_ json_t *none = NULL;
	FAILS(ERROR_INVALID_ARGUMENT, runner_register(w, body, &none, ERR));
	json_object_set_new(body, "capacity", json_integer(1));
	json_object_set_new(body, "publicKey", json_string("no key"));
	FAILS(ERROR_INVALID_ARGUMENT, runner_register(w, body, &none, ERR));
	end(w);
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(what_is_refused),
		CONTROL_TEST(another_runners_attempt),
		CONTROL_TEST(limits_are_named),
		CONTROL_TEST(a_report_from_older_offsets_stores_nothing),
		CONTROL_TEST(asking_only),
		CONTROL_TEST(only_the_newest_grant_counts),
		CONTROL_TEST(artifacts_belong_to_the_lease),
		CONTROL_TEST(registration),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
