/* Leaving the queue: the four essentials, their gaps, credentials, and how fast it is. */
#include "fixture.h"

#include "base/clock.h"
#include "base/encoding.h"
#include "base/strbuf.h"

static json_t *database(const char *name, const char *connection)
{
	json_t *manifest =
		json_pack("{s:s s:s s:{s:s s:s} s:{s:s}}", "apiVersion",
			  "postgresql.planton.dev/v1", "kind", "PostgresDatabase", "metadata",
			  "name", name, "env", "dev", "spec", "databaseName", "orders");
	if (connection)
		json_object_set_new(manifest, "placement",
				    json_pack("{s:s}", "connection", connection));
	return manifest;
}

static json_t *connection(const char *name, bool is_default)
{
	return json_pack("{s:s s:s s:{s:s} s:{s:s s:b s:{s:s s:s s:s s:s}}}", "apiVersion",
			 "planton.dev/v1", "kind", "Connection", "metadata", "name", name, "spec",
			 "provider", "postgresql", "default", is_default, "fields", "host",
			 "db.internal", "port", "5432", "user", "postgres", "password",
			 "correct horse");
}

/* Steals manifest; the job's id is the caller's. */
static char *apply_manifest(struct fixture *f, json_t *manifest)
{
	_cleanup_(apply_result_release) struct apply_result result = {0};
	struct work *w = begin(f);
	OK(resource_apply(w, manifest, &(struct apply_options){.create_job = true}, &result, ERR));
	end(w);
	json_decref(manifest);
	return xstrdup_null(result.job.id);
}

static void gaps_fail_the_preflight_and_no_engine_starts(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	_cleanup_free_ char *missing = apply_manifest(f, database("none", NULL));
	_cleanup_free_ char *wrong = apply_manifest(f, database("named", "nowhere"));
	const char *good;
	apply(f, "x", "hello", NULL, &good);
	claim(r, good, "init");
	assert_job(f, missing, "completed/failed/preflight_failed");
	assert_job(f, wrong, "completed/failed/preflight_failed");
	_cleanup_json_ json_t *document = job(f, missing), *other = job(f, wrong);
	assert_false(json_get_bool(document, "status.preflight.ok", true));
	assert_non_null(strstr(json_get_str(document, "status.error.message"),
			       "Nothing ran: no connection for postgresql"));
	assert_non_null(strstr(json_get_str(other, "status.error.message"), "nowhere"));
	assert_true(json_is_null(json_get(document, "status.essentials")));
	runner_free(r);
}

static void gaps_need_no_runner(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *missing = apply_manifest(f, database("none", NULL));
	const char *good;
	apply(f, "x", "hello", NULL, &good);
	OK(runners_tick(f->control, ERR));
	assert_job(f, missing, "completed/failed/preflight_failed");
	assert_job(f, good, "queued/tbd");
}

static json_t *secrets_of(struct attempt *a)
{
	const char *sealed = json_get_str(a->grant, "sealed");
	_cleanup_free_ uint8_t *box = NULL;
	size_t size;
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	assert_int_equal(base64_decode(sealed, strlen(sealed), &box, &size), 0);
	assert_int_equal(box_open(&a->runner->keys, box, size, &text), 0);
	return json_loads(text.data, 0, NULL);
}

static void credentials_reach_only_the_operations_that_need_them(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	_cleanup_free_ char *none = apply_manifest(f, connection("pg", true));
	assert_null(none);
	_cleanup_free_ char *id = apply_manifest(f, database("orders", NULL));
	struct attempt a = claim(r, id, "init");
	_cleanup_json_ json_t *at_init = secrets_of(&a);
	_cleanup_free_ char *key = xstrdup(json_get_str(at_init, "artifactKey"));
	assert_int_equal(json_object_size(json_object_get(at_init, "env")), 0);
	a = granted(r, run(&a), "refresh");
	_cleanup_json_ json_t *at_refresh = secrets_of(&a);
	assert_string_equal(json_get_str(at_refresh, "env.PGPASSWORD"), "correct horse");
	assert_string_equal(json_get_str(at_refresh, "artifactKey"), key);
	assert_string_not_equal(json_get_str(at_refresh, "statePassword"),
				json_get_str(at_init, "statePassword"));
	_cleanup_free_ char *clear = json_to_text(a.grant, JSON_WRITE_COMPACT);
	assert_null(strstr(clear, "correct horse"));
	_cleanup_json_ json_t *document = job(f, id);
	_cleanup_free_ char *shown = json_to_text(document, JSON_WRITE_COMPACT);
	assert_null(strstr(shown, "correct horse"));
	assert_null(strstr(shown, key));
	assert_string_equal(json_get_str(document, "status.essentials.providerCredentials.rule"),
			    "organization");
	runner_free(r);
}

