/* A job's rows as the view that the rules know, and what of it is asked often. */
#include "control/jobs_state.h"

#include <string.h>

#include "base/strutil.h"
#include "control/control.h"
#include "model/issue.h"
#include "model/json.h"

json_t *json_of_text(const char *text)
{
	json_t *value = NULL;
	if (!text || json_parse(text, strlen(text), SIZE_MAX, &value, NULL) < 0)
		return json_new_object();
	return value;
}

void job_state_release(struct job_state *s)
{
	job_row_release(&s->row);
	for (size_t i = 0; i < s->n_operations; i++)
		operation_row_release(&s->operations[i]);
	free(s->operations);
	for (size_t i = 0; i < s->n_attempts; i++)
		attempt_row_release(&s->attempts[i]);
	free(s->attempts);
	json_decref(s->essentials);
	json_decref(s->pause);
	*s = (struct job_state){0};
}

json_t *attempt_facts(const struct attempt_row *a)
{
	return json_of_text(a->facts);
}

bool attempt_was_given_up(const struct attempt_row *a)
{
	_cleanup_json_ json_t *facts = attempt_facts(a);
	return streq_null(json_get_str(facts, "outcome"), "lost");
}

void attempt_set_facts(struct attempt_row *a, const json_t *facts)
{
	free(a->facts);
	a->facts = json_to_text(facts, JSON_WRITE_COMPACT);
}

struct operation_row *job_state_operation(struct job_state *s, enum operation o)
{
	for (size_t i = 0; i < s->n_operations; i++)
		if (s->operations[i].operation == o)
			return &s->operations[i];
	return NULL;
}

struct attempt_row *job_state_latest_attempt(struct job_state *s)
{
	return s->n_attempts ? &s->attempts[s->n_attempts - 1] : NULL;
}

struct attempt_row *job_state_attempt_of_epoch(struct job_state *s, int64_t epoch)
{
	for (size_t i = 0; i < s->n_attempts; i++)
		if (s->attempts[i].epoch == epoch)
			return &s->attempts[i];
	return NULL;
}

static bool covers(const struct attempt_row *a, enum operation o)
{
	if (a->operation == o)
		return true;
	_cleanup_json_ json_t *facts = attempt_facts(a);
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(facts, "covers"), i,
			   item) if (operation_from_string(json_string_value(item)) ==
				     o) return true;
	return false;
}

int job_state_attempt_number(const struct job_state *s, enum operation o, int64_t epoch)
{
	int number = 1;
	for (size_t i = 0; i < s->n_attempts; i++)
		if (s->attempts[i].epoch < epoch && covers(&s->attempts[i], o))
			number = MAX(number, s->attempts[i].operation == o ? s->attempts[i].number
									   : number) +
				 1;
	return number;
}

static bool was_approved(const json_t *pause, const char *at)
{
	size_t i;
	json_t *approval;
	json_array_foreach(json_object_get(pause, "approvals"), i,
			   approval) if (streq_null(json_get_str(approval, "at"), at)) return true;
	return false;
}

static void make_view(struct job_state *s)
{
	struct flow_control flow = flow_control_default;
	const json_t *policy = json_get(s->essentials, "flowControlPolicy.policy");
	if (policy) {
		_cleanup_issues_ struct issues issues = ISSUES_INIT;
		flow_control_parse(policy, "", &flow, &issues);
	}
	s->sequence = sequence_of(s->row.operation, &flow);

	struct job_view v = {
		.operation = s->row.operation,
		.status = s->row.status,
		.result = s->row.result,
		.assigned = s->row.status == STATUS_RUNNING && s->row.runner_id,
		.pause_before_change = s->sequence.pause_before_change,
		.approved_start = was_approved(s->pause, "before_start"),
		.approved_change = was_approved(s->pause, "before_change"),
		.cancel_requested = s->row.cancel_requested,
		.force_requested = s->row.force_requested,
	};
	if (s->row.status == STATUS_AWAITING_APPROVAL)
		v.pause = streq_null(json_get_str(s->pause, "at"), "before_start")
				  ? JOB_PAUSE_BEFORE_START
				  : JOB_PAUSE_BEFORE_CHANGE;
	for (size_t i = 0; i < s->sequence.n_run; i++)
		v.operations[s->sequence.run[i]].included = true;
	for (size_t i = 0; i < s->n_operations; i++) {
		v.operations[s->operations[i].operation].status = s->operations[i].status;
		v.operations[s->operations[i].operation].result = s->operations[i].result;
	}
	for (size_t i = 0; i < s->n_attempts; i++) {
		_cleanup_json_ json_t *facts = attempt_facts(&s->attempts[i]);
		const char *outcome = json_get_str(facts, "outcome");
		enum operation lost = operation_from_string(json_get_str(facts, "endedIn"));
		if (outcome && lost != _OPERATION_INVALID &&
		    (streq(outcome, "lost") || streq(outcome, "unknown")))
			v.operations[lost].lost++;
	}
	s->view = v;
}

