/* What people do to a job: cancel in each of its states, resume, rerun. */
#include "fixture.h"

#include <stdio.h>

static const char *const pausing = "{\"pauseBetweenPreviewAndUpdateOrDestroy\": true}";

static void assert_cancel_recorded(struct fixture *f, const char *id, const char *effect)
{
	_cleanup_json_ json_t *document = job(f, id);
	assert_string_equal(json_get_str(document, "status.cancel.actor"), "admin");
	assert_string_equal(json_get_str(document, "status.cancel.reason"), "no longer wanted");
	assert_non_null(json_get_str(document, "status.cancel.time"));
	assert_string_equal(json_get_str(document, "status.cancel.effect"), effect);
}

static void cancelled_while_queued(void **state)
{
	struct fixture *f = *state;
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	cancel(f, id, false);
	assert_job(f, id, "completed/cancelled");
	assert_operations(f, id, "init:skipped refresh:skipped preview:skipped apply:skipped");
	assert_cancel_recorded(f, id, "cancels");
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	FAILS(ERROR_CONFLICT, job_cancel(w, id, NULL, false, &row, ERR));
	end(w);
}

static void cancelled_before_its_start(void **state)
{
	struct fixture *f = *state;
	const char *id;
	apply(f, "x", "hello", "{\"isManual\": true}", &id);
	OK(runners_tick(f->control, ERR));
	assert_job(f, id, "awaiting_approval/tbd");
	cancel(f, id, false);
	assert_job(f, id, "completed/cancelled");
}

static void cancelled_while_reading(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(r, id, "init");
	json_decref(report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "l", NULL));
	cancel(f, id, false);
	assert_job(f, id, "running/tbd");
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "succeeded"}),
		 "completed/cancelled");
	assert_operations(f, id, "init:succeeded refresh:skipped preview:skipped apply:skipped");
	assert_cancel_recorded(f, id, "cancels");
	runner_free(r);
}

/* The process of a fused plan is what is in flight. */
static void cancelled_during_a_fused_plan(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(r, id, "init");
	a = granted(r, run(&a), "refresh");
	json_decref(report(
		&a, "{\"time\": 1, \"command\": \"plan\", \"covers\": [\"refresh\", \"preview\"]}",
		NULL, "l", NULL));
	cancel(f, id, false);
	json_decref(
		report(&a, NULL,
		       "[{\"type\": \"operation_end\", \"time\": 2, \"operation\": \"refresh\", "
		       "\"result\": \"succeeded\"},"
		       " {\"type\": \"operation_begin\", \"time\": 2, \"operation\": \"preview\"}]",
		       NULL, NULL));
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "succeeded"}),
		 "completed/cancelled");
	assert_operations(f, id,
			  "init:succeeded refresh:succeeded preview:succeeded apply:skipped");
	runner_free(r);
}

static void cancelled_while_it_waits_for_approval(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a;
	apply(f, "x", "hello", pausing, &id);
	json_t *answer = run_to_preview_end(r, id, &a);
	released(&a, answer, "awaiting_approval/tbd");
	cancel(f, id, false);
	assert_job(f, id, "completed/cancelled");
	assert_operations(f, id,
			  "init:succeeded refresh:succeeded preview:succeeded apply:skipped");
	runner_free(r);
}

static void cancelled_when_resumed_and_in_nobodys_hands(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a;
	apply(f, "x", "hello", pausing, &id);
	json_t *answer = run_to_preview_end(r, id, &a);
	released(&a, answer, "awaiting_approval/tbd");
	resume(f, id);
	assert_job(f, id, "running/tbd");
	cancel(f, id, false);
	assert_job(f, id, "completed/cancelled");
	assert_idle(r);
	runner_free(r);
}

static struct attempt at_apply(struct fixture *f, struct runner *r, const char *name,
			       const char **ret_job)
{
	struct attempt a;
	apply(f, name, "hello", NULL, ret_job);
	json_t *answer = run_to_preview_end(r, *ret_job, &a);
	a = granted(r, answer, "apply");
	json_decref(report(&a, "{\"time\": 1300, \"command\": \"apply\"}", NULL, "changing", NULL));
	return a;
}

static void a_cancel_changes_nothing_during_the_last_operation(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a = at_apply(f, r, "x", &id);
	cancel(f, id, false);
	_cleanup_json_ json_t *answer = report(&a, NULL, NULL, "more", NULL);
	assert_false(json_get_bool(answer, "interrupt", true));
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "succeeded"}),
		 "completed/succeeded");
	assert_cancel_recorded(f, id, "none");
	runner_free(r);
}

