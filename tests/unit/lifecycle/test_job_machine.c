#include "testing.h"

#include <string.h>

#include "lifecycle/job_machine.h"

static struct job_view update_view(void)
{
	struct job_view v = {.operation = JOB_UPDATE, .status = STATUS_QUEUED};
	for (enum operation o = OPERATION_INIT; o <= OPERATION_APPLY; o++)
		v.operations[o].included = true;
	return v;
}

static void complete_until(struct job_view *v, enum operation next)
{
	for (enum operation o = 0; o < next; o++)
		if (v->operations[o].included) {
			v->operations[o].status = STATUS_COMPLETED;
			v->operations[o].result = RESULT_SUCCEEDED;
		}
	v->operations[next].status = STATUS_RUNNING;
}

static struct job_view view_in(enum job_phase phase)
{
	struct job_view v = update_view();
	switch (phase) {
	case JOB_PHASE_QUEUED:
		break;
	case JOB_PHASE_PAUSED_BEFORE_START:
		v.status = STATUS_AWAITING_APPROVAL;
		v.pause = JOB_PAUSE_BEFORE_START;
		break;
	case JOB_PHASE_UNASSIGNED:
		v.status = STATUS_RUNNING;
		complete_until(&v, OPERATION_PREVIEW);
		v.operations[OPERATION_PREVIEW].status = STATUS_QUEUED;
		break;
	case JOB_PHASE_READING:
	case JOB_PHASE_STOPPING:
		v.status = STATUS_RUNNING;
		v.assigned = true;
		v.cancel_requested = phase == JOB_PHASE_STOPPING;
		complete_until(&v, OPERATION_REFRESH);
		break;
	case JOB_PHASE_CHANGING:
		v.status = STATUS_RUNNING;
		v.assigned = true;
		complete_until(&v, OPERATION_APPLY);
		break;
	case JOB_PHASE_PAUSED_BEFORE_CHANGE:
		v.status = STATUS_AWAITING_APPROVAL;
		v.pause = JOB_PAUSE_BEFORE_CHANGE;
		complete_until(&v, OPERATION_APPLY);
		v.operations[OPERATION_APPLY].status = STATUS_QUEUED;
		break;
	default:
		complete_until(&v, OPERATION_APPLY);
		v.operations[OPERATION_APPLY].status = STATUS_COMPLETED;
		v.operations[OPERATION_APPLY].result = RESULT_SUCCEEDED;
		v.status = STATUS_COMPLETED;
		v.result = RESULT_SUCCEEDED;
	}
	return v;
}

struct expected {
	bool allowed;
	enum job_phase phase;
	enum result result;
	unsigned flags;
};

#define NO        \
	{         \
		0 \
	}
#define TO(phase_, flags_)                                     \
	{                                                      \
		true, JOB_PHASE_##phase_, RESULT_TBD, (flags_) \
	}
#define END(result_, flags_)                                               \
	{                                                                  \
		true, JOB_PHASE_COMPLETED, RESULT_##result_,               \
			JOB_EFFECT_STATUS | JOB_EFFECT_FINISHED | (flags_) \
	}

enum {
	S = JOB_EFFECT_STATUS,
	G = JOB_EFFECT_GRANT,
	R = JOB_EFFECT_RELEASE,
	I = JOB_EFFECT_INTERRUPT,
	H = JOB_EFFECT_HOLD,
	E = JOB_EFFECT_EVIDENCE,
};

/* In the order of enum job_event_type; the events' operation is the one in progress. */
static const struct expected table[_JOB_PHASE_MAX][_JOB_EVENT_MAX] = {
	[JOB_PHASE_QUEUED] = {TO(READING, S | G), TO(PAUSED_BEFORE_START, S), END(FAILED, 0), NO,
			      NO, NO, NO, NO, NO, NO, NO, NO, NO, END(CANCELLED, 0),
			      END(CANCELLED, 0), NO},
	[JOB_PHASE_PAUSED_BEFORE_START] = {NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
					   END(CANCELLED, 0), END(CANCELLED, 0), TO(QUEUED, S)},
	[JOB_PHASE_UNASSIGNED] = {TO(READING, S | G), NO, NO, END(FAILED, 0), NO, NO, NO, NO, NO,
				  NO, NO, NO, NO, END(CANCELLED, 0), END(CANCELLED, 0), NO},
	[JOB_PHASE_READING] = {NO, NO, NO, END(FAILED, R), TO(READING, 0), TO(READING, 0),
			       TO(READING, G), TO(READING, G), END(FAILED, R), END(FAILED, R),
			       TO(READING, G), TO(UNASSIGNED, S | R), TO(UNASSIGNED, S | R),
			       TO(STOPPING, 0), TO(STOPPING, I), NO},
	[JOB_PHASE_STOPPING] = {NO, NO, NO, END(FAILED, R), TO(STOPPING, 0), TO(STOPPING, 0),
				TO(STOPPING, G), END(CANCELLED, R), END(CANCELLED, R),
				END(CANCELLED, R), END(CANCELLED, R), END(CANCELLED, R),
				END(CANCELLED, R), TO(STOPPING, 0), TO(STOPPING, I), NO},
	[JOB_PHASE_CHANGING] = {NO, NO, NO, END(FAILED, R), TO(CHANGING, 0), NO, TO(CHANGING, G),
				END(SUCCEEDED, R), END(FAILED, R), END(FAILED, R),
				END(FAILED, R | E), END(FAILED, R | H | E), END(FAILED, R | H | E),
				TO(CHANGING, 0), TO(CHANGING, I), NO},
	[JOB_PHASE_PAUSED_BEFORE_CHANGE] = {NO, NO, NO, END(FAILED, 0), NO, NO, NO, NO, NO, NO, NO,
					    NO, NO, END(CANCELLED, 0), END(CANCELLED, 0),
					    TO(UNASSIGNED, S)},
	[JOB_PHASE_COMPLETED] = {NO},
};

