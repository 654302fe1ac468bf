/* Which job of a resource goes first, and what a waiting one says. */
#include "fixture.h"

#include <stdio.h>

static const char *const pausing = "{\"pauseBetweenPreviewAndUpdateOrDestroy\": true}";

static void jobs_of_one_resource_run_in_order(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *first;
	const char *resource = apply(f, "x", "hello", NULL, &first);
	const char *second = create_job(f, resource, JOB_UPDATE),
		   *third = create_job(f, resource, JOB_PREVIEW);
	assert_blocked(f, first, NULL);
	assert_blocked(f, second, first);
	struct attempt a = claim(r, first, "init");
	assert_idle(r);
	assert_blocked(f, second, "is running");
	cancel(f, first, false);
	released(&a, run(&a), "completed/cancelled");
	a = claim(r, second, "init");
	cancel(f, second, false);
	released(&a, run(&a), "completed/cancelled");
	a = claim(r, third, "init");
	runner_free(r);
}

static void other_resources_do_not_wait(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 2);
	const char *ids[3];
	apply(f, "x", "hello", NULL, &ids[0]);
	apply(f, "y", "hello", NULL, &ids[1]);
	apply(f, "z", "hello", NULL, &ids[2]);
	_cleanup_json_ json_t *answer = poll_server(r);
	const json_t *jobs = json_object_get(answer, "jobs");
	assert_int_equal(json_array_size(jobs), 2);
	assert_string_equal(json_get_str(json_array_get(jobs, 0), "job.id"), ids[0]);
	assert_string_equal(json_get_str(json_array_get(jobs, 1), "job.id"), ids[1]);
	assert_idle(r);
	runner_free(r);
}

static void previews_pass_a_job_that_waits_for_approval(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *paused;
	const char *resource = apply(f, "x", "hello", pausing, &paused);
	struct attempt a;
	json_t *answer = run_to_preview_end(r, paused, &a);
	released(&a, answer, "awaiting_approval/tbd");

	const char *update = create_job(f, resource, JOB_UPDATE),
		   *preview = create_job(f, resource, JOB_PREVIEW);
	assert_blocked(f, update, paused);
	assert_blocked(f, preview, NULL);
	a = claim(r, preview, "init");
	assert_idle(r);

	/* Resumed meanwhile: still one engine at a time. */
	resume(f, paused);
	assert_blocked(f, paused, preview);
	assert_idle(r);
	cancel(f, preview, false);
	released(&a, run(&a), "completed/cancelled");
	a = claim(r, paused, "init");
	a = granted(r, run(&a), "apply");
	assert_idle(r);
	released(&a, run(&a), "completed/succeeded");
	a = claim(r, update, "init");
	runner_free(r);
}

static void a_cancelled_pause_lets_the_next_go(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *paused;
	const char *resource = apply(f, "x", "hello", pausing, &paused);
	struct attempt a;
	json_t *answer = run_to_preview_end(r, paused, &a);
	released(&a, answer, "awaiting_approval/tbd");
	const char *refresh = create_job(f, resource, JOB_REFRESH);
	assert_idle(r);
	cancel(f, paused, false);
	claim(r, refresh, "init");
	runner_free(r);
}

static void a_job_may_ask_for_its_runner(void **state)
{
	struct fixture *f = *state;
	struct runner *one = runner_new(f, "one", 1), *two = runner_new(f, "two", 1);
	_cleanup_json_ json_t *manifest =
		json_pack("{s:s s:s s:{s:s s:s} s:{s:s} s:{s:s}}", "apiVersion",
			  "playground.planton.dev/v1", "kind", "Playground", "metadata", "name",
			  "x", "env", "dev", "placement", "runner", "two", "spec", "message", "hi");
	_cleanup_(apply_result_release) struct apply_result result = {0};
	struct work *w = begin(f);
	OK(resource_apply(w, manifest, &(struct apply_options){.create_job = true}, &result, ERR));
	end(w);
	assert_idle(one);
	claim(two, result.job.id, "init");
	runner_free(one);
	runner_free(two);
}

static void a_purge_deletes_the_record(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	const char *resource = apply(f, "x", "hello", NULL, &id);
	run_job(r, id, 1, "t.a");
	_cleanup_(resource_row_release) struct resource_row row = {0}, gone = {0};
	_cleanup_(job_row_release) struct job_row made = {0};
	struct work *w = begin(f);
	OK(resource_get(w->tx, resource, &row, ERR));
	OK(job_create(
		w, &(struct job_request){.resource = &row, .operation = JOB_DESTROY, .purge = true},
		&made, ERR));
	end(w);
	run_job(r, made.id, 2, "");
	w = begin(f);
	FAILS(ERROR_NOT_FOUND, resource_get(w->tx, resource, &gone, ERR));
	FAILS(ERROR_CONFLICT, job_rerun(w, id, NULL, true, &made, ERR));
	end(w);
	assert_stream(f, made.id);
	runner_free(r);
}

/* A Playground whose message is that of another; returns its id. */
static const char *apply_referring(struct fixture *f, const char *name, const char *source,
				   const char **ret_job)
{
	static char id[64], job[64];
	_cleanup_(apply_result_release) struct apply_result result = {0};
	_cleanup_json_ json_t *manifest = json_pack(
		"{s:s s:s s:{s:s s:s} s:{s:{s:{s:s s:s}}}}", "apiVersion",
		"playground.planton.dev/v1", "kind", "Playground", "metadata", "name", name, "env",
		"dev", "spec", "message", "valueFrom", "kind", "Playground", "name", source);
	struct work *w = begin(f);
	OK(resource_apply(w, manifest, &(struct apply_options){.create_job = true}, &result, ERR));
	end(w);
	snprintf(id, sizeof(id), "%s", result.resource.id);
	snprintf(job, sizeof(job), "%s", result.job.id);
	*ret_job = job;
	return id;
}

static void what_refers_to_outputs_waits_for_their_change(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *source, *user;
	struct attempt a;
	apply(f, "source", "hello", pausing, &source);
	const char *resource = apply_referring(f, "user", "source", &user);
	assert_blocked(f, user, "it refers to outputs of Playground/source");
	assert_blocked(f, user, source);
	released(&a, run_to_preview_end(r, source, &a), "awaiting_approval/tbd");
	assert_idle(r);
	assert_blocked(f, user, "waits for approval: resume or cancel it");
	cancel(f, source, false);
	assert_idle(r);
	assert_job(f, user, "completed/failed/unresolved_reference");

	apply(f, "source", "other", NULL, &source);
	const char *preview = create_job(f, resource, JOB_PREVIEW);
	assert_blocked(f, preview, NULL);
	runner_free(r);
}

static void what_changes_later_holds_nobody_back(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *source, *user;
	apply_referring(f, "user", "source", &user);
	apply(f, "source", "hello", NULL, &source);
	assert_blocked(f, user, NULL);
	claim(r, source, "init");
	assert_job(f, user, "completed/failed/unresolved_reference");
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(jobs_of_one_resource_run_in_order),
		CONTROL_TEST(other_resources_do_not_wait),
		CONTROL_TEST(previews_pass_a_job_that_waits_for_approval),
		CONTROL_TEST(a_cancelled_pause_lets_the_next_go),
		CONTROL_TEST(a_job_may_ask_for_its_runner),
		CONTROL_TEST(a_purge_deletes_the_record),
		CONTROL_TEST(what_refers_to_outputs_waits_for_their_change),
		CONTROL_TEST(what_changes_later_holds_nobody_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
