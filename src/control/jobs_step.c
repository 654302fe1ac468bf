/* What the job machine decided, written down: rows, events, holds. */
#include <string.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "control/control.h"
#include "control/evidence.h"
#include "control/jobs_state.h"
#include "control/leases.h"
#include "model/json.h"

static json_t *pause_payload(const struct job_state *s)
{
	json_t *payload = json_new_object();
	json_set_string(payload, "at", json_get_str(s->pause, "at"));
	json_set_string(payload, "planDigest", json_get_str(s->pause, "planDigest"));
	return payload;
}

static int append_job_status(struct work *w, const struct job_state *s, const char *reason,
			     struct error **err)
{
	_cleanup_json_ json_t *payload = json_new_object();
	json_set_string(payload, "status", status_to_string(s->row.status));
	json_set_string(payload, "result", result_to_string(s->row.result));
	json_set_string(payload, "reason", reason);
	if (s->row.status == STATUS_RUNNING)
		json_set_string(payload, "runner", s->row.runner_id);
	if (s->row.status == STATUS_AWAITING_APPROVAL)
		json_set_value(payload, "pause", pause_payload(s));
	if (s->row.error_code) {
		json_t *error = json_new_object();
		json_set_string(error, "code", s->row.error_code);
		json_set_string(error, "message", s->row.error_message);
		json_set_value(payload, "error", error);
	}
	if (s->row.summary)
		json_set_value(payload, "summary", json_of_text(s->row.summary));
	return job_event(w, s->row.id, EVENT_JOB_STATUS, _OPERATION_INVALID, w->now_ms, payload,
			 err);
}

static int append_operation_status(struct work *w, const struct job_state *s,
				   const struct operation_row *o, const struct job_step *step,
				   bool own, struct error **err)
{
	_cleanup_json_ json_t *payload = json_new_object();
	json_set_string(payload, "status", status_to_string(o->status));
	json_set_string(payload, "result", result_to_string(o->result));
	if (step->attempt && own)
		json_set_int(payload, "attempt", step->attempt);
	if (step->reused && own)
		json_set_bool(payload, "reused", true);
	if (o->errors)
		json_set_value(payload, "errors", json_of_text(o->errors));
	if (o->summary)
		json_set_value(payload, "summary", json_of_text(o->summary));
	if (step->drift && own)
		json_set_int(payload, "drift", *step->drift);
	if (o->status == STATUS_COMPLETED && o->started_ms)
		json_set_int(payload, "durationMs", o->ended_ms - o->started_ms);
	if (o->result == RESULT_SKIPPED)
		json_set_string(payload, "reason",
				s->row.result == RESULT_CANCELLED ? "cancelled" : "failed");
	else if (o->status == STATUS_QUEUED && own)
		json_set_string(payload, "reason",
				json_get_str(json_array_get(step->errors, 0), "summary"));
	return job_event(w, s->row.id, EVENT_OPERATION_STATUS, o->operation,
			 step->time_ms ? step->time_ms : w->now_ms, payload, err);
}

/* An operation that failed with no word of its engine gets the job's. */
static void explain_operation(struct operation_row *o, const struct job_step *step,
			      const struct job_effects *f)
{
	if (step->errors && json_array_size(step->errors) > 0) {
		free(o->errors);
		o->errors = json_to_text(step->errors, JSON_WRITE_COMPACT);
	} else if (o->result == RESULT_FAILED && f->error_message) {
		_cleanup_json_ json_t *errors = json_new_array();
		json_t *error = json_new_object();
		json_set_string(error, "summary", f->error_message);
		json_append_value(errors, error);
		free(o->errors);
		o->errors = json_to_text(errors, JSON_WRITE_COMPACT);
	}
}

static int write_operation(struct work *w, struct job_state *s, enum operation which,
			   const struct job_step *step, const struct job_effects *f,
			   struct error **err)
{
	struct operation_row *o = job_state_operation(s, which);
	const struct operation_view *v = &s->view.operations[which];
	int64_t now = step->time_ms ? step->time_ms : w->now_ms;
	bool own = which == step->event.operation;
	o->status = v->status;
	o->result = v->result;
	if (o->status == STATUS_QUEUED) {
		o->started_ms = o->ended_ms = 0;
		replace_string(&o->errors, NULL);
	} else if (o->status == STATUS_RUNNING) {
		o->started_ms = now;
		o->ended_ms = 0;
	} else {
		o->ended_ms = MAX(now, o->started_ms);
		if (own && step->summary) {
			free(o->summary);
			o->summary = json_to_text(step->summary, JSON_WRITE_COMPACT);
		}
		if (o->result != RESULT_SKIPPED)
			explain_operation(o, step, f);
	}
	int r = operation_put(w->tx, o, err);
	return r < 0 ? r : append_operation_status(w, s, o, step, own, err);
}

/* "<operation> failed: <the engine's first error>" */
static char *failure_message(const struct job_step *step)
{
	const char *summary = json_get_str(json_array_get(step->errors, 0), "summary");
	return xasprintf("%s failed%s%s", operation_to_string(step->event.operation),
			 summary ? ": " : "", summary ? summary : "");
}

static void set_summary(struct job_state *s)
{
	for (size_t i = s->n_operations; i-- > 0;)
		if (s->operations[i].summary) {
			replace_string(&s->row.summary, s->operations[i].summary);
			return;
		}
}

