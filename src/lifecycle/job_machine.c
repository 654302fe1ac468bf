/* The table of a job's life, and the few things that its entries do. */
#include "lifecycle/job_machine.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "lifecycle/sequence.h"

typedef const char *job_action(struct job_view *v, const struct job_event *e,
			       struct job_effects *f);

static void set_operation(struct job_view *v, enum operation o, enum status status,
			  enum result result, struct job_effects *f)
{
	struct operation_view *op = &v->operations[o];
	if (op->status == status && op->result == result)
		return;
	op->status = status;
	op->result = result;
	f->changed |= 1U << o;
}

static void set_status(struct job_view *v, enum status status, enum result result,
		       struct job_effects *f)
{
	if (v->status == status && v->result == result)
		return;
	v->status = status;
	v->result = result;
	f->flags |= JOB_EFFECT_STATUS;
}

static void unassign(struct job_view *v, struct job_effects *f)
{
	if (v->assigned)
		f->flags |= JOB_EFFECT_RELEASE;
	v->assigned = false;
}

enum operation job_next_operation(const struct job_view *v)
{
	for (enum operation o = 0; o < _OPERATION_MAX; o++)
		if (v->operations[o].included && v->operations[o].status != STATUS_COMPLETED)
			return o;
	return _OPERATION_INVALID;
}

static bool is_last(const struct job_view *v, enum operation o)
{
	for (enum operation later = o + 1; later < _OPERATION_MAX; later++)
		if (v->operations[later].included &&
		    v->operations[later].status != STATUS_COMPLETED)
			return false;
	return true;
}

enum job_phase job_phase_of(const struct job_view *v)
{
	switch (v->status) {
	case STATUS_QUEUED:
		return JOB_PHASE_QUEUED;
	case STATUS_AWAITING_APPROVAL:
		return v->pause == JOB_PAUSE_BEFORE_START ? JOB_PHASE_PAUSED_BEFORE_START
							  : JOB_PHASE_PAUSED_BEFORE_CHANGE;
	case STATUS_RUNNING: {
		if (!v->assigned)
			return JOB_PHASE_UNASSIGNED;
		enum operation next = job_next_operation(v);
		if (operation_is_change(next))
			return JOB_PHASE_CHANGING;
		return v->cancel_requested && !is_last(v, next) ? JOB_PHASE_STOPPING
								: JOB_PHASE_READING;
	}
	default:
		return JOB_PHASE_COMPLETED;
	}
}

static void finish(struct job_view *v, enum result result, struct job_effects *f)
{
	for (enum operation o = 0; o < _OPERATION_MAX; o++)
		if (v->operations[o].included && v->operations[o].status != STATUS_COMPLETED)
			set_operation(v, o, STATUS_COMPLETED, RESULT_SKIPPED, f);
	unassign(v, f);
	v->pause = JOB_PAUSE_NONE;
	set_status(v, STATUS_COMPLETED, result, f);
	f->flags |= JOB_EFFECT_FINISHED;
}

static void fail(struct job_view *v, const char *code, const char *message, struct job_effects *f)
{
	f->error_code = code;
	f->error_message = message;
	finish(v, RESULT_FAILED, f);
}

static void grant(struct job_view *v, struct job_effects *f)
{
	f->flags |= JOB_EFFECT_GRANT;
	f->grant_operation = job_next_operation(v);
}

/* A runner that takes a job begins with init, in a workspace of its own. */
static const char *dispatch(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	(void)e;
	set_operation(v, OPERATION_INIT, STATUS_QUEUED, RESULT_TBD, f);
	v->assigned = true;
	set_status(v, STATUS_RUNNING, RESULT_TBD, f);
	f->flags |= JOB_EFFECT_STATUS;
	grant(v, f);
	return NULL;
}

static const char *pause_before_start(struct job_view *v, const struct job_event *e,
				      struct job_effects *f)
{
	(void)e;
	if (v->approved_start)
		return "the job was approved already";
	v->pause = JOB_PAUSE_BEFORE_START;
	set_status(v, STATUS_AWAITING_APPROVAL, RESULT_TBD, f);
	return NULL;
}

static const char *refuse_launch(struct job_view *v, const struct job_event *e,
				 struct job_effects *f)
{
	/* One that runs is between two of its engine commands. */
	enum operation next = job_next_operation(v);
	if (next != _OPERATION_INVALID && v->operations[next].status == STATUS_RUNNING)
		set_operation(v, next, STATUS_COMPLETED, RESULT_FAILED, f);
	fail(v, e->error_code, e->error_message, f);
	return NULL;
}

