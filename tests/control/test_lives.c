/* The four kinds of jobs from end to end: as they are, with every report sent twice, with a server
 * restarted before every call, both. */
#include "fixture.h"

static void in_every_way(struct fixture *f,
			 void (*life)(struct fixture *f, struct runner *r, const char *name))
{
	static const char *const names[] = {"plain", "twice", "restarted", "both"};
	struct runner *r = runner_new(f, "one", 4);
	for (unsigned way = 0; way < 4; way++) {
		f->duplicates = way & 1;
		f->restarts = way & 2;
		life(f, r, names[way]);
		assert_int_equal(json_object_size(r->held), 0);
	}
	runner_free(r);
}

static void update_life(struct fixture *f, struct runner *r, const char *name)
{
	const char *id;
	const char *resource = apply(f, name, "hello", NULL, &id);
	assert_job(f, id, "queued/tbd");
	assert_operations(f, id, "init:queued refresh:queued preview:queued apply:queued");
	run_job(r, id, 1, "t.a");
	assert_job(f, id, "completed/succeeded");
	assert_operations(f, id,
			  "init:succeeded refresh:succeeded preview:succeeded apply:succeeded");
	assert_stream(f, id);

	_cleanup_json_ json_t *status = resource_status(f, resource), *document = job(f, id);
	assert_string_equal(json_get_str(status, "lastJob.id"), id);
	assert_string_equal(json_get_str(status, "outputs.message.value"), "hello");
	assert_null(json_get_str(status, "outputs.secret.value"));
	assert_string_equal(json_get_str(status, "pinned.provisioner"), "tofu");
	assert_int_equal(json_get_int(document, "status.summary.create", -1), 1);
	assert_true(json_get_bool(document, "status.preflight.ok", false));
}

static void update(void **state)
{
	in_every_way(*state, update_life);
}

static void destroy_life(struct fixture *f, struct runner *r, const char *name)
{
	const char *id;
	const char *resource = apply(f, name, "hello", NULL, &id);
	run_job(r, id, 1, "t.a");
	id = create_job(f, resource, JOB_DESTROY);
	run_job(r, id, 2, "");
	assert_operations(f, id,
			  "init:succeeded refresh:succeeded preview:succeeded destroy:succeeded");
	_cleanup_json_ json_t *status = resource_status(f, resource);
	assert_null(json_object_get(status, "pinned"));
}

static void destroy(void **state)
{
	in_every_way(*state, destroy_life);
}

static void refresh_life(struct fixture *f, struct runner *r, const char *name)
{
	const char *id = create_job(f, apply(f, name, "hello", NULL, NULL), JOB_REFRESH);
	struct attempt a = claim(r, id, "init");
	a = granted(r, run(&a), "refresh");
	a = granted(r,
		    report(&a, "{\"time\": 1000, \"command\": \"plan_refresh_only\"}", NULL,
			   "looking",
			   &(struct ending){
				   .result = "succeeded",
				   .goes_on = true,
				   .facts = "{\"command\": \"plan_refresh_only\", \"drift\": 2}"}),
		    "refresh");
	assert_int_equal(json_get_int(a.grant, "attempt.number", 0), 2);
	assert_string_equal(json_get_str(a.grant, "attempt.previous.command"), "plan_refresh_only");
	assert_string_equal(json_get_str(a.grant, "attempt.previous.result"), "succeeded");
	assert_int_equal(json_get_int(a.grant, "attempt.previous.attempt", 0), 1);
	released(&a, run(&a), "completed/succeeded");
	assert_operations(f, id, "init:succeeded refresh:succeeded");
}

static void refresh(void **state)
{
	in_every_way(*state, refresh_life);
}

static void preview_life(struct fixture *f, struct runner *r, const char *name)
{
	const char *id = create_job(f, apply(f, name, "hello", NULL, NULL), JOB_PREVIEW);
	struct attempt a;
	json_t *answer = run_to_preview_end(r, id, &a);
	released(&a, answer, "completed/succeeded");
	assert_operations(f, id, "init:succeeded refresh:succeeded preview:succeeded");
}

static void preview(void **state)
{
	in_every_way(*state, preview_life);
}

static void paused_life(struct fixture *f, struct runner *r, const char *name)
{
	const char *id;
	apply(f, name, "hello", "{\"pauseBetweenPreviewAndUpdateOrDestroy\": true}", &id);
	struct attempt a;
	json_t *answer = run_to_preview_end(r, id, &a);
	released(&a, answer, "awaiting_approval/tbd");
	assert_job(f, id, "awaiting_approval/tbd");
	assert_idle(r);
	{
		_cleanup_json_ json_t *document = job(f, id);
		assert_string_equal(json_get_str(document, "status.pause.at"), "before_change");
		assert_string_equal(json_get_str(document, "status.pause.planDigest"), "d1");
		assert_null(json_get_str(document, "status.runnerId"));
	}
	resume(f, id);
	a = claim(r, id, "init");
	assert_string_equal(json_get_str(a.grant, "plan.digest"), "d1");
	assert_string_equal(json_get_str(a.grant, "plan.artifact"), "pack");
	assert_false(json_get_bool(a.grant, "pauseBeforeChange", true));
	a = granted(r, run(&a), "apply");
	assert_string_equal(json_get_str(a.grant, "plan.digest"), "d1");
	json_decref(report(&a, "{\"time\": 1300, \"command\": \"apply\"}", NULL, "changing", NULL));
	write_state(&a, 1, "t.a");
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "succeeded"}),
		 "completed/succeeded");
	_cleanup_json_ json_t *document = job(f, id);
	const json_t *approval = json_array_get(json_get(document, "status.pause.approvals"), 0);
	assert_string_equal(json_get_str(approval, "comment"), "looks right");
	assert_string_equal(json_get_str(approval, "planDigest"), "d1");
}

