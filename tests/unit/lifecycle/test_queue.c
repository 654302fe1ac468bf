#include "testing.h"

#include <string.h>

#include "lifecycle/queue.h"

static const struct hold no_hold = {.kind = HOLD_NONE};

static struct queue_job job(int64_t number, enum status status, bool assigned,
			    enum job_operation operation)
{
	static const char *const ids[] = {"sj_0", "sj_1", "sj_2", "sj_3", "sj_4"};
	return (struct queue_job){ids[number], number, status, assigned, operation};
}

static void expect(const struct queue_job *self, const struct queue_job *others, size_t n,
		   const struct hold *hold, const char *blocker)
{
	struct queue_verdict v;
	queue_decide(self, others, n, hold, &v);
	assert_int_equal(v.may_start, blocker == NULL);
	if (!blocker) {
		assert_string_equal(v.reason, "");
		assert_null(v.job);
	} else if (*blocker) {
		assert_string_equal(v.job, blocker);
		assert_non_null(strstr(v.reason, blocker));
	} else {
		assert_null(v.job);
		assert_true(strlen(v.reason) > 0);
	}
}

static void alone_it_starts(void **state)
{
	(void)state;
	for (enum job_operation o = 0; o < _JOB_OPERATION_MAX; o++) {
		struct queue_job self = job(1, STATUS_QUEUED, false, o);
		expect(&self, &self, 1, &no_hold, NULL);
	}
}

static void nothing_starts_beside_an_engine(void **state)
{
	(void)state;
	for (enum job_operation o = 0; o < _JOB_OPERATION_MAX; o++) {
		struct queue_job self = job(2, STATUS_QUEUED, false, o);
		struct queue_job before = job(1, STATUS_RUNNING, true, JOB_PREVIEW);
		struct queue_job after = job(3, STATUS_RUNNING, true, JOB_PREVIEW);
		expect(&self, &before, 1, &no_hold, "sj_1");
		expect(&self, &after, 1, &no_hold, "sj_3");
		before.assigned = after.assigned = false;
		expect(&self, &before, 1, &no_hold, "sj_1");
		expect(&self, &after, 1, &no_hold, NULL);
	}
}

static void order_of_creation(void **state)
{
	(void)state;
	struct queue_job jobs[] = {job(1, STATUS_QUEUED, false, JOB_PREVIEW),
				   job(2, STATUS_QUEUED, false, JOB_UPDATE),
				   job(3, STATUS_QUEUED, false, JOB_PREVIEW)};
	expect(&jobs[0], jobs, 3, &no_hold, NULL);
	expect(&jobs[1], jobs, 3, &no_hold, "sj_1");
	expect(&jobs[2], jobs, 3, &no_hold, "sj_1");
}

static void only_previews_pass_a_paused_job(void **state)
{
	(void)state;
	struct queue_job paused = job(1, STATUS_AWAITING_APPROVAL, false, JOB_UPDATE);
	for (enum job_operation o = 0; o < _JOB_OPERATION_MAX; o++) {
		struct queue_job self = job(2, STATUS_QUEUED, false, o);
		expect(&self, &paused, 1, &no_hold, o == JOB_PREVIEW ? NULL : "sj_1");
	}
	struct queue_job earlier = job(0, STATUS_QUEUED, false, JOB_UPDATE);
	expect(&earlier, &paused, 1, &no_hold, NULL);
}

static void a_preview_also_passes_what_waits_for_the_paused_job(void **state)
{
	(void)state;
	struct queue_job jobs[] = {job(1, STATUS_AWAITING_APPROVAL, false, JOB_UPDATE),
				   job(2, STATUS_QUEUED, false, JOB_UPDATE),
				   job(3, STATUS_QUEUED, false, JOB_PREVIEW),
				   job(4, STATUS_QUEUED, false, JOB_PREVIEW)};
	expect(&jobs[1], jobs, 4, &no_hold, "sj_1");
	expect(&jobs[2], jobs, 4, &no_hold, NULL);
	expect(&jobs[3], jobs, 4, &no_hold, "sj_3");
}

static void holds(void **state)
{
	(void)state;
	struct hold engine = {
		.kind = HOLD_ENGINE_MAY_LIVE, .runner = "rnr_1", .job = "sj_0", .resource = "cr_1"};
	struct hold refresh = {
		.kind = HOLD_NEEDS_REFRESH, .runner = "rnr_1", .job = "sj_0", .resource = "cr_1"};
	for (enum job_operation o = 0; o < _JOB_OPERATION_MAX; o++) {
		struct queue_job self = job(2, STATUS_QUEUED, false, o);
		expect(&self, NULL, 0, &engine, "");
		expect(&self, NULL, 0, &refresh, o == JOB_UPDATE || o == JOB_DESTROY ? "" : NULL);
	}
	struct queue_job update = job(1, STATUS_QUEUED, false, JOB_UPDATE),
			 fresh = job(2, STATUS_QUEUED, false, JOB_REFRESH);
	expect(&fresh, &update, 1, &refresh, NULL);
	expect(&fresh, &update, 1, &no_hold, "sj_1");

	struct queue_verdict v;
	queue_decide(&update, NULL, 0, &refresh, &v);
	assert_non_null(strstr(v.reason, "planton sj create-stack-job cr_1 --operation refresh"));
	queue_decide(&update, NULL, 0, &engine, &v);
	assert_non_null(strstr(v.reason, "planton runner abandon rnr_1"));
}

static void an_update_waits_for_earlier_changes_of_its_sources(void **state)
{
	(void)state;
	for (enum job_operation mine = 0; mine < _JOB_OPERATION_MAX; mine++)
		for (enum job_operation its = 0; its < _JOB_OPERATION_MAX; its++)
			for (int64_t number = 1; number <= 3; number += 2) {
				struct queue_job self = job(2, STATUS_QUEUED, false, mine);
				struct queue_job other = job(number, STATUS_RUNNING, true, its);
				struct queue_verdict v;
				queue_decide_source(&self, &other, 1, "Db/x", &v);
				bool waits = mine == JOB_UPDATE && number < 2 &&
					     (its == JOB_UPDATE || its == JOB_DESTROY);
				assert_int_equal(v.may_start, !waits);
				assert_int_equal(v.job != NULL, waits);
				assert_int_equal(strstr(v.reason, "Db/x") != NULL, waits);
			}
}

static void names_of_holds(void **state)
{
	(void)state;
	for (enum hold_kind k = 0; k < _HOLD_MAX; k++)
		assert_int_equal(hold_kind_from_string(hold_kind_to_string(k)), k);
	assert_int_equal(hold_kind_from_string("other"), _HOLD_INVALID);
	assert_int_equal(hold_kind_from_string(NULL), _HOLD_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_it_starts),
		cmocka_unit_test(nothing_starts_beside_an_engine),
		cmocka_unit_test(order_of_creation),
		cmocka_unit_test(only_previews_pass_a_paused_job),
		cmocka_unit_test(a_preview_also_passes_what_waits_for_the_paused_job),
		cmocka_unit_test(holds),
		cmocka_unit_test(an_update_waits_for_earlier_changes_of_its_sources),
		cmocka_unit_test(names_of_holds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