static const char *preflight_failed(struct job_view *v, const struct job_event *e,
				    struct job_effects *f)
{
	fail(v, e->error_code, e->error_message, f);
	return NULL;
}

static const char *wrong_operation = "the job is at another operation";

static const char *started(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	set_operation(v, e->operation, STATUS_RUNNING, RESULT_TBD, f);
	return NULL;
}

static const char *split(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	enum operation next = e->operation + 1;
	while (next < _OPERATION_MAX && !v->operations[next].included)
		next++;
	if (next == _OPERATION_MAX || operation_is_change(next))
		return "the job has no reading operation after this one for the same engine to go "
		       "on with";
	set_operation(v, e->operation, STATUS_COMPLETED, RESULT_SUCCEEDED, f);
	set_operation(v, next, STATUS_RUNNING, RESULT_TBD, f);
	return NULL;
}

static const char *continues(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	grant(v, f);
	return NULL;
}

static const char *succeeded(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	set_operation(v, e->operation, STATUS_COMPLETED, RESULT_SUCCEEDED, f);
	if (v->operation == JOB_REFRESH && e->operation == OPERATION_REFRESH)
		f->flags |= JOB_EFFECT_STATE_FRESH;
	enum operation next = job_next_operation(v);
	if (next == _OPERATION_INVALID) {
		finish(v, RESULT_SUCCEEDED, f);
	} else if (v->cancel_requested) {
		finish(v, RESULT_CANCELLED, f);
	} else if (operation_is_change(next) && v->pause_before_change && !v->approved_change) {
		unassign(v, f);
		v->pause = JOB_PAUSE_BEFORE_CHANGE;
		set_status(v, STATUS_AWAITING_APPROVAL, RESULT_TBD, f);
	} else {
		grant(v, f);
	}
	return NULL;
}

static bool killed_in_change(const struct job_event *e)
{
	return e->killed && operation_is_change(e->operation);
}

static const char *failed(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	set_operation(v, e->operation, STATUS_COMPLETED, RESULT_FAILED, f);
	if (killed_in_change(e)) {
		fail(v, "engine_killed",
		     "the engine was killed in the middle of a change, which is never tried again "
		     "by itself",
		     f);
		f->flags |= JOB_EFFECT_EVIDENCE;
	} else {
		fail(v, "operation_failed", NULL, f);
	}
	return NULL;
}

static const char *stopped(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	set_operation(v, e->operation, STATUS_COMPLETED,
		      e->type == JOB_EVENT_OPERATION_FAILED ? RESULT_FAILED : RESULT_CANCELLED, f);
	finish(v, RESULT_CANCELLED, f);
	return NULL;
}

static const char *interrupted(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	if (e->operation == job_next_operation(v) && killed_in_change(e))
		f->flags |= JOB_EFFECT_EVIDENCE;
	if (v->force_requested)
		return stopped(v, e, f);
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	set_operation(v, e->operation, STATUS_COMPLETED, RESULT_FAILED, f);
	fail(v, "engine_interrupted", "the engine was interrupted, and not by a cancel of this job",
	     f);
	return NULL;
}

/* One more attempt, unless there were tries of them. code, message: what the failure is called. */
static bool may_try_again(struct job_view *v, enum operation o, int tries, const char *code,
			  const char *message, struct job_effects *f)
{
	if (v->operations[o].lost < tries)
		v->operations[o].lost++;
	if (v->operations[o].lost < tries) {
		set_operation(v, o, STATUS_QUEUED, RESULT_TBD, f);
		return true;
	}
	set_operation(v, o, STATUS_COMPLETED, RESULT_FAILED, f);
	fail(v, code, message, f);
	return false;
}

static const char *unknown_reading(struct job_view *v, const struct job_event *e,
				   struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	if (v->force_requested)
		return stopped(v, e, f);
	bool again = e->killed
			     ? may_try_again(v, e->operation, JOB_MAX_TRIES_KILLED, "engine_killed",
					     "the last attempt's engine was killed by somebody "
					     "else: its machine may have too little memory",
					     f)
			     : may_try_again(v, e->operation, JOB_MAX_TRIES, "engine_unknown",
					     "three attempts ended without an exit record: the "
					     "engine or the process that watches it was killed",
					     f);
	if (again)
		grant(v, f);
	return NULL;
}