static struct job_event event_of(enum job_event_type type, const struct job_view *v)
{
	return (struct job_event){.type = type,
				  .operation = job_next_operation(v),
				  .error_code = "code",
				  .error_message = "text"};
}

static void every_phase_and_every_event(void **state)
{
	(void)state;
	for (enum job_phase phase = 0; phase < _JOB_PHASE_MAX; phase++)
		for (enum job_event_type type = 0; type < _JOB_EVENT_MAX; type++) {
			struct job_view v = view_in(phase), before = v;
			assert_int_equal(job_phase_of(&v), phase);
			struct job_event e = event_of(type, &v);
			struct job_effects f;
			const char *refusal = NULL;
			int r = job_machine_step(&v, &e, &f, &refusal);
			const struct expected *x = &table[phase][type];
			if (r < 0 || !x->allowed) {
				if (x->allowed || r >= 0)
					print_error("phase %d event %d\n", (int)phase, (int)type);
				assert_true(r < 0 && !x->allowed);
				assert_non_null(refusal);
				assert_int_equal(strncmp(refusal, "the job ", 8), 0);
				assert_memory_equal(&v, &before, sizeof(v));
				continue;
			}
			if (job_phase_of(&v) != x->phase || f.flags != x->flags)
				print_error("phase %d event %d: flags %x\n", (int)phase, (int)type,
					    f.flags);
			assert_int_equal(job_phase_of(&v), x->phase);
			assert_int_equal(f.flags, x->flags);
			assert_int_equal(v.result, x->result);
			assert_int_equal(f.error_code != NULL, x->result == RESULT_FAILED);
			if (x->phase == JOB_PHASE_COMPLETED) {
				assert_false(v.assigned);
				assert_int_equal(job_next_operation(&v), _OPERATION_INVALID);
				for (enum operation o = 0; o < _OPERATION_MAX; o++)
					if (v.operations[o].included)
						assert_int_not_equal(v.operations[o].result,
								     RESULT_TBD);
			}
			for (enum operation o = 0; o < _OPERATION_MAX; o++) {
				bool differs =
					v.operations[o].status != before.operations[o].status ||
					v.operations[o].result != before.operations[o].result;
				if (differs != !!(f.changed & (1U << o)))
					print_error("phase %d event %d operation %d\n", (int)phase,
						    (int)type, (int)o);
				assert_int_equal(!!(f.changed & (1U << o)), differs);
			}
			if (f.flags & JOB_EFFECT_GRANT)
				assert_int_equal(f.grant_operation, job_next_operation(&v));
		}
}

static void reports_of_another_operation_are_refused(void **state)
{
	(void)state;
	static const enum job_event_type types[] = {
		JOB_EVENT_OPERATION_STARTED,   JOB_EVENT_OPERATION_SPLIT,
		JOB_EVENT_OPERATION_CONTINUES, JOB_EVENT_OPERATION_SUCCEEDED,
		JOB_EVENT_OPERATION_FAILED,    JOB_EVENT_OPERATION_INTERRUPTED,
		JOB_EVENT_OPERATION_UNKNOWN};
	for (enum job_phase phase = JOB_PHASE_READING; phase <= JOB_PHASE_CHANGING; phase++)
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			struct job_view v = view_in(phase);
			struct job_event e = {.type = types[i], .operation = OPERATION_INIT};
			struct job_effects f;
			const char *refusal;
			assert_true(job_machine_step(&v, &e, &f, &refusal) < 0);
		}
}

