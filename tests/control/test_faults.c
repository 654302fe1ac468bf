/* What is broken in one job stays with it, and a rolled back transaction forgets nothing. */
#include "fixture.h"

#include <unistd.h>

#include "base/encoding.h"

static struct work *begin_as_runner(struct runner *r)
{
	const struct actor actor = {.principal = "runner", .runner_id = r->id};
	struct work *w = NULL;
	OK(work_begin(r->fixture->control, &actor, STORE_WRITE, &w, ERR));
	return w;
}

static struct attempt at_apply(struct runner *r, const char *job_id)
{
	struct attempt a;
	json_t *answer = run_to_preview_end(r, job_id, &a);
	return granted(r, answer, "apply");
}

/* Approved, and never resolved: no rule has a way for it. */
static void break_job(struct fixture *f, const char *id)
{
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	OK(job_get(w->tx, id, &row, ERR));
	replace_string(&row.pause, "{\"approvals\": [{\"at\": \"before_start\"}]}");
	OK(job_update(w->tx, &row, row.status, row.epoch, ERR));
	end(w);
}

static void a_job_that_cannot_be_handed_out_fails_alone(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *broken, *good;
	apply(f, "broken", "hello", "{\"isManual\": true}", &broken);
	apply(f, "good", "hello", NULL, &good);
	break_job(f, broken);

	_cleanup_json_ json_t *body = json_object(), *answer = NULL;
	struct work *w = begin_as_runner(r);
	assert_true(runner_poll(w, body, true, true, &answer, ERR) < 0);
	error_free(test_error);
	test_error = NULL;
	work_rollback(w);

	claim(r, good, "init");
	assert_job(f, broken, "completed/failed/launch_failed");
	_cleanup_json_ json_t *document = job(f, broken);
	assert_non_null(strstr(json_get_str(document, "status.error.message"), "approved already"));
	OK(runners_tick(f->control, ERR));
	runner_free(r);
}

static void a_rollback_loses_no_unassigned_job(void **state)
{
	struct fixture *f = *state;
	struct runner *one = runner_new(f, "one", 1), *two = runner_new(f, "two", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(one, id, "init");
	json_decref(report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "begun", NULL));
	struct work *w = begin(f);
	OK(runner_abandon(w, one->id, "gone", true, ERR));
	end(w);
	forget(one, id);

	_cleanup_json_ json_t *body = json_object(), *answer = NULL;
	w = begin_as_runner(two);
	OK(runner_poll(w, body, true, true, &answer, ERR));
	assert_int_equal(json_array_size(json_object_get(answer, "jobs")), 1);
	work_rollback(w);

	claim(two, id, "init");
	runner_free(one);
	runner_free(two);
}

/* Its credentials are gone between two engine commands of one operation. */
static void a_grant_that_cannot_follow_fails_the_job(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	_cleanup_(apply_result_release) struct apply_result made = {0}, connected = {0};
	json_t *connection =
		json_pack("{s:s s:s s:{s:s} s:{s:s s:b s:{s:s s:s s:s s:s}}}", "apiVersion",
			  "planton.dev/v1", "kind", "Connection", "metadata", "name", "pg", "spec",
			  "provider", "postgresql", "default", 1, "fields", "host", "db", "port",
			  "5432", "user", "u", "password", "correct horse");
	json_t *database =
		json_pack("{s:s s:s s:{s:s s:s} s:{s:s}}", "apiVersion",
			  "postgresql.planton.dev/v1", "kind", "PostgresDatabase", "metadata",
			  "name", "orders", "env", "dev", "spec", "databaseName", "orders");
	struct work *w = begin(f);
	OK(resource_apply(w, connection, &(struct apply_options){0}, &connected, ERR));
	OK(resource_apply(w, database, &(struct apply_options){.create_job = true}, &made, ERR));
	end(w);
	json_decref(connection);
	json_decref(database);
	struct attempt a = claim(r, made.job.id, "init");
	a = granted(r, run(&a), "refresh");

	w = begin(f);
	OK(resource_delete(w->tx, connected.resource.id, ERR));
	end(w);
	json_t *answer =
		report(&a, "{\"time\": 1000, \"command\": \"plan\"}", NULL, "drift",
		       &(struct ending){
			       .result = "succeeded", .facts = "{\"drift\": 1}", .goes_on = true});
	released(&a, answer, "completed/failed");
	assert_job(f, made.job.id, "completed/failed/credentials_unavailable");
	assert_operations(f, made.job.id,
			  "init:succeeded refresh:failed preview:skipped apply:skipped");
	runner_free(r);
}

static const char *const begun =
	"[{\"type\": \"resource\", \"time\": 1, \"operation\": \"apply\", \"payload\": "
	"{\"address\": \"pg_role.a\", \"type\": \"pg_role\", \"action\": \"create\", \"phase\": "
	"\"started\"}},"
	" {\"type\": \"resource\", \"time\": 2, \"operation\": \"apply\", \"payload\": "
	"{\"address\": \"pg_role.a\", \"type\": \"pg_role\", \"action\": \"create\", \"phase\": "
	"\"done\", \"idKey\": \"id\", \"idValue\": \"one\"}}]";