static const char *unknown_changing(struct job_view *v, const struct job_event *e,
				    struct job_effects *f)
{
	if (e->operation != job_next_operation(v))
		return wrong_operation;
	set_operation(v, e->operation, STATUS_COMPLETED, RESULT_FAILED, f);
	fail(v, "engine_unknown",
	     "the engine ended without an exit record in the middle of a change, which is never "
	     "tried again by itself",
	     f);
	f->flags |= JOB_EFFECT_EVIDENCE;
	return NULL;
}

static const char *lost_reading(struct job_view *v, const struct job_event *e,
				struct job_effects *f)
{
	(void)e;
	enum operation o = job_next_operation(v);
	if (v->cancel_requested) {
		set_operation(v, o, STATUS_COMPLETED, RESULT_CANCELLED, f);
		finish(v, RESULT_CANCELLED, f);
		return NULL;
	}
	if (may_try_again(v, o, JOB_MAX_TRIES, "runner_lost",
			  "three runners were lost during this operation", f)) {
		unassign(v, f);
		f->flags |= JOB_EFFECT_STATUS;
	}
	return NULL;
}

static const char *lost_changing(struct job_view *v, const struct job_event *e,
				 struct job_effects *f)
{
	(void)e;
	set_operation(v, job_next_operation(v), STATUS_COMPLETED, RESULT_FAILED, f);
	fail(v, "runner_lost",
	     "the runner was lost in the middle of a change; the resource is held until the runner "
	     "says that its engine has ended, or "
	     "an admin runs `planton runner abandon`",
	     f);
	f->flags |= JOB_EFFECT_HOLD | JOB_EFFECT_EVIDENCE;
	return NULL;
}

static const char *cancel_now(struct job_view *v, const struct job_event *e, struct job_effects *f)
{
	(void)e;
	v->cancel_requested = true;
	finish(v, RESULT_CANCELLED, f);
	return NULL;
}

/* During the last operation it changes nothing. */
static const char *cancel_later(struct job_view *v, const struct job_event *e,
				struct job_effects *f)
{
	(void)e;
	(void)f;
	if (!is_last(v, job_next_operation(v)))
		v->cancel_requested = true;
	return NULL;
}

static const char *cancel_by_force(struct job_view *v, const struct job_event *e,
				   struct job_effects *f)
{
	(void)e;
	v->cancel_requested = true;
	v->force_requested = true;
	f->flags |= JOB_EFFECT_INTERRUPT;
	return NULL;
}

static const char *resume_start(struct job_view *v, const struct job_event *e,
				struct job_effects *f)
{
	(void)e;
	v->pause = JOB_PAUSE_NONE;
	v->approved_start = true;
	set_status(v, STATUS_QUEUED, RESULT_TBD, f);
	return NULL;
}

static const char *resume_change(struct job_view *v, const struct job_event *e,
				 struct job_effects *f)
{
	(void)e;
	v->pause = JOB_PAUSE_NONE;
	v->approved_change = true;
	set_status(v, STATUS_RUNNING, RESULT_TBD, f);
	return NULL;
}

struct transition {
	job_action *action;
	const char *refusal; /* when there is no action */
};

#define DO(action_)                 \
	{                           \
		.action = (action_) \
	}
#define NO(text)                  \
	{                         \
		.refusal = (text) \
	}

#define NOT_QUEUED NO("the job has left the queue")
#define NOT_HELD   NO("the job is in no runner's hands")
#define NOT_PAUSED NO("the job does not wait for approval")
#define HELD	   NO("the job is in a runner's hands")
#define PAUSED	   NO("the job waits for approval: `planton stack-job resume` lets it go on")
#define DONE	   NO("the job is completed")

#define NO_ENGINE_EVENTS                                                                        \
	[JOB_EVENT_OPERATION_STARTED] = NOT_HELD, [JOB_EVENT_OPERATION_SPLIT] = NOT_HELD,       \
	[JOB_EVENT_OPERATION_CONTINUES] = NOT_HELD, [JOB_EVENT_OPERATION_SUCCEEDED] = NOT_HELD, \
	[JOB_EVENT_OPERATION_FAILED] = NOT_HELD, [JOB_EVENT_OPERATION_INTERRUPTED] = NOT_HELD,  \
	[JOB_EVENT_OPERATION_UNKNOWN] = NOT_HELD, [JOB_EVENT_LEASE_EXPIRED] = NOT_HELD,         \
	[JOB_EVENT_RUNNER_LOST] = NOT_HELD