static void step(struct job_view *v, enum job_event_type type, struct job_effects *f)
{
	struct job_event e = event_of(type, v);
	const char *refusal = "";
	int r = job_machine_step(v, &e, f, &refusal);
	if (r < 0)
		print_error("%s\n", refusal);
	assert_true(r >= 0);
}

static void an_update_from_end_to_end(void **state)
{
	(void)state;
	struct job_view v = update_view();
	struct job_effects f;
	step(&v, JOB_EVENT_DISPATCHED, &f);
	for (enum operation o = OPERATION_INIT; o <= OPERATION_APPLY; o++) {
		assert_int_equal(job_next_operation(&v), o);
		step(&v, JOB_EVENT_OPERATION_STARTED, &f);
		step(&v, JOB_EVENT_OPERATION_SUCCEEDED, &f);
	}
	assert_int_equal(v.result, RESULT_SUCCEEDED);
}

static void a_pause_before_the_change(void **state)
{
	(void)state;
	struct job_view v = view_in(JOB_PHASE_READING);
	struct job_effects f;
	v.pause_before_change = true;
	step(&v, JOB_EVENT_OPERATION_SPLIT, &f);
	assert_int_equal(v.operations[OPERATION_PREVIEW].status, STATUS_RUNNING);
	step(&v, JOB_EVENT_OPERATION_SUCCEEDED, &f);
	assert_int_equal(job_phase_of(&v), JOB_PHASE_PAUSED_BEFORE_CHANGE);
	assert_int_equal(f.flags, JOB_EFFECT_STATUS | JOB_EFFECT_RELEASE);
	step(&v, JOB_EVENT_RESUME, &f);
	step(&v, JOB_EVENT_DISPATCHED, &f);
	assert_int_equal(f.grant_operation, OPERATION_INIT);
	step(&v, JOB_EVENT_OPERATION_SUCCEEDED, &f);
	assert_int_equal(f.grant_operation, OPERATION_APPLY);
	step(&v, JOB_EVENT_OPERATION_SUCCEEDED, &f);
	assert_int_equal(v.result, RESULT_SUCCEEDED);
}

static void reading_is_tried_three_times(void **state)
{
	(void)state;
	static const enum job_event_type types[] = {JOB_EVENT_OPERATION_UNKNOWN,
						    JOB_EVENT_LEASE_EXPIRED, JOB_EVENT_RUNNER_LOST};
	for (size_t i = 0; i < 3; i++) {
		struct job_view v = view_in(JOB_PHASE_READING);
		struct job_effects f;
		for (int n = 1; n < JOB_MAX_TRIES; n++) {
			step(&v, types[i], &f);
			assert_int_equal(v.status, STATUS_RUNNING);
			v.assigned = true;
		}
		step(&v, types[i], &f);
		assert_int_equal(v.result, RESULT_FAILED);
		assert_string_equal(f.error_code, i == 0 ? "engine_unknown" : "runner_lost");
		assert_false(f.flags & JOB_EFFECT_HOLD);
	}
}

static void reading_whose_engine_was_killed_is_tried_once_more(void **state)
{
	(void)state;
	const char *refusal = NULL;
	struct job_effects f;
	struct job_view v = view_in(JOB_PHASE_READING);
	const enum operation o = job_next_operation(&v);
	const struct job_event e = {
		.type = JOB_EVENT_OPERATION_UNKNOWN, .operation = o, .killed = true};
	assert_int_equal(job_machine_step(&v, &e, &f, &refusal), 0);
	assert_int_equal(f.flags, JOB_EFFECT_GRANT);
	assert_int_equal(f.grant_operation, o);
	assert_int_equal(v.operations[o].status, STATUS_QUEUED);
	assert_int_equal(job_machine_step(&v, &e, &f, &refusal), 0);
	assert_int_equal(v.result, RESULT_FAILED);
	assert_string_equal(f.error_code, "engine_killed");
	assert_false(f.flags & (JOB_EFFECT_HOLD | JOB_EFFECT_EVIDENCE));

	/* Of those that are to stop nothing is tried again. */
	v = view_in(JOB_PHASE_STOPPING);
	assert_int_equal(job_machine_step(&v, &e, &f, &refusal), 0);
	assert_int_equal(v.result, RESULT_CANCELLED);
}

