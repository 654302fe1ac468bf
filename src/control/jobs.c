/* Stack jobs as people ask for them: create, cancel, resume, rerun, and what an engine was given.
 */
#include "control/jobs.h"

#include <string.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "base/ulid.h"
#include "control/control.h"
#include "control/grants.h"
#include "control/jobs_state.h"
#include "control/manifests.h"
#include "model/ident.h"
#include "model/json.h"
#include "model/manifest.h"

#define ADDRESSES_MAX	   100
#define ADDRESS_MAX_LENGTH 1024

/* ---- Creating ---- */

/* What the snapshot is made of. */
struct snapshot {
	const char *resource_id, *state_id, *org, *env, *kind, *slug, *manifest, *version_id;
};

static int check_addresses(const json_t *addresses, const char *field, struct error **err)
{
	size_t i;
	json_t *address;
	if (!addresses)
		return 0;
	if (!json_is_array(addresses) || json_array_size(addresses) > ADDRESSES_MAX)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, field,
				       "%s is a list of at most %d addresses", field,
				       ADDRESSES_MAX);
	json_array_foreach((json_t *)addresses, i, address) if (
		!json_is_string(address) || json_string_length(address) == 0 ||
		json_string_length(address) >
			ADDRESS_MAX_LENGTH) return error_set_field(err, ERROR_INVALID_ARGUMENT,
								   field,
								   "%s has addresses of 1 to %d "
								   "bytes",
								   field, ADDRESS_MAX_LENGTH);
	return 0;
}

static int put_operations(struct work *w, const struct job_row *job, struct error **err)
{
	const struct sequence all = sequence_of(job->operation, &flow_control_default);
	for (size_t i = 0; i < all.n_all; i++) {
		const struct operation_row o = {.job_id = job->id,
						.operation = all.all[i],
						.status = STATUS_QUEUED,
						.result = RESULT_TBD};
		int r = operation_put(w->tx, &o, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int create(struct work *w, const struct snapshot *from, const struct job_request *q,
		  struct job_row *ret, struct error **err)
{
	int r = check_addresses(q->targets, "targets", err);
	if (r >= 0)
		r = check_addresses(q->replaces, "replaces", err);
	if (r < 0)
		return r;
	if (q->message && strlen(q->message) > MANIFEST_MAX_MESSAGE)
		return error_set_field(err, ERROR_TOO_LARGE, "message",
				       "the message is over its limit of %d bytes",
				       MANIFEST_MAX_MESSAGE);

	_cleanup_(job_row_release) struct job_row job = {
		.id = id_new(ID_PREFIX_STACK_JOB),
		.resource_id = xstrdup_null(from->resource_id),
		.state_id = xstrdup(from->state_id),
		.org = xstrdup_null(from->org),
		.env = xstrdup_null(from->env),
		.kind = xstrdup_null(from->kind),
		.slug = xstrdup_null(from->slug),
		.operation = q->operation,
		.status = STATUS_QUEUED,
		.result = RESULT_TBD,
		.actor = xstrdup_null(w->actor.principal),
		.message = xstrdup_null(q->message),
		.manifest = xstrdup(from->manifest),
		.version_id = xstrdup_null(from->version_id),
		.rerun_of = xstrdup_null(q->rerun_of),
		.created_ms = w->now_ms,
	};
	_cleanup_json_ json_t *options = json_new_object();
	_cleanup_free_ char *key = artifact_key_new(w, job.id);
	json_set_value(options, "targets",
		       q->targets ? json_deep_copy(q->targets) : json_new_array());
	json_set_value(options, "replaces",
		       q->replaces ? json_deep_copy(q->replaces) : json_new_array());
	json_set_bool(options, "purge", q->purge);
	json_set_string(options, "artifactKey", key);
	job.options = json_to_text(options, JSON_WRITE_COMPACT);

	r = job_insert(w->tx, &job, err);
	if (r >= 0)
		r = put_operations(w, &job, err);
	_cleanup_json_ json_t *payload = json_new_object();
	json_set_string(payload, "status", status_to_string(STATUS_QUEUED));
	json_set_string(payload, "result", result_to_string(RESULT_TBD));
	if (r >= 0)
		r = job_event(w, job.id, EVENT_JOB_STATUS, _OPERATION_INVALID, w->now_ms, payload,
			      err);
	if (r < 0)
		return r;
	work_wake_after(w, "queue");
	return job_get(w->tx, job.id, ret, err);
}

static bool resource_exists(struct work *w, const char *id)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	return resource_get(w->tx, id, &row, NULL) >= 0;
}

int job_create(struct work *w, const struct job_request *q, struct job_row *ret, struct error **err)
{
	const struct resource_row *of = q->unsaved ? q->unsaved : q->resource;
	if (of->type != RESOURCE_CLOUD_RESOURCE)
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "only cloud resources have stack jobs; this is of kind %s",
				 resource_type_to_string(of->type));
	if (q->unsaved && q->operation != JOB_PREVIEW)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "operation",
				       "a manifest that is not saved can only be previewed");
	const struct snapshot from = {
		.resource_id = q->resource || resource_exists(w, of->id) ? of->id : NULL,
		.state_id = of->id,
		.org = of->org,
		.env = of->env,
		.kind = of->kind,
		.slug = of->slug,
		.manifest = of->manifest,
		.version_id = q->unsaved ? NULL : of->version_id,
	};
	return create(w, &from, q, ret, err);
}