static const struct transition transitions[_JOB_PHASE_MAX][_JOB_EVENT_MAX] =
	{
		[JOB_PHASE_QUEUED] =
			{
				[JOB_EVENT_DISPATCHED] = DO(dispatch),
				[JOB_EVENT_PAUSED_BEFORE_START] = DO(pause_before_start),
				[JOB_EVENT_PREFLIGHT_FAILED] = DO(preflight_failed),
				[JOB_EVENT_LAUNCH_REFUSED] = NOT_HELD,
				NO_ENGINE_EVENTS,
				[JOB_EVENT_CANCEL] = DO(cancel_now),
				[JOB_EVENT_FORCE_CANCEL] = DO(cancel_now),
				[JOB_EVENT_RESUME] = NOT_PAUSED,
			},
		[JOB_PHASE_PAUSED_BEFORE_START] =
			{
				[JOB_EVENT_DISPATCHED] = PAUSED,
				[JOB_EVENT_PAUSED_BEFORE_START] = PAUSED,
				[JOB_EVENT_PREFLIGHT_FAILED] = PAUSED,
				[JOB_EVENT_LAUNCH_REFUSED] = PAUSED,
				NO_ENGINE_EVENTS,
				[JOB_EVENT_CANCEL] = DO(cancel_now),
				[JOB_EVENT_FORCE_CANCEL] = DO(cancel_now),
				[JOB_EVENT_RESUME] = DO(resume_start),
			},
		[JOB_PHASE_UNASSIGNED] =
			{
				[JOB_EVENT_DISPATCHED] = DO(dispatch),
				[JOB_EVENT_PAUSED_BEFORE_START] = NOT_QUEUED,
				[JOB_EVENT_PREFLIGHT_FAILED] = NOT_QUEUED,
				[JOB_EVENT_LAUNCH_REFUSED] = DO(refuse_launch),
				NO_ENGINE_EVENTS,
				[JOB_EVENT_CANCEL] = DO(cancel_now),
				[JOB_EVENT_FORCE_CANCEL] = DO(cancel_now),
				[JOB_EVENT_RESUME] = NOT_PAUSED,
			},
		[JOB_PHASE_READING] =
			{
				[JOB_EVENT_DISPATCHED] = HELD,
				[JOB_EVENT_PAUSED_BEFORE_START] = NOT_QUEUED,
				[JOB_EVENT_PREFLIGHT_FAILED] = NOT_QUEUED,
				[JOB_EVENT_LAUNCH_REFUSED] = DO(refuse_launch),
				[JOB_EVENT_OPERATION_STARTED] = DO(started),
				[JOB_EVENT_OPERATION_SPLIT] = DO(split),
				[JOB_EVENT_OPERATION_CONTINUES] = DO(continues),
				[JOB_EVENT_OPERATION_SUCCEEDED] = DO(succeeded),
				[JOB_EVENT_OPERATION_FAILED] = DO(failed),
				[JOB_EVENT_OPERATION_INTERRUPTED] = DO(interrupted),
				[JOB_EVENT_OPERATION_UNKNOWN] = DO(unknown_reading),
				[JOB_EVENT_LEASE_EXPIRED] = DO(lost_reading),
				[JOB_EVENT_RUNNER_LOST] = DO(lost_reading),
				[JOB_EVENT_CANCEL] = DO(cancel_later),
				[JOB_EVENT_FORCE_CANCEL] = DO(cancel_by_force),
				[JOB_EVENT_RESUME] = NOT_PAUSED,
			},
		[JOB_PHASE_STOPPING] =
			{
				[JOB_EVENT_DISPATCHED] = HELD,
				[JOB_EVENT_PAUSED_BEFORE_START] = NOT_QUEUED,
				[JOB_EVENT_PREFLIGHT_FAILED] = NOT_QUEUED,
				[JOB_EVENT_LAUNCH_REFUSED] = DO(refuse_launch),
				[JOB_EVENT_OPERATION_STARTED] = DO(started),
				[JOB_EVENT_OPERATION_SPLIT] = DO(split),
				[JOB_EVENT_OPERATION_CONTINUES] = DO(continues),
				[JOB_EVENT_OPERATION_SUCCEEDED] = DO(succeeded),
				[JOB_EVENT_OPERATION_FAILED] = DO(stopped),
				[JOB_EVENT_OPERATION_INTERRUPTED] = DO(stopped),
				[JOB_EVENT_OPERATION_UNKNOWN] = DO(stopped),
				[JOB_EVENT_LEASE_EXPIRED] = DO(lost_reading),
				[JOB_EVENT_RUNNER_LOST] = DO(lost_reading),
				[JOB_EVENT_CANCEL] = DO(cancel_later),
				[JOB_EVENT_FORCE_CANCEL] = DO(cancel_by_force),
				[JOB_EVENT_RESUME] = NOT_PAUSED,
			},
		[JOB_PHASE_CHANGING] =
			{
				[JOB_EVENT_DISPATCHED] = HELD,
				[JOB_EVENT_PAUSED_BEFORE_START] = NOT_QUEUED,
				[JOB_EVENT_PREFLIGHT_FAILED] = NOT_QUEUED,
				[JOB_EVENT_LAUNCH_REFUSED] = DO(refuse_launch),
				[JOB_EVENT_OPERATION_STARTED] = DO(started),
				[JOB_EVENT_OPERATION_SPLIT] =
					NO("the job is in a change, after which nothing follows"),
				[JOB_EVENT_OPERATION_CONTINUES] = DO(continues),
				[JOB_EVENT_OPERATION_SUCCEEDED] = DO(succeeded),
				[JOB_EVENT_OPERATION_FAILED] = DO(failed),
				[JOB_EVENT_OPERATION_INTERRUPTED] = DO(interrupted),
				[JOB_EVENT_OPERATION_UNKNOWN] = DO(unknown_changing),
				[JOB_EVENT_LEASE_EXPIRED] = DO(lost_changing),
				[JOB_EVENT_RUNNER_LOST] = DO(lost_changing),
				[JOB_EVENT_CANCEL] = DO(cancel_later),
				[JOB_EVENT_FORCE_CANCEL] = DO(cancel_by_force),
				[JOB_EVENT_RESUME] = NOT_PAUSED,
			},
		[JOB_PHASE_PAUSED_BEFORE_CHANGE] =
			{
				[JOB_EVENT_DISPATCHED] = PAUSED,
				[JOB_EVENT_PAUSED_BEFORE_START] = NOT_QUEUED,
				[JOB_EVENT_PREFLIGHT_FAILED] = NOT_QUEUED,
				[JOB_EVENT_LAUNCH_REFUSED] = DO(refuse_launch),
				NO_ENGINE_EVENTS,
				[JOB_EVENT_CANCEL] = DO(cancel_now),
				[JOB_EVENT_FORCE_CANCEL] = DO(cancel_now),
				[JOB_EVENT_RESUME] = DO(resume_change),
			},
		[JOB_PHASE_COMPLETED] =
			{
				[JOB_EVENT_DISPATCHED] = DONE,
				[JOB_EVENT_PAUSED_BEFORE_START] = DONE,
				[JOB_EVENT_PREFLIGHT_FAILED] = DONE,
				[JOB_EVENT_LAUNCH_REFUSED] = DONE,
				[JOB_EVENT_OPERATION_STARTED] = DONE,
				[JOB_EVENT_OPERATION_SPLIT] = DONE,
				[JOB_EVENT_OPERATION_CONTINUES] = DONE,
				[JOB_EVENT_OPERATION_SUCCEEDED] = DONE,
				[JOB_EVENT_OPERATION_FAILED] = DONE,
				[JOB_EVENT_OPERATION_INTERRUPTED] = DONE,
				[JOB_EVENT_OPERATION_UNKNOWN] = DONE,
				[JOB_EVENT_LEASE_EXPIRED] = DONE,
				[JOB_EVENT_RUNNER_LOST] = DONE,
				[JOB_EVENT_CANCEL] = DONE,
				[JOB_EVENT_FORCE_CANCEL] = DONE,
				[JOB_EVENT_RESUME] = DONE,
			},
};

int job_machine_step(struct job_view *view, const struct job_event *event, struct job_effects *ret,
		     const char **ret_refusal)
{
	assert(event->type >= 0 && event->type < _JOB_EVENT_MAX);
	const struct transition *t = &transitions[job_phase_of(view)][event->type];
	if (!t->action) {
		*ret_refusal = t->refusal;
		return -EINVAL;
	}
	struct job_view next = *view;
	struct job_effects effects = {.grant_operation = _OPERATION_INVALID};
	const char *refusal = t->action(&next, event, &effects);
	if (refusal) {
		*ret_refusal = refusal;
		return -EINVAL;
	}
	*view = next;
	*ret = effects;
	return 0;
}