static void cancel_because(struct fixture *f, const char *id, const char *reason, bool force)
{
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	OK(job_cancel(w, id, reason, force, &row, ERR));
	end(w);
}

static void a_later_cancel_does_not_lose_the_reason(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a = at_apply(f, r, "x", &id);
	int64_t events = assert_stream(f, id);
	cancel_because(f, id, NULL, false);
	cancel_because(f, id, "no longer wanted", false);
	cancel_because(f, id, "", true);
	assert_cancel_recorded(f, id, "interrupts");
	assert_int_equal(assert_stream(f, id), events + 3);
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "interrupted"}),
		 "completed/cancelled");
	runner_free(r);
}

static void force_interrupts_the_engine(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a = at_apply(f, r, "x", &id);
	cancel(f, id, true);
	_cleanup_json_ json_t *answer = report(&a, NULL, NULL, "more", NULL),
			      *poll = poll_server(r), *again = poll_server(r);
	assert_true(json_get_bool(answer, "interrupt", false));
	const json_t *directive = json_array_get(json_object_get(poll, "directives"), 0);
	assert_string_equal(json_get_str(directive, "type"), "interrupt");
	assert_string_equal(json_get_str(directive, "job"), id);
	assert_int_equal(json_array_size(json_object_get(again, "directives")), 0);
	write_state(&a, 1, "t.a");
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "interrupted"}),
		 "completed/cancelled");
	assert_operations(f, id,
			  "init:succeeded refresh:succeeded preview:succeeded apply:cancelled");
	runner_free(r);
}

static void an_engine_that_was_faster_than_force_succeeded(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a = at_apply(f, r, "x", &id);
	cancel(f, id, true);
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "succeeded"}),
		 "completed/succeeded");
	runner_free(r);
}

static void an_approval_is_of_the_plan_that_was_shown(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a;
	apply(f, "x", "hello", pausing, &id);
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	FAILS(ERROR_CONFLICT, job_resume(w, id, NULL, NULL, &row, ERR));
	end(w);
	json_t *answer = run_to_preview_end(r, id, &a);
	released(&a, answer, "awaiting_approval/tbd");
	w = begin(f);
	FAILS(ERROR_CONFLICT, job_resume(w, id, NULL, "another", &row, ERR));
	OK(job_resume(w, id, NULL, "d1", &row, ERR));
	end(w);
	assert_int_equal(row.status, STATUS_RUNNING);
	w = begin(f);
	FAILS(ERROR_CONFLICT, job_resume(w, id, NULL, "d1", &row, ERR));
	end(w);
	runner_free(r);
}

/* Moves the state under a job that waits. */
static void move_state(struct fixture *f, const char *state_id, const char *job_id, int serial)
{
	char text[200];
	char *job_text = xstrdup(job_id);
	struct attempt_row by = {.job_id = job_text, .epoch = 1};
	int length = snprintf(
		text, sizeof(text),
		"{\"version\":4,\"serial\":%d,\"lineage\":\"l\",\"outputs\":{},\"resources\":[]}",
		serial);
	struct work *w = begin(f);
	OK(state_write(w, state_id, &by, NULL, NULL, text, (size_t)length, ERR));
	end(w);
	free(job_text);
}

static void a_plan_of_another_state_is_not_applied(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a;
	const char *resource = apply(f, "x", "hello", NULL, &id);
	run_job(r, id, 1, "t.a");
	for (int when = 0; when < 2; when++) {
		apply(f, "x", when ? "later" : "sooner", pausing, &id);
		json_t *answer = run_to_preview_end(r, id, &a);
		released(&a, answer, "awaiting_approval/tbd");
		if (when == 0) {
			move_state(f, resource, id, 2);
			resume(f, id);
		} else {
			resume(f, id);
			a = claim(r, id, "init");
			move_state(f, resource, id, 3);
			released(&a, run(&a), "completed/failed");
		}
		assert_job(f, id, "completed/failed/plan_stale");
		assert_operations(
			f, id, "init:succeeded refresh:succeeded preview:succeeded apply:skipped");
	}
	runner_free(r);
}