static void assert_adoption(struct fixture *f, const char *id, const char *advice)
{
	_cleanup_json_ json_t *document = job(f, id);
	const json_t *adoptions = json_get(document, "status.adoptions");
	assert_int_equal(json_array_size(adoptions), 1);
	assert_string_equal(json_get_str(json_array_get(adoptions, 0), "advice"), advice);
}

static void a_killed_engine_leaves_what_it_reported(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id, *resource = apply(f, "x", "hello", NULL, &id);
	struct attempt a = at_apply(r, id);
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", begun, "changing", NULL));
	released(&a,
		 report(&a, NULL, NULL, NULL, &(struct ending){.result = "failed", .signal = 9}),
		 "completed/failed");
	assert_job(f, id, "completed/failed/engine_killed");
	assert_adoption(f, id, "import { to = pg_role.a  id = \"one\" }");
	assert_blocked(f, create_job(f, resource, JOB_UPDATE), "--operation refresh");
	runner_free(r);
}

static void send_evidence(struct runner *r, struct attempt *a, bool final)
{
	_cleanup_free_ char *errored = base64_encode("{}", 2);
	_cleanup_json_ json_t *body =
		json_pack("{s:I s:s s:I s:n s:[] s:s? s:b}", "epoch",
			  (json_int_t)json_get_int(a->grant, "epoch", 0), "operation",
			  json_get_str(a->grant, "attempt.operation"), "attempt",
			  (json_int_t)json_get_int(a->grant, "attempt.number", 0), "ended",
			  "journal", "erroredState", final ? NULL : errored, "final", final);
	struct work *w = begin_as_runner(r);
	OK(runner_evidence(w, a->job, body, ERR));
	end(w);
}

static void an_engine_that_could_not_save_its_state_leaves_what_it_reported(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id, *resource = apply(f, "x", "hello", NULL, &id);
	struct attempt a = at_apply(r, id);
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", begun, "changing", NULL));
	send_evidence(r, &a, false);
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "failed"}),
		 "completed/failed");
	assert_adoption(f, id, "import { to = pg_role.a  id = \"one\" }");
	assert_blocked(f, create_job(f, resource, JOB_UPDATE), "--operation refresh");
	runner_free(r);
}

/* An ordinary failure is no reason to hold anything: the engine saved what it knew. */
static void an_engine_that_failed_by_itself_holds_nothing(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id, *resource = apply(f, "x", "hello", NULL, &id);
	struct attempt a = at_apply(r, id);
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", begun, "changing", NULL));
	write_state(&a, 1, "pg_role.a");
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "failed"}),
		 "completed/failed");
	claim(r, create_job(f, resource, JOB_UPDATE), "init");
	runner_free(r);
}

/* Its runner gave it up while the lease was good: the loss must not come after the word that ends
 * its hold. */
static void the_last_word_of_a_runner_ends_its_lease(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id, *resource = apply(f, "x", "hello", NULL, &id);
	struct attempt a = at_apply(r, id);
	json_incref(a.grant);
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", begun, "changing", NULL));
	send_evidence(r, &a, true);
	forget(r, id);
	assert_idle(r);
	assert_job(f, id, "completed/failed/runner_lost");
	assert_blocked(f, create_job(f, resource, JOB_UPDATE), "--operation refresh");
	json_decref(a.grant);
	runner_free(r);
}

static void a_state_that_cannot_be_read_keeps_no_job_from_being_lost(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *r = runner_new(f, "one", 9);
	const char *id, *other;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = at_apply(r, id);
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", begun, "changing", NULL));
	write_state(&a, 1, "pg_role.a");
	apply(f, "y", "hello", NULL, &other);
	struct attempt b = claim(r, other, "init");
	json_decref(report(&b, "{\"time\": 1, \"command\": \"init\"}", NULL, "begun", NULL));

	struct master_key *right = f->master_key;
	assert_int_equal(master_key_generate(&f->master_key), 0);
	fixture_restart(f);
	OK(runners_tick(f->control, ERR));
	usleep(1100 * 1000);
	OK(runners_tick(f->control, ERR));
	assert_job(f, id, "completed/failed/runner_lost");
	assert_job(f, other, "running/tbd");
	fixture_restart(f);
	master_key_free(f->master_key);
	f->master_key = right;
	fixture_restart(f);
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(a_job_that_cannot_be_handed_out_fails_alone),
		CONTROL_TEST(a_rollback_loses_no_unassigned_job),
		CONTROL_TEST(a_grant_that_cannot_follow_fails_the_job),
		CONTROL_TEST(a_killed_engine_leaves_what_it_reported),
		CONTROL_TEST(an_engine_that_could_not_save_its_state_leaves_what_it_reported),
		CONTROL_TEST(an_engine_that_failed_by_itself_holds_nothing),
		CONTROL_TEST(the_last_word_of_a_runner_ends_its_lease),
		CONTROL_TEST(a_state_that_cannot_be_read_keeps_no_job_from_being_lost),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