/* ---- Cancelling ---- */

static int say_cancel_requested(struct work *w, const struct job_state *s, const char *reason,
				bool force, struct error **err)
{
	_cleanup_json_ json_t *payload = json_new_object();
	_cleanup_free_ char *text = xasprintf(
		"%s requested by %s%s%s%s", force ? "forced cancel" : "cancel", w->actor.principal,
		s->row.cancel_requested ? "" : " in the last operation, which goes on",
		isempty(reason) ? "" : ": ", isempty(reason) ? "" : reason);
	json_set_string(payload, "status", status_to_string(s->row.status));
	json_set_string(payload, "result", result_to_string(s->row.result));
	json_set_string(payload, "reason", text);
	return job_event(w, s->row.id, EVENT_JOB_STATUS, _OPERATION_INVALID, w->now_ms, payload,
			 err);
}

int job_cancel(struct work *w, const char *id, const char *reason, bool force, struct job_row *ret,
	       struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, id, &s, err);
	if (r < 0)
		return r;
	if (reason && strlen(reason) > MANIFEST_MAX_MESSAGE)
		return error_set_field(err, ERROR_TOO_LARGE, "reason",
				       "the reason is over its limit of %d bytes",
				       MANIFEST_MAX_MESSAGE);
	const struct job_step step = {
		.event = {.type = force ? JOB_EVENT_FORCE_CANCEL : JOB_EVENT_CANCEL,
			  .operation = _OPERATION_INVALID},
		.reason = reason};
	struct job_effects f;
	r = job_state_step(w, &s, &step, &f, err);
	if (r < 0)
		return r;
	if (!isempty(reason) || isempty(s.row.cancel_reason)) {
		replace_string(&s.row.cancel_actor, w->actor.principal);
		replace_string(&s.row.cancel_reason, reason);
		s.row.cancel_ms = w->now_ms;
		r = job_state_store(w, &s, err);
	}
	if (r >= 0 && !(f.flags & JOB_EFFECT_FINISHED))
		r = say_cancel_requested(w, &s, reason, force, err);
	return r < 0 ? r : job_get(w->tx, id, ret, err);
}

/* ---- Resuming ---- */

static json_t *approval_of(struct work *w, const struct job_state *s, const char *comment)
{
	static const char *const copied[] = {"at", "planDigest", "state"};
	char now[RFC3339_SIZE];
	rfc3339_format((uint64_t)w->now_ms, now);
	json_t *approval = json_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++) {
		json_t *value = json_object_get(s->pause, copied[i]);
		if (value)
			json_set_value(approval, copied[i], json_incref(value));
	}
	json_set_string(approval, "job", s->row.id);
	json_set_string(approval, "actor", w->actor.principal);
	json_set_string(approval, "comment", comment);
	json_set_string(approval, "time", now);
	json_t *policy = json_object_get(s->essentials, "flowControlPolicy");
	if (policy)
		json_set_value(approval, "policy", json_incref(policy));
	return approval;
}

static int end_as_stale(struct work *w, struct job_state *s, struct error **err)
{
	const struct job_step step = {
		.event = {.type = JOB_EVENT_LAUNCH_REFUSED,
			  .operation = _OPERATION_INVALID,
			  .error_code = "plan_stale",
			  .error_message = "the state has changed since this plan was made, so it "
					   "was not applied; run `planton stack-job rerun`"}};
	struct job_effects f;
	return job_state_step(w, s, &step, &f, err);
}