static void reruns(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	const char *resource = apply(f, "x", "hello", NULL, &id);
	_cleanup_(job_row_release) struct job_row row = {0}, older = {0}, preview = {0};
	struct work *w = begin(f);
	FAILS(ERROR_CONFLICT, job_rerun(w, id, NULL, false, &row, ERR));
	end(w);
	run_job(r, id, 1, "t.a");

	w = begin(f);
	OK(job_rerun(w, id, "again", false, &row, ERR));
	end(w);
	assert_string_equal(row.rerun_of, id);
	assert_int_equal(row.operation, JOB_UPDATE);
	run_job(r, row.id, 2, "t.a");

	const char *looked = create_job(f, resource, JOB_PREVIEW);
	cancel(f, looked, false);
	const char *newer;
	apply(f, "x", "another", NULL, &newer);
	cancel(f, newer, false);
	w = begin(f);
	FAILS(ERROR_CONFLICT, job_rerun(w, id, NULL, false, &older, ERR));
	OK(job_rerun(w, id, NULL, true, &older, ERR));
	OK(job_rerun(w, looked, NULL, false, &preview, ERR));
	end(w);
	assert_non_null(strstr(older.manifest, "hello"));
	run_job(r, older.id, 3, "t.a");
	runner_free(r);
}

static void the_stack_input_has_no_secrets(void **state)
{
	struct fixture *f = *state;
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct work *w = begin(f);
	_cleanup_json_ json_t *input = NULL;
	OK(job_stack_input(w, id, &input, ERR));
	end(w);
	assert_string_equal(json_get_str(input, "target.spec.message"), "hello");
	assert_string_equal(json_get_str(input, "iac.operation"), "update");
	_cleanup_free_ char *text = json_to_text(input, JSON_WRITE_COMPACT);
	assert_null(strstr(text, "artifactKey"));
}

static void sizes_have_limits(void **state)
{
	struct fixture *f = *state;
	const char *id;
	const char *resource = apply(f, "x", "hello", NULL, &id);
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_(job_row_release) struct job_row made = {0};
	char message[4096];
	memset(message, 'm', sizeof(message));
	message[sizeof(message) - 1] = '\0';
	_cleanup_json_ json_t *targets = json_array();
	for (int i = 0; i < 200; i++)
		json_array_append_new(targets, json_string("t.a"));
	struct work *w = begin(f);
	OK(resource_get(w->tx, resource, &row, ERR));
	FAILS(ERROR_TOO_LARGE,
	      job_create(w,
			 &(struct job_request){
				 .resource = &row, .operation = JOB_PREVIEW, .message = message},
			 &made, ERR));
	FAILS(ERROR_INVALID_ARGUMENT,
	      job_create(w,
			 &(struct job_request){
				 .resource = &row, .operation = JOB_PREVIEW, .targets = targets},
			 &made, ERR));
	FAILS(ERROR_TOO_LARGE, job_cancel(w, id, message, false, &made, ERR));
	FAILS(ERROR_TOO_LARGE, job_resume(w, id, message, NULL, &made, ERR));
	end(w);
}

static void an_unsaved_manifest_is_only_previewed(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	_cleanup_json_ json_t *manifest = json_pack(
		"{s:s s:s s:{s:s s:s} s:{s:s}}", "apiVersion", "playground.planton.dev/v1", "kind",
		"Playground", "metadata", "name", "unsaved", "env", "dev", "spec", "message", "hi");
	_cleanup_(resource_row_release) struct resource_row normalised = {0}, existing = {0};
	_cleanup_(job_row_release) struct job_row made = {0};
	struct work *w = begin(f);
	OK(resource_check(w, manifest, &normalised, &existing, ERR));
	FAILS(ERROR_INVALID_ARGUMENT,
	      job_create(w, &(struct job_request){.unsaved = &normalised, .operation = JOB_UPDATE},
			 &made, ERR));
	OK(job_create(w, &(struct job_request){.unsaved = &normalised, .operation = JOB_PREVIEW},
		      &made, ERR));
	end(w);
	assert_null(made.resource_id);
	struct attempt a;
	json_t *answer = run_to_preview_end(r, made.id, &a);
	released(&a, answer, "completed/succeeded");
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(cancelled_while_queued),
		CONTROL_TEST(cancelled_before_its_start),
		CONTROL_TEST(cancelled_while_reading),
		CONTROL_TEST(cancelled_during_a_fused_plan),
		CONTROL_TEST(cancelled_while_it_waits_for_approval),
		CONTROL_TEST(cancelled_when_resumed_and_in_nobodys_hands),
		CONTROL_TEST(a_cancel_changes_nothing_during_the_last_operation),
		CONTROL_TEST(a_later_cancel_does_not_lose_the_reason),
		CONTROL_TEST(force_interrupts_the_engine),
		CONTROL_TEST(an_engine_that_was_faster_than_force_succeeded),
		CONTROL_TEST(an_approval_is_of_the_plan_that_was_shown),
		CONTROL_TEST(a_plan_of_another_state_is_not_applied),
		CONTROL_TEST(reruns),
		CONTROL_TEST(the_stack_input_has_no_secrets),
		CONTROL_TEST(sizes_have_limits),
		CONTROL_TEST(an_unsaved_manifest_is_only_previewed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