static int begin_pause(struct work *w, struct job_state *s, struct error **err)
{
	json_t *pause = json_new_object();
	json_t *approvals = json_incref(json_object_get(s->pause, "approvals"));
	char since[RFC3339_SIZE];
	rfc3339_format((uint64_t)w->now_ms, since);
	bool before_start = s->view.pause == JOB_PAUSE_BEFORE_START;
	json_set_string(pause, "at", before_start ? "before_start" : "before_change");
	json_set_string(pause, "since", since);
	json_set_value(pause, "approvals", approvals ? approvals : json_new_array());
	json_decref(s->pause);
	s->pause = pause;
	if (before_start)
		return 0;
	_cleanup_free_ char *digest = job_state_plan_digest(s);
	json_set_string(pause, "planDigest", digest);
	json_t *state = NULL;
	int r = job_state_position(w, s, &state, err);
	if (r >= 0)
		json_set_value(pause, "state", state);
	return r;
}

static int hold_resource(struct work *w, struct job_state *s, const char *runner_id, int64_t epoch,
			 struct error **err)
{
	if (!s->row.resource_id)
		return 0;
	json_t *held = json_new_object();
	json_set_string(held, "kind", hold_kind_to_string(HOLD_ENGINE_MAY_LIVE));
	json_set_string(held, "runner", runner_id);
	json_set_string(held, "job", s->row.id);
	json_set_int(held, "epoch", epoch);
	return resource_status_set(w, s->row.resource_id, "held", held, err);
}

static int clear_refresh_hold(struct work *w, struct job_state *s, struct error **err)
{
	if (!s->row.resource_id)
		return 0;
	struct hold hold;
	_cleanup_json_ json_t *document = NULL;
	int r = job_hold_of(w, s->row.resource_id, &hold, &document, err);
	if (r >= 0 && hold.kind == HOLD_NEEDS_REFRESH)
		r = resource_status_set(w, s->row.resource_id, "held", NULL, err);
	return r < 0 ? r : evidence_resolve(w, &s->row, err);
}

static void wake(struct work *w, const struct job_state *s, const char *runner_id,
		 const struct job_effects *f)
{
	if (runner_id) {
		_cleanup_free_ char *topic = xasprintf("runner:%s", runner_id);
		work_wake_after(w, topic);
	}
	if ((f->flags & (JOB_EFFECT_FINISHED | JOB_EFFECT_RELEASE)) ||
	    s->row.status == STATUS_AWAITING_APPROVAL ||
	    (s->row.status == STATUS_RUNNING && !s->view.assigned) ||
	    s->row.status == STATUS_QUEUED)
		work_wake_after(w, "queue");
}

/* Copies the view into the row. A lease that ends takes its epoch with it, so that nothing of it is
 * valid later. */
static void copy_view(struct work *w, struct job_state *s, const struct job_step *step,
		      const struct job_effects *f)
{
	s->row.status = s->view.status;
	s->row.result = s->view.result;
	s->row.cancel_requested = s->view.cancel_requested;
	s->row.force_requested = s->view.force_requested;
	if (f->flags & JOB_EFFECT_RELEASE)
		s->row.epoch++;
	if (!s->view.assigned && s->row.status != STATUS_COMPLETED)
		replace_string(&s->row.runner_id, NULL);
	if (s->row.status == STATUS_RUNNING && !s->row.started_ms)
		s->row.started_ms = w->now_ms;
	if (f->error_code) {
		replace_string(&s->row.error_code, f->error_code);
		free(s->row.error_message);
		s->row.error_message =
			f->error_message ? xstrdup(f->error_message) : failure_message(step);
	}
	if (f->flags & JOB_EFFECT_FINISHED)
		s->row.ended_ms = w->now_ms;
}

int job_state_step(struct work *w, struct job_state *s, const struct job_step *step,
		   struct job_effects *ret, struct error **err)
{
	struct job_effects f;
	const char *refusal;
	if (job_machine_step(&s->view, &step->event, &f, &refusal) < 0)
		return error_set(err, ERROR_CONFLICT, "stack job %s: %s", s->row.id, refusal);

	_cleanup_free_ char *runner_id = xstrdup_null(s->row.runner_id);
	int64_t epoch = s->row.epoch;
	copy_view(w, s, step, &f);
	int r = 0;
	if (s->row.status == STATUS_AWAITING_APPROVAL)
		r = begin_pause(w, s, err);
	for (size_t i = 0; r >= 0 && i < s->n_operations; i++)
		if (f.changed & (1U << s->operations[i].operation))
			r = write_operation(w, s, s->operations[i].operation, step, &f, err);
	if (r < 0)
		return r;
	if (f.flags & JOB_EFFECT_FINISHED)
		set_summary(s);
	r = job_state_store(w, s, err);
	if (r >= 0 && (f.flags & JOB_EFFECT_HOLD))
		r = hold_resource(w, s, runner_id, epoch, err);
	if (r >= 0 && (f.flags & JOB_EFFECT_EVIDENCE))
		r = evidence_collect(w, s, !(f.flags & JOB_EFFECT_HOLD), err);
	if (r >= 0 && (f.flags & JOB_EFFECT_STATE_FRESH))
		r = clear_refresh_hold(w, s, err);
	if (r >= 0 && (f.flags & JOB_EFFECT_FINISHED))
		r = job_finish(w, s, err);
	if (r >= 0 && (f.flags & JOB_EFFECT_STATUS))
		r = append_job_status(w, s, step->reason, err);
	if (r < 0)
		return r;
	if (s->row.status == STATUS_RUNNING && !s->view.assigned)
		lease_unassigned_add(w->control->leases, s->row.id);
	wake(w, s, runner_id, &f);
	*ret = f;
	return 0;
}
