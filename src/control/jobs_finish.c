/* The end of a job: what it leaves on its resource, and what is cleared away. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "control/jobs_state.h"
#include "control/states.h"
#include "model/json.h"

static json_t *outputs_for_people(const json_t *outputs)
{
	json_t *shown = json_new_object();
	const char *name;
	json_t *output;
	json_object_foreach((json_t *)outputs, name, output)
	{
		json_t *copy = json_copy(output);
		if (json_get_bool(output, "sensitive", false))
			json_object_del(copy, "value");
		json_set_value(shown, name, copy);
	}
	return shown;
}

/* Did an engine of this job have the right to write the state, and was it started? */
static bool may_have_written(const struct job_state *s)
{
	for (size_t i = 0; i < s->n_operations; i++)
		if (s->operations[i].operation > OPERATION_INIT && s->operations[i].started_ms &&
		    s->row.operation != JOB_PREVIEW)
			return true;
	return false;
}

/* A state that cannot be read must not keep its job from ending. */
static int take_outputs(struct work *w, struct job_state *s, struct error **err)
{
	char *bytes = NULL;
	size_t len;
	_cleanup_json_ json_t *outputs = NULL;
	_cleanup_error_ struct error *why = NULL;
	int r = state_read(w, s->row.state_id, NULL, &bytes, &len, &why);
	if (r >= 0 && !bytes)
		return 0;
	if (r >= 0) {
		r = state_outputs(bytes, len, &outputs, &why);
		secure_wipe(bytes, len);
		free(bytes);
	}
	if (r < 0) {
		log_fields(LOG_LEVEL_WARNING, "the state's outputs cannot be read", "job",
			   s->row.id, "error", why->message, NULL);
		return 0;
	}
	r = resource_set_outputs(w, s->row.resource_id, outputs, err);
	if (r < 0)
		return r;
	_cleanup_json_ json_t *payload = json_new_object();
	json_set_value(payload, "outputs", outputs_for_people(outputs));
	return job_event(w, s->row.id, EVENT_OUTPUTS, _OPERATION_INVALID, w->now_ms, payload, err);
}

/* A preview changes nothing, so it says nothing of the resource; and one that ended while an older
 * one still ran stays the last. */
static int say_last_job(struct work *w, struct job_state *s, const struct resource_row *resource,
			struct error **err)
{
	_cleanup_json_ json_t *status = json_of_text(resource->status);
	if (s->row.operation == JOB_PREVIEW ||
	    json_get_int(status, "lastJob.number", 0) > s->row.number)
		return 0;
	char ended[RFC3339_SIZE];
	rfc3339_format((uint64_t)s->row.ended_ms, ended);
	json_t *last = json_new_object();
	json_set_string(last, "id", s->row.id);
	json_set_int(last, "number", s->row.number);
	json_set_string(last, "operation", job_operation_to_string(s->row.operation));
	json_set_string(last, "result", result_to_string(s->row.result));
	json_set_string(last, "versionId", s->row.version_id);
	json_set_string(last, "endedAt", ended);
	return resource_status_set(w, s->row.resource_id, "lastJob", last, err);
}

/* A record that cannot go is kept, and the job says why. */
static int purge(struct work *w, struct job_state *s, const struct resource_row *resource,
		 struct error **err)
{
	_cleanup_error_ struct error *why = NULL;
	const struct delete_options options = {.reason = "purge"};
	int r = resource_delete_checked(w, resource, &options, &why);
	if (r >= 0)
		return 0;
	if (why->code == ERROR_INTERNAL)
		return error_move(err, &why);
	_cleanup_json_ json_t *payload = json_new_object();
	json_set_string(payload, "severity", "warning");
	json_set_string(payload, "summary", "destroyed, but its record was not deleted");
	json_set_string(payload, "detail", why->message);
	return job_event(w, s->row.id, EVENT_DIAGNOSTIC, _OPERATION_INVALID, w->now_ms, payload,
			 err);
}

static int update_resource(struct work *w, struct job_state *s, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = resource_get(w->tx, s->row.resource_id, &resource, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	if (may_have_written(s))
		r = take_outputs(w, s, err);
	if (r >= 0)
		r = say_last_job(w, s, &resource, err);
	bool destroyed = s->row.operation == JOB_DESTROY && s->row.result == RESULT_SUCCEEDED;
	if (r >= 0 && destroyed)
		r = resource_status_set(w, s->row.resource_id, "pinned", NULL, err);
	_cleanup_json_ json_t *options = json_of_text(s->row.options);
	if (r >= 0 && destroyed && json_get_bool(options, "purge", false))
		r = purge(w, s, &resource, err);
	return r;
}

static int clear_lock(struct work *w, struct job_state *s, struct error **err)
{
	_cleanup_(state_lock_row_release) struct state_lock_row lock = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = state_lock_get(w->tx, s->row.state_id, &lock, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	return streq_null(lock.job_id, s->row.id) ? state_lock_delete(w->tx, s->row.state_id, err)
						  : 0;
}

int job_finish(struct work *w, struct job_state *s, struct error **err)
{
	int r = s->row.resource_id ? update_resource(w, s, err) : 0;
	if (r >= 0)
		r = clear_lock(w, s, err);
	if (r >= 0)
		r = artifact_delete_all(w->tx, s->row.id, err);
	return r;
}