int job_resume(struct work *w, const char *id, const char *comment, const char *plan_digest,
	       struct job_row *ret, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, id, &s, err);
	if (r < 0)
		return r;
	if (comment && strlen(comment) > MANIFEST_MAX_MESSAGE)
		return error_set_field(err, ERROR_TOO_LARGE, "comment",
				       "the comment is over its limit of %d bytes",
				       MANIFEST_MAX_MESSAGE);
	const char *shown = json_get_str(s.pause, "planDigest");
	if (s.view.pause != JOB_PAUSE_NONE && plan_digest && !streq_null(plan_digest, shown))
		return error_set_field(err, ERROR_CONFLICT, "planDigest",
				       "this approves plan %s, but stack job %s waits with %s%s",
				       plan_digest, id, shown ? "plan " : "no plan",
				       shown ? shown : "");
	bool moved = false;
	if (s.view.pause == JOB_PAUSE_BEFORE_CHANGE)
		r = job_state_has_moved(w, &s, &moved, err);
	if (r >= 0 && moved) {
		r = end_as_stale(w, &s, err);
		return r < 0 ? r : job_get(w->tx, id, ret, err);
	}
	if (r < 0)
		return r;
	if (s.view.pause != JOB_PAUSE_NONE)
		json_append_value(json_object_get(s.pause, "approvals"),
				  approval_of(w, &s, comment));
	_cleanup_free_ char *reason =
		xasprintf("approved by %s%s%s", w->actor.principal, isempty(comment) ? "" : ": ",
			  isempty(comment) ? "" : comment);
	const struct job_step step = {
		.event = {.type = JOB_EVENT_RESUME, .operation = _OPERATION_INVALID},
		.reason = reason};
	struct job_effects f;
	r = job_state_step(w, &s, &step, &f, err);
	return r < 0 ? r : job_get(w->tx, id, ret, err);
}

/* ---- Running again ---- */

static int check_rerun(struct work *w, const struct job_row *job, bool allow_older_version,
		       struct error **err)
{
	if (job->status != STATUS_COMPLETED) {
		int r = error_set(err, ERROR_CONFLICT,
				  "stack job %s is %s: only a completed job can be run again",
				  job->id, status_to_string(job->status));
		error_hint(err, "wait for it or cancel it: planton stack-job cancel %s", job->id);
		return r;
	}
	if (!job->resource_id)
		return 0;
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = resource_get(w->tx, job->resource_id, &resource, &lookup);
	if (r < 0 && lookup->code == ERROR_NOT_FOUND)
		return error_set(
			err, ERROR_CONFLICT,
			"the resource of stack job %s was deleted: there is nothing to run it on",
			job->id);
	if (r < 0)
		return error_move(err, &lookup);
	if (job->operation != JOB_UPDATE || allow_older_version ||
	    streq_null(resource.version_id, job->version_id))
		return 0;
	r = error_set(err, ERROR_CONFLICT,
		      "stack job %s was for version %s, but %s/%s is at version %s now", job->id,
		      job->version_id, resource.kind, resource.slug, resource.version_id);
	error_hint(err,
		   "create an update job for the newest version, or say --allow-older-version to "
		   "go back to %s",
		   job->version_id);
	return r;
}

int job_rerun(struct work *w, const char *id, const char *message, bool allow_older_version,
	      struct job_row *ret, struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	int r = job_get(w->tx, id, &job, err);
	if (r >= 0)
		r = check_rerun(w, &job, allow_older_version, err);
	if (r < 0)
		return r;
	_cleanup_json_ json_t *options = json_of_text(job.options);
	const struct snapshot from = {
		.resource_id = job.resource_id,
		.state_id = job.state_id,
		.org = job.org,
		.env = job.env,
		.kind = job.kind,
		.slug = job.slug,
		.manifest = job.manifest,
		.version_id = job.version_id,
	};
	const struct job_request q = {
		.operation = job.operation,
		.message = message ? message : job.message,
		.targets = json_object_get(options, "targets"),
		.replaces = json_object_get(options, "replaces"),
		.purge = json_get_bool(options, "purge", false),
		.rerun_of = job.id,
	};
	return create(w, &from, &q, ret, err);
}

/* ---- What the engine was given ---- */

int job_stack_input(struct work *w, const char *id, json_t **ret, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, id, &s, err);
	if (r < 0)
		return r;
	_cleanup_json_ json_t *manifest = json_of_text(s.row.manifest);
	json_t *iac = json_new_object(), *provider = json_new_object(), *input = json_new_object();
	json_t *module = json_object_get(s.essentials, "iacModule"),
	       *backend = json_object_get(s.essentials, "stateBackend");
	json_set_string(iac, "operation", job_operation_to_string(s.row.operation));
	json_set_string(iac, "provisioner", json_get_str(s.essentials, "iacModule.provisioner"));
	if (module)
		json_set_value(iac, "module", json_incref(module));
	if (backend)
		json_set_value(iac, "stateBackend", json_incref(backend));
	json_set_string(provider, "provider",
			json_get_str(s.essentials, "providerCredentials.provider"));
	json_set_string(provider, "connection",
			json_get_str(s.essentials, "providerCredentials.connection"));
	json_set_value(input, "target", manifest_masked(manifest));
	json_set_value(input, "providerConfig", provider);
	json_set_value(input, "iac", iac);
	*ret = input;
	return 0;
}