int job_state_load(struct work *w, const char *id, struct job_state *ret, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_get(w->tx, id, &s.row, err);
	if (r < 0)
		return r;
	r = operation_list(w->tx, id, &s.operations, err);
	if (r < 0)
		return r;
	s.n_operations = (size_t)r;
	r = attempt_list(w->tx, id, &s.attempts, err);
	if (r < 0)
		return r;
	s.n_attempts = (size_t)r;
	s.essentials = s.row.essentials ? json_of_text(s.row.essentials) : NULL;
	s.pause = s.row.pause ? json_of_text(s.row.pause) : NULL;
	s.stored_status = s.row.status;
	s.stored_epoch = s.row.epoch;
	make_view(&s);
	*ret = s;
	s = (struct job_state){0};
	return 0;
}

int job_state_store(struct work *w, struct job_state *s, struct error **err)
{
	free(s->row.essentials);
	s->row.essentials = s->essentials ? json_to_text(s->essentials, JSON_WRITE_COMPACT) : NULL;
	free(s->row.pause);
	s->row.pause = s->pause ? json_to_text(s->pause, JSON_WRITE_COMPACT) : NULL;
	int r = job_update(w->tx, &s->row, s->stored_status, s->stored_epoch, err);
	if (r < 0)
		return r;
	s->stored_status = s->row.status;
	s->stored_epoch = s->row.epoch;
	return 0;
}

int job_state_set_essentials(struct work *w, struct job_state *s, json_t *essentials,
			     struct error **err)
{
	json_decref(s->essentials);
	s->essentials = essentials;
	make_view(s);
	for (size_t i = 0; i < s->n_operations; i++) {
		struct operation_row *o = &s->operations[i];
		if (!(s->sequence.left_out & (1U << o->operation)))
			continue;
		o->status = STATUS_COMPLETED;
		o->result = RESULT_SKIPPED;
		o->ended_ms = w->now_ms;
		int r = operation_put(w->tx, o, err);
		if (r < 0)
			return r;
		_cleanup_json_ json_t *payload = json_new_object();
		json_set_string(payload, "status", status_to_string(o->status));
		json_set_string(payload, "result", result_to_string(o->result));
		json_set_string(payload, "reason", "policy");
		r = job_event(w, s->row.id, EVENT_OPERATION_STATUS, o->operation, w->now_ms,
			      payload, err);
		if (r < 0)
			return r;
	}
	make_view(s);
	return job_state_store(w, s, err);
}

int job_state_end_attempt(struct work *w, struct job_state *s, enum result result,
			  const char *outcome, struct error **err)
{
	struct attempt_row *a = job_state_latest_attempt(s);
	if (!a || a->ended_ms)
		return 0;
	_cleanup_json_ json_t *facts = attempt_facts(a);
	json_set_string(facts, "outcome", outcome);
	json_set_string(facts, "endedIn", operation_to_string(job_next_operation(&s->view)));
	attempt_set_facts(a, facts);
	a->ended_ms = w->now_ms;
	a->result = result;
	return attempt_update(w->tx, a, err);
}

char *job_state_plan_digest(const struct job_state *s)
{
	for (size_t i = s->n_attempts; i-- > 0;) {
		if (s->attempts[i].result != RESULT_SUCCEEDED)
			continue;
		_cleanup_json_ json_t *facts = attempt_facts(&s->attempts[i]);
		const char *digest = json_get_str(facts, "facts.planDigest");
		if (digest &&
		    operation_from_string(json_get_str(facts, "endedIn")) == OPERATION_PREVIEW)
			return xstrdup(digest);
	}
	return NULL;
}

int job_state_position(struct work *w, const struct job_state *s, json_t **ret, struct error **err)
{
	_cleanup_(state_version_row_release) struct state_version_row v = {0};
	_cleanup_error_ struct error *lookup = NULL;
	json_t *position = json_new_object();
	int r = state_version_get(w->tx, s->row.state_id, NULL, &v, &lookup);
	if (r < 0 && lookup->code != ERROR_NOT_FOUND) {
		json_decref(position);
		return error_move(err, &lookup);
	}
	if (r >= 0) {
		json_set_string(position, "versionId", v.id);
		json_set_int(position, "serial", v.serial);
		json_set_string(position, "lineage", v.lineage);
	}
	*ret = position;
	return 0;
}

int job_state_has_moved(struct work *w, const struct job_state *s, bool *ret, struct error **err)
{
	const json_t *then = json_object_get(s->pause, "state");
	_cleanup_json_ json_t *now = NULL;
	*ret = false;
	if (!then)
		return 0;
	int r = job_state_position(w, s, &now, err);
	if (r >= 0)
		*ret = !json_equal(then, now);
	return r;
}

int job_event(struct work *w, const char *job_id, enum event_type type, enum operation o,
	      int64_t time_ms, const json_t *payload, struct error **err)
{
	int64_t seq;
	_cleanup_free_ char *text = json_to_text(payload, JSON_WRITE_COMPACT);
	_cleanup_free_ char *topic = xasprintf("job:%s", job_id);
	work_wake_after(w, topic);
	return event_append(w->tx, job_id, type, o, time_ms, text, &seq, err);
}