static void an_engine_killed_in_a_change_leaves_evidence(void **state)
{
	(void)state;
	for (size_t killed = 0; killed < 2; killed++) {
		struct job_view v = view_in(JOB_PHASE_CHANGING);
		struct job_effects f;
		const char *refusal = NULL;
		const struct job_event e = {.type = JOB_EVENT_OPERATION_FAILED,
					    .operation = job_next_operation(&v),
					    .killed = killed};
		assert_int_equal(job_machine_step(&v, &e, &f, &refusal), 0);
		assert_int_equal(v.result, RESULT_FAILED);
		assert_string_equal(f.error_code, killed ? "engine_killed" : "operation_failed");
		assert_int_equal(!!(f.flags & JOB_EFFECT_EVIDENCE), killed);

		/* Killed after it was told to stop: the same question. */
		v = view_in(JOB_PHASE_CHANGING);
		v.cancel_requested = v.force_requested = true;
		const struct job_event i = {.type = JOB_EVENT_OPERATION_INTERRUPTED,
					    .operation = job_next_operation(&v),
					    .killed = killed};
		assert_int_equal(job_machine_step(&v, &i, &f, &refusal), 0);
		assert_int_equal(!!(f.flags & JOB_EFFECT_EVIDENCE), killed);
	}
}

static void cancel_changes_nothing_during_the_last_operation(void **state)
{
	(void)state;
	struct job_effects f;
	struct job_view v = view_in(JOB_PHASE_CHANGING);
	step(&v, JOB_EVENT_CANCEL, &f);
	assert_false(v.cancel_requested);
	step(&v, JOB_EVENT_OPERATION_SUCCEEDED, &f);
	assert_int_equal(v.result, RESULT_SUCCEEDED);

	v = view_in(JOB_PHASE_READING);
	v.operation = JOB_REFRESH;
	v.operations[OPERATION_PREVIEW].included = v.operations[OPERATION_APPLY].included = false;
	step(&v, JOB_EVENT_CANCEL, &f);
	assert_int_equal(job_phase_of(&v), JOB_PHASE_READING);
	step(&v, JOB_EVENT_OPERATION_SUCCEEDED, &f);
	assert_int_equal(v.result, RESULT_SUCCEEDED);
	assert_true(f.flags & JOB_EFFECT_STATE_FRESH);
}

static void force_interrupts_and_cancels_if_it_did(void **state)
{
	(void)state;
	struct job_effects f;
	struct job_view v = view_in(JOB_PHASE_CHANGING);
	step(&v, JOB_EVENT_FORCE_CANCEL, &f);
	struct job_view other = v;
	step(&v, JOB_EVENT_OPERATION_INTERRUPTED, &f);
	assert_int_equal(v.result, RESULT_CANCELLED);
	assert_int_equal(v.operations[OPERATION_APPLY].result, RESULT_CANCELLED);
	step(&other, JOB_EVENT_OPERATION_SUCCEEDED, &f);
	assert_int_equal(other.result, RESULT_SUCCEEDED);
}

static void a_launch_is_refused_before_it_or_between_two_of_an_operation(void **state)
{
	(void)state;
	struct job_view v = view_in(JOB_PHASE_CHANGING);
	v.operations[OPERATION_APPLY].status = STATUS_QUEUED;
	struct job_effects f;
	step(&v, JOB_EVENT_LAUNCH_REFUSED, &f);
	assert_int_equal(v.result, RESULT_FAILED);
	assert_string_equal(f.error_code, "code");
	assert_int_equal(v.operations[OPERATION_APPLY].result, RESULT_SKIPPED);

	struct job_view between = view_in(JOB_PHASE_CHANGING);
	step(&between, JOB_EVENT_OPERATION_CONTINUES, &f);
	step(&between, JOB_EVENT_LAUNCH_REFUSED, &f);
	assert_int_equal(between.operations[OPERATION_APPLY].result, RESULT_FAILED);
}

static void an_approved_start_pauses_no_second_time(void **state)
{
	(void)state;
	struct job_view v = view_in(JOB_PHASE_PAUSED_BEFORE_START);
	struct job_effects f;
	step(&v, JOB_EVENT_RESUME, &f);
	struct job_event e = {.type = JOB_EVENT_PAUSED_BEFORE_START};
	const char *refusal;
	assert_true(job_machine_step(&v, &e, &f, &refusal) < 0);
	step(&v, JOB_EVENT_DISPATCHED, &f);
	assert_int_equal(job_phase_of(&v), JOB_PHASE_READING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_phase_and_every_event),
		cmocka_unit_test(reports_of_another_operation_are_refused),
		cmocka_unit_test(an_update_from_end_to_end),
		cmocka_unit_test(a_pause_before_the_change),
		cmocka_unit_test(reading_is_tried_three_times),
		cmocka_unit_test(reading_whose_engine_was_killed_is_tried_once_more),
		cmocka_unit_test(an_engine_killed_in_a_change_leaves_evidence),
		cmocka_unit_test(cancel_changes_nothing_during_the_last_operation),
		cmocka_unit_test(force_interrupts_and_cancels_if_it_did),
		cmocka_unit_test(a_launch_is_refused_before_it_or_between_two_of_an_operation),
		cmocka_unit_test(an_approved_start_pauses_no_second_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
