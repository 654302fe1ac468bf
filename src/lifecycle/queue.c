/* Order among the jobs of one state. */
#include "lifecycle/queue.h"

#include <stdio.h>

#include "base/strutil.h"

static const char *const hold_names[_HOLD_MAX] = {
	[HOLD_NONE] = "none",
	[HOLD_ENGINE_MAY_LIVE] = "engine_may_live",
	[HOLD_NEEDS_REFRESH] = "needs_refresh",
};

const char *hold_kind_to_string(enum hold_kind kind)
{
	return hold_names[kind];
}

enum hold_kind hold_kind_from_string(const char *string)
{
	for (enum hold_kind kind = 0; string && kind < _HOLD_MAX; kind++)
		if (streq(hold_names[kind], string))
			return kind;
	return _HOLD_INVALID;
}

static bool changes(enum job_operation operation)
{
	return operation == JOB_UPDATE || operation == JOB_DESTROY;
}

static bool hold_stops(const struct hold *hold, enum job_operation operation)
{
	return hold->kind == HOLD_ENGINE_MAY_LIVE ||
	       (hold->kind == HOLD_NEEDS_REFRESH && changes(operation));
}

/* Does a job that waits for approval hold back one of this operation? Previews only read. */
static bool pause_stops(const struct queue_job *paused, enum job_operation operation)
{
	return paused->status == STATUS_AWAITING_APPROVAL && operation != JOB_PREVIEW;
}

/* A queued job that has to wait for more than its turn holds back only those that wait for the
 * same. */
static bool waits_for_more(const struct queue_job *job, const struct queue_job *others,
			   size_t count, const struct hold *hold)
{
	if (hold_stops(hold, job->operation))
		return true;
	for (size_t i = 0; i < count; i++)
		if (others[i].number < job->number && pause_stops(&others[i], job->operation))
			return true;
	return false;
}

static void say_hold(const struct hold *hold, struct queue_verdict *ret)
{
	if (hold->kind == HOLD_ENGINE_MAY_LIVE)
		snprintf(ret->reason, sizeof(ret->reason),
			 "runner %s was lost while stack job %s changed this resource, and its "
			 "engine may still run: the hold ends when "
			 "the runner comes back and says that it has ended, or with `planton "
			 "runner abandon %s`",
			 hold->runner ? hold->runner : "(unknown)",
			 hold->job ? hold->job : "(unknown)",
			 hold->runner ? hold->runner : "<runner>");
	else
		snprintf(ret->reason, sizeof(ret->reason),
			 "stack job %s was lost in the middle of a change and may have made what "
			 "the state does not know; run "
			 "`planton sj create-stack-job %s --operation refresh`",
			 hold->job ? hold->job : "(unknown)",
			 hold->resource ? hold->resource : "<resource>");
}

static void blocked_by(const struct queue_job *other, const char *format, struct queue_verdict *ret)
{
	ret->may_start = false;
	ret->job = other->id;
	snprintf(ret->reason, sizeof(ret->reason), "%s job %s of this resource %s",
		 job_operation_to_string(other->operation), other->id, format);
}

void queue_decide(const struct queue_job *self, const struct queue_job *others, size_t count,
		  const struct hold *hold, struct queue_verdict *ret)
{
	*ret = (struct queue_verdict){.may_start = true};
	if (hold_stops(hold, self->operation)) {
		ret->may_start = false;
		say_hold(hold, ret);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct queue_job *o = &others[i];
		if (o->number == self->number)
			continue;
		bool ahead = o->number < self->number;
		if (o->status == STATUS_RUNNING && (o->assigned || ahead)) {
			blocked_by(o, "is running", ret);
			return;
		}
		if (ahead && pause_stops(o, self->operation)) {
			blocked_by(o, "waits for approval: resume or cancel it", ret);
			return;
		}
		if (ahead && o->status == STATUS_QUEUED &&
		    !waits_for_more(o, others, count, hold)) {
			blocked_by(o, "was created earlier and waits, too", ret);
			return;
		}
	}
}

void queue_decide_source(const struct queue_job *self, const struct queue_job *others, size_t count,
			 const char *source, struct queue_verdict *ret)
{
	*ret = (struct queue_verdict){.may_start = true};
	if (self->operation != JOB_UPDATE)
		return;
	for (size_t i = 0; i < count; i++) {
		const struct queue_job *o = &others[i];
		if (o->number >= self->number || !changes(o->operation))
			continue;
		ret->may_start = false;
		ret->job = o->id;
		snprintf(ret->reason, sizeof(ret->reason),
			 "it refers to outputs of %s, and %s job %s of that %s", source,
			 job_operation_to_string(o->operation), o->id,
			 o->status == STATUS_AWAITING_APPROVAL
				 ? "waits for approval: resume or cancel it"
				 : "is not done");
		return;
	}
}
