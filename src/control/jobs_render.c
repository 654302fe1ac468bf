/* A stack job as people see it. */
#include <string.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "control/jobs.h"
#include "control/jobs_state.h"
#include "control/leases.h"
#include "control/runners.h"
#include "model/json.h"

static void set_time(json_t *object, const char *key, int64_t ms)
{
	char text[RFC3339_SIZE];
	if (ms)
		rfc3339_format((uint64_t)ms, text);
	json_set_string_or_null(object, key, ms ? text : NULL);
}

static json_t *text_or_null(const char *text)
{
	return text ? json_of_text(text) : json_null();
}

static json_t *render_spec(const struct job_row *j)
{
	_cleanup_json_ json_t *options = json_of_text(j->options);
	json_t *spec = json_new_object();
	json_t *targets = json_incref(json_object_get(options, "targets"));
	json_t *replaces = json_incref(json_object_get(options, "replaces"));
	json_set_string_or_null(spec, "cloudResourceId", j->resource_id);
	json_set_string_or_null(spec, "kind", j->kind);
	json_set_string_or_null(spec, "slug", j->slug);
	json_set_string_or_null(spec, "org", j->org);
	json_set_string_or_null(spec, "env", j->env);
	json_set_string(spec, "operation", job_operation_to_string(j->operation));
	json_set_string_or_null(spec, "message", j->message);
	json_set_value(spec, "targets", targets ? targets : json_new_array());
	json_set_value(spec, "replaces", replaces ? replaces : json_new_array());
	json_set_bool(spec, "purge", json_get_bool(options, "purge", false));
	json_set_string_or_null(spec, "rerunOf", j->rerun_of);
	json_set_string_or_null(spec, "versionId", j->version_id);
	return spec;
}

static json_t *render_attempts(const struct job_state *s, enum operation o)
{
	json_t *attempts = json_new_array();
	for (size_t i = 0; i < s->n_attempts; i++) {
		const struct attempt_row *a = &s->attempts[i];
		if (a->operation != o)
			continue;
		_cleanup_json_ json_t *stored = attempt_facts(a);
		json_t *attempt = json_new_object(),
		       *facts = json_incref(json_object_get(stored, "facts"));
		json_set_int(attempt, "number", a->number);
		json_set_int(attempt, "epoch", a->epoch);
		json_set_string_or_null(attempt, "command", a->command);
		json_set_string_or_null(attempt, "runnerId", a->runner_id);
		json_set_string(attempt, "result", result_to_string(a->result));
		json_set_string_or_null(attempt, "outcome", json_get_str(stored, "outcome"));
		set_time(attempt, "startedAt", a->started_ms);
		set_time(attempt, "endedAt", a->ended_ms);
		if (facts)
			json_set_value(attempt, "facts", facts);
		json_append_value(attempts, attempt);
	}
	return attempts;
}

static json_t *render_operation(const struct job_state *s, const struct operation_row *o,
				bool brief)
{
	json_t *operation = json_new_object();
	json_set_string(operation, "operation", operation_to_string(o->operation));
	json_set_string(operation, "status", status_to_string(o->status));
	json_set_string(operation, "result", result_to_string(o->result));
	set_time(operation, "startedAt", o->started_ms);
	set_time(operation, "endedAt", o->ended_ms);
	if (o->started_ms && o->ended_ms)
		json_set_int(operation, "durationMs", o->ended_ms - o->started_ms);
	else
		json_set_value(operation, "durationMs", json_null());
	json_set_value(operation, "errors", o->errors ? json_of_text(o->errors) : json_new_array());
	json_set_value(operation, "summary", text_or_null(o->summary));
	if (o->result == RESULT_SKIPPED)
		json_set_string(operation, "reason",
				s->sequence.left_out & (1U << o->operation) ? "policy"
				: s->row.result == RESULT_CANCELLED	    ? "cancelled"
									    : "failed");
	if (!brief)
		json_set_value(operation, "attempts", render_attempts(s, o->operation));
	return operation;
}

static json_t *render_error(const struct job_row *j)
{
	if (!j->error_code)
		return json_null();
	json_t *error = json_new_object();
	json_set_string(error, "code", j->error_code);
	json_set_string_or_null(error, "message", j->error_message);
	return error;
}

static json_t *render_cancel(const struct job_row *j)
{
	if (!j->cancel_actor)
		return json_null();
	json_t *cancel = json_new_object();
	json_set_string(cancel, "actor", j->cancel_actor);
	json_set_string_or_null(cancel, "reason", j->cancel_reason);
	set_time(cancel, "time", j->cancel_ms);
	json_set_string(cancel, "effect",
			j->force_requested    ? "interrupts"
			: j->cancel_requested ? "cancels"
					      : "none");
	return cancel;
}

/* Why nobody takes a job whose turn it is. */
static int render_no_runner(struct work *w, json_t **ret, struct error **err)
{
	struct runner_row *rows = NULL;
	int n = runner_list(w->tx, &rows, err);
	if (n < 0)
		return n;
	bool able = false;
	_cleanup_free_ char *unable = NULL;
	for (int i = 0; i < n; i++) {
		if (!rows[i].abandoned && lease_is_live(w->control->leases, rows[i].id)) {
			_cleanup_free_ char *problem = runner_engine_problem(&rows[i]);
			able |= !problem;
			if (problem && !unable)
				unable = xasprintf("runner %s has no engine: %s", rows[i].name,
						   problem);
		}
		runner_row_release(&rows[i]);
	}
	free(rows);
	*ret = json_new_object();
	json_set_string(
		*ret, "reason",
		able ? "every slot of the connected runners is taken: it starts when one is free"
		: unable ? unable
			 : "no runner is connected: start `planton runner`, or read why the "
			   "server's own does not register in runner/log of its data folder");
	return 0;
}

