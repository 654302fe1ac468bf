/* Applying what is saved already: a job unless the newest change brought, or may still bring, just
 * that version. */
#include "documents.h"

#define PAUSING "{\"pauseBetweenPreviewAndUpdateOrDestroy\": true}"

static struct apply_result try_again(struct fixture *f, bool create_job)
{
	struct apply_result result = {0};
	const struct apply_options options = {.create_job = create_job, .message = "again"};
	OK(try_apply(f,
		     document("{'apiVersion': 'playground.planton.dev/v1', 'kind': 'Playground', "
			      "'metadata': {'name': 'x', 'env': 'dev'}, 'spec': {'message': 'm'}}"),
		     &options, &result, ERR));
	assert_int_equal(result.outcome, APPLY_UNCHANGED);
	return result;
}

static void assert_left_alone(struct fixture *f)
{
	_cleanup_(apply_result_release) struct apply_result result = try_again(f, true);
	assert_null(result.job.id);
	assert_null(result.reason);
}

/* Expects an update of the version that there is, for that reason; returns its id. */
static char *assert_updated_again(struct fixture *f, const char *reason)
{
	_cleanup_(apply_result_release) struct apply_result saved = try_again(f, false),
							    result = {0};
	assert_null(saved.job.id);
	assert_null(saved.reason);
	result = try_again(f, true);
	assert_non_null(result.reason);
	assert_string_equal(result.reason, reason);
	assert_int_equal(result.job.operation, JOB_UPDATE);
	assert_string_equal(result.job.message, "again");
	assert_string_equal(result.job.version_id, saved.resource.version_id);
	assert_string_equal(result.resource.version_id, saved.resource.version_id);
	return xstrdup(result.job.id);
}

static void fail_job(struct runner *r, const char *id)
{
	struct attempt a = claim(r, id, "init");
	released(&a,
		 report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "no",
			&(struct ending){.result = "failed", .error = "no"}),
		 "completed/failed");
}

static void a_change_that_may_still_come_is_not_repeated(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "m", NULL, &id);
	assert_left_alone(f);
	struct attempt a = claim(r, id, "init");
	assert_left_alone(f);
	a = granted(r, run(&a), "refresh");
	forget(r, id);
	runner_free(r);
}

static void a_change_that_succeeded_is_not_repeated(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	const char *resource = apply(f, "x", "m", NULL, &id);
	run_job(r, id, 1, "t.a");
	assert_left_alone(f);
	fail_job(r, create_job(f, resource, JOB_PREVIEW));
	fail_job(r, create_job(f, resource, JOB_REFRESH));
	assert_left_alone(f);
	runner_free(r);
}

static void a_plan_that_waits_for_approval_is_not_repeated(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a;
	apply(f, "x", "m", PAUSING, &id);
	json_t *answer = run_to_preview_end(r, id, &a);
	released(&a, answer, "awaiting_approval/tbd");
	const char *again;
	apply(f, "x", "m", PAUSING, &again);
	assert_null(again);
	cancel(f, id, false);
	apply(f, "x", "m", PAUSING, &again);
	assert_non_null(again);
	runner_free(r);
}

static void what_failed_or_was_cancelled_is_repeated(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	const char *resource = apply(f, "x", "m", NULL, &id);
	fail_job(r, id);
	_cleanup_free_ char *second =
		assert_updated_again(f, "its last update failed: updating again");
	assert_left_alone(f);
	cancel(f, second, false);
	_cleanup_free_ char *third =
		assert_updated_again(f, "its last update was cancelled: updating again");
	struct version_row *versions = NULL;
	struct work *w = begin(f);
	assert_int_equal(OK(version_list(w->tx, resource, NULL, 10, &versions, ERR)), 1);
	end(w);
	version_row_release(&versions[0]);
	free(versions);
	run_job(r, third, 1, "t.a");
	assert_left_alone(f);
	runner_free(r);
}

static void what_never_ran_is_updated(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *resource = apply(f, "x", "m", NULL, NULL);
	fail_job(r, create_job(f, resource, JOB_PREVIEW));
	_cleanup_free_ char *id = assert_updated_again(f, "it was never updated: updating");
	run_job(r, id, 1, "t.a");
	runner_free(r);
}

static void another_version_is_not_this_one(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "before", NULL, &id);
	run_job(r, id, 1, "t.a");
	apply(f, "x", "m", NULL, NULL);
	_cleanup_free_ char *newer =
		assert_updated_again(f, "its last update was of another version: updating");
	run_job(r, newer, 2, "t.a");
	assert_left_alone(f);
	_cleanup_(job_row_release) struct job_row back = {0};
	struct work *w = begin(f);
	OK(job_rerun(w, id, NULL, true, &back, ERR));
	end(w);
	run_job(r, back.id, 3, "t.a");
	free(assert_updated_again(f, "its last update was of another version: updating"));
	runner_free(r);
}

static void what_was_destroyed_is_updated(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	const char *resource = apply(f, "x", "m", NULL, &id);
	run_job(r, id, 1, "t.a");
	id = create_job(f, resource, JOB_DESTROY);
	run_job(r, id, 2, "");
	_cleanup_free_ char *back = assert_updated_again(f, "it was destroyed: updating again");
	run_job(r, back, 3, "t.a");
	assert_left_alone(f);
	id = create_job(f, resource, JOB_DESTROY);
	_cleanup_free_ char *behind =
		assert_updated_again(f, "its last change is a destroy: updating again");
	assert_blocked(f, behind, "earlier");
	runner_free(r);
}

static void what_wants_no_lifecycle_jobs_gets_none(void **state)
{
	struct fixture *f = *state;
	const char *id;
	for (int i = 0; i < 2; i++) {
		apply(f, "x", "m", "{\"disableOnLifecycleEvents\": true}", &id);
		assert_null(id);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(a_change_that_may_still_come_is_not_repeated),
		CONTROL_TEST(a_change_that_succeeded_is_not_repeated),
		CONTROL_TEST(a_plan_that_waits_for_approval_is_not_repeated),
		CONTROL_TEST(what_failed_or_was_cancelled_is_repeated),
		CONTROL_TEST(what_never_ran_is_updated),
		CONTROL_TEST(another_version_is_not_this_one),
		CONTROL_TEST(what_was_destroyed_is_updated),
		CONTROL_TEST(what_wants_no_lifecycle_jobs_gets_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