static void a_reference_that_cannot_be_resolved_ends_the_job(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	json_t *manifest =
		json_pack("{s:s s:s s:{s:s s:s} s:{s:{s:{s:s s:s s:s}}}}", "apiVersion",
			  "playground.planton.dev/v1", "kind", "Playground", "metadata", "name",
			  "y", "env", "dev", "spec", "message", "valueFrom", "kind", "Playground",
			  "name", "absent", "fieldPath", "status.outputs.message");
	_cleanup_free_ char *id = apply_manifest(f, manifest);
	assert_idle(r);
	assert_job(f, id, "completed/failed/unresolved_reference");
	assert_operations(f, id, "init:skipped refresh:skipped preview:skipped apply:skipped");
	runner_free(r);
}

static void the_report_without_a_job(void **state)
{
	struct fixture *f = *state;
	struct work *w = begin(f);
	static const struct {
		const char *kind;
		bool ok;
	} cases[] = {{"Playground", true}, {"PostgresDatabase", false}, {"Nonsense", false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *report_ = NULL;
		OK(preflight_report(w, cases[i].kind, &(struct scope){.env = "dev"}, NULL, &report_,
				    ERR));
		assert_int_equal(json_get_bool(report_, "ok", !cases[i].ok), cases[i].ok);
		assert_int_equal(json_array_size(json_object_get(report_, "rows")), 4);
	}
	_cleanup_json_ json_t *named = NULL;
	OK(preflight_report(w, "PostgresDatabase", &(struct scope){.env = "dev"}, "nowhere", &named,
			    ERR));
	assert_false(json_get_bool(named, "ok", true));
	end(w);
}

/* problem: JSON */
static int64_t jobs_given_to(struct runner *r, const char *problem)
{
	const struct actor actor = {.principal = "runner", .runner_id = r->id};
	_cleanup_json_ json_t *body = json_pack("{s:[] s:{s:o}}", "held", "info", "engineProblem",
						json_loads(problem, JSON_DECODE_ANY, NULL)),
			      *answer = NULL;
	struct work *w = NULL;
	OK(work_begin(r->fixture->control, &actor, STORE_WRITE, &w, ERR));
	OK(runner_poll(w, body, true, true, &answer, ERR));
	end(w);
	return (int64_t)json_array_size(json_object_get(answer, "jobs"));
}

static void a_runner_without_an_engine_gets_no_jobs(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	assert_int_equal(jobs_given_to(r, "\"no OpenTofu: there is no /opt/tofu\""), 0);
	assert_blocked(f, id, "runner one has no engine: no OpenTofu: there is no /opt/tofu");
	assert_idle(r);
	/* Another one that has one is only busy. */
	struct runner *other = runner_new(f, "other", 1);
	assert_blocked(f, id, NULL);
	assert_int_equal(jobs_given_to(r, "null"), 1);
	runner_free(r);
	runner_free(other);
}

/* 10,000 queued jobs: claiming stays far below a millisecond beyond the commit. */
static void claims_are_fast_with_a_long_queue(void **state)
{
	struct fixture *f = *state;
	const char *id;
	const char *resource = apply(f, "x", "hello", NULL, &id);
	struct work *w = begin(f);
	_cleanup_(resource_row_release) struct resource_row row = {0};
	OK(resource_get(w->tx, resource, &row, ERR));
	for (int i = 0; i < 10000; i++) {
		_cleanup_(job_row_release) struct job_row made = {0};
		_cleanup_free_ char *own = xasprintf("cr_unsaved%d", i);
		struct resource_row unsaved = row;
		unsaved.id = own;
		OK(job_create(w,
			      &(struct job_request){.unsaved = &unsaved, .operation = JOB_PREVIEW},
			      &made, ERR));
	}
	end(w);
	struct runner *r = runner_new(f, "one", 100);
	const struct actor actor = {.principal = "runner", .runner_id = r->id};
	_cleanup_json_ json_t *body = json_object(), *answer = NULL;
	OK(work_begin(f->control, &actor, STORE_WRITE, &w, ERR));
	uint64_t before = now_realtime_us();
	OK(runner_poll(w, body, true, true, &answer, ERR));
	uint64_t each = (now_realtime_us() - before) / 100;
	end(w);
	assert_int_equal(json_array_size(json_object_get(answer, "jobs")), 100);
	print_message("# %llu us a claim\n", (unsigned long long)each);
	assert_true(each < 20000);
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(gaps_fail_the_preflight_and_no_engine_starts),
		CONTROL_TEST(gaps_need_no_runner),
		CONTROL_TEST(credentials_reach_only_the_operations_that_need_them),
		CONTROL_TEST(a_reference_that_cannot_be_resolved_ends_the_job),
		CONTROL_TEST(the_report_without_a_job),
		CONTROL_TEST(a_runner_without_an_engine_gets_no_jobs),
		CONTROL_TEST(claims_are_fast_with_a_long_queue),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