static void a_pause_between_preview_and_apply(void **state)
{
	in_every_way(*state, paused_life);
}

static void manual_life(struct fixture *f, struct runner *r, const char *name)
{
	const char *id;
	apply(f, name, "hello", "{\"isManual\": true, \"skipRefresh\": true}", &id);
	OK(runners_tick(f->control, ERR));
	assert_job(f, id, "awaiting_approval/tbd");
	assert_operations(f, id, "init:queued refresh:skipped preview:queued apply:queued");
	resume(f, id);
	assert_job(f, id, "queued/tbd");
	struct attempt a = claim(r, id, "init");
	a = granted(r, run(&a), "preview");
	a = granted(r, run(&a), "apply");
	released(&a, run(&a), "completed/succeeded");
	assert_operations(f, id,
			  "init:succeeded refresh:skipped preview:succeeded apply:succeeded");
}

static void a_manual_job_waits_before_its_start(void **state)
{
	in_every_way(*state, manual_life);
}

static void no_preview_life(struct fixture *f, struct runner *r, const char *name)
{
	const char *id;
	apply(f, name, "hello", "{\"previewBeforeUpdateOrDestroy\": false}", &id);
	struct attempt a = claim(r, id, "init");
	a = granted(r, run(&a), "refresh");
	a = granted(r, run(&a), "apply");
	assert_true(json_is_null(json_object_get(a.grant, "plan")));
	a = granted(r,
		    report(&a, "{\"time\": 1, \"command\": \"plan\"}", NULL, NULL,
			   &(struct ending){.result = "succeeded",
					    .goes_on = true,
					    .facts = "{\"command\": \"plan\"}"}),
		    "apply");
	released(&a, run(&a), "completed/succeeded");
	assert_operations(f, id,
			  "init:succeeded refresh:succeeded preview:skipped apply:succeeded");
}

static void an_update_without_a_preview(void **state)
{
	in_every_way(*state, no_preview_life);
}

static void a_failure_skips_the_rest(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(r, id, "init");
	released(&a,
		 report(&a, "{\"time\": 1000, \"command\": \"init\"}", NULL, "no",
			&(struct ending){.result = "failed", .error = "no such module"}),
		 "completed/failed");
	assert_job(f, id, "completed/failed/operation_failed");
	assert_operations(f, id, "init:failed refresh:skipped preview:skipped apply:skipped");
	_cleanup_json_ json_t *document = job(f, id);
	assert_string_equal(json_get_str(document, "status.error.message"),
			    "init failed: no such module");
	runner_free(r);
}

static void assert_last_job(struct fixture *f, const char *resource, const char *id)
{
	_cleanup_json_ json_t *status = resource_status(f, resource);
	assert_string_equal(json_get_str(status, "lastJob.id"), id);
}

static void a_preview_says_nothing_of_its_resource(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	struct attempt a;
	const char *id;
	const char *resource = apply(f, "x", "hello", NULL, &id);
	run_job(r, id, 1, "t.a");
	const char *preview = create_job(f, resource, JOB_PREVIEW);
	json_t *answer = run_to_preview_end(r, preview, &a);
	released(&a, answer, "completed/succeeded");
	assert_last_job(f, resource, id);
	cancel(f, create_job(f, resource, JOB_PREVIEW), false);
	assert_last_job(f, resource, id);
	runner_free(r);
}

static void the_last_job_is_the_newest(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *older;
	const char *resource = apply(f, "x", "hello", NULL, &older);
	const char *newer = create_job(f, resource, JOB_UPDATE);
	cancel(f, newer, false);
	run_job(r, older, 1, "t.a");
	assert_last_job(f, resource, newer);
	const char *newest = create_job(f, resource, JOB_REFRESH);
	cancel(f, newest, false);
	assert_last_job(f, resource, newest);
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(update),
		CONTROL_TEST(destroy),
		CONTROL_TEST(refresh),
		CONTROL_TEST(preview),
		CONTROL_TEST(a_pause_between_preview_and_apply),
		CONTROL_TEST(a_manual_job_waits_before_its_start),
		CONTROL_TEST(an_update_without_a_preview),
		CONTROL_TEST(a_failure_skips_the_rest),
		CONTROL_TEST(a_preview_says_nothing_of_its_resource),
		CONTROL_TEST(the_last_job_is_the_newest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