static int render_blocked(struct work *w, const struct job_state *s, bool brief, json_t **ret,
			  struct error **err)
{
	*ret = json_null();
	_cleanup_free_ char *fault = s->row.status == STATUS_COMPLETED
					     ? NULL
					     : lease_fault_describe(w->control->leases, s->row.id);
	if (fault) {
		json_t *blocked = json_new_object();
		_cleanup_free_ char *reason =
			xasprintf("the server cannot go on with it, and tries again: %s", fault);
		json_set_string(blocked, "reason", reason);
		*ret = blocked;
		return 0;
	}
	if (s->row.status != STATUS_QUEUED && job_phase_of(&s->view) != JOB_PHASE_UNASSIGNED)
		return 0;
	struct queue_verdict verdict;
	_cleanup_free_ char *blocker = NULL;
	int r = job_queue_verdict(w, &s->row, &verdict, &blocker, err);
	if (r < 0)
		return r;
	if (verdict.may_start)
		return brief ? 0 : render_no_runner(w, ret, err);
	json_t *blocked = json_new_object();
	json_set_string(blocked, "jobId", blocker);
	json_set_string(blocked, "reason", verdict.reason);
	*ret = blocked;
	return 0;
}

static int render_adoptions(struct work *w, const struct job_row *j, json_t **ret,
			    struct error **err)
{
	struct adoption_row *rows = NULL;
	int n = adoption_list(w->tx, j->id, NULL, &rows, err);
	if (n < 0)
		return n;
	json_t *adoptions = json_new_array();
	for (int i = 0; i < n; i++) {
		json_t *one = json_new_object();
		json_set_string(one, "address", rows[i].address);
		json_set_string(one, "type", rows[i].type);
		json_set_string(one, "provider", rows[i].provider);
		json_set_string(one, "action", rows[i].action);
		json_set_string(one, "outcome", rows[i].complete ? "complete" : "unknown");
		json_set_string(one, "idKey", rows[i].id_key);
		json_set_string(one, "idValue", rows[i].id_value);
		json_set_string(one, "advice", rows[i].advice);
		set_time(one, "resolvedAt", rows[i].resolved_ms);
		json_append_value(adoptions, one);
		adoption_row_release(&rows[i]);
	}
	free(rows);
	*ret = adoptions;
	return 0;
}

static int render_status(struct work *w, const struct job_state *s, bool brief, json_t *status,
			 struct error **err)
{
	const struct job_row *j = &s->row;
	json_t *operations = json_new_array();
	for (size_t i = 0; i < s->n_operations; i++)
		json_append_value(operations, render_operation(s, &s->operations[i], brief));
	json_set_string(status, "status", status_to_string(j->status));
	json_set_string(status, "result", result_to_string(j->result));
	json_set_int(status, "epoch", j->epoch);
	json_set_string_or_null(status, "runnerId", j->runner_id);
	json_set_value(status, "operations", operations);
	json_set_value(status, "error", render_error(j));
	json_set_value(status, "summary", text_or_null(j->summary));
	json_set_value(status, "pause", s->pause ? json_incref(s->pause) : json_null());
	json_set_int(status, "lastSeq", j->last_seq);
	set_time(status, "createdAt", j->created_ms);
	set_time(status, "startedAt", j->started_ms);
	set_time(status, "endedAt", j->ended_ms);
	json_set_value(status, "cancel", render_cancel(j));
	json_set_string_or_null(status, "actor", j->actor);
	json_t *blocked = NULL;
	int r = render_blocked(w, s, brief, &blocked, err);
	if (r < 0)
		return r;
	json_set_value(status, "blockedBy", blocked);
	if (brief)
		return 0;
	json_set_value(status, "preflight", text_or_null(j->preflight));
	json_set_value(status, "essentials",
		       s->essentials ? json_incref(s->essentials) : json_null());
	json_t *adoptions = NULL;
	r = render_adoptions(w, j, &adoptions, err);
	if (r >= 0)
		json_set_value(status, "adoptions", adoptions);
	return r;
}

int job_render(struct work *w, const struct job_row *j, bool brief, json_t **ret,
	       struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	_cleanup_json_ json_t *status = json_new_object();
	int r = job_state_load(w, j->id, &s, err);
	if (r >= 0)
		r = render_status(w, &s, brief, status, err);
	if (r < 0)
		return r;
	json_t *metadata = json_new_object(), *document = json_new_object();
	json_set_string(metadata, "id", s.row.id);
	json_set_string_or_null(metadata, "org", s.row.org);
	json_set_string_or_null(metadata, "env", s.row.env);
	json_set_int(metadata, "number", s.row.number);
	json_set_string(document, "apiVersion", MANIFEST_API_VERSION);
	json_set_string(document, "kind", "StackJob");
	json_set_value(document, "metadata", metadata);
	json_set_value(document, "spec", render_spec(&s.row));
	json_set_value(document, "status", TAKE_PTR(status));
	*ret = document;
	return 0;
}
