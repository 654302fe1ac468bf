/* Writing resources: versions, and the job that a change starts. */
#include <string.h>

#include "base/strutil.h"
#include "base/ulid.h"
#include "control/jobs.h"
#include "control/resources_internal.h"
#include "model/ident.h"
#include "model/json.h"

#define DEFAULT_ENVIRONMENT "dev"

void apply_result_release(struct apply_result *r)
{
	resource_row_release(&r->resource);
	job_row_release(&r->job);
}

int resource_append_version(struct work *w, const struct resource_row *old,
			    const struct resource_row *new, const char *message, const char *job_id,
			    struct error **err)
{
	_cleanup_free_ char *diff = NULL;
	int r = resource_render_diff(w, old, new, old ? old->version_id : "none",
				     new ? new->version_id : "deleted", &diff, err);
	if (r < 0)
		return r;
	const struct resource_row *subject = new ? new : old;
	_cleanup_free_ char *deletion = new ? NULL : id_new(ID_PREFIX_VERSION);
	struct version_row row = {
		.id = new ? new->version_id : deletion,
		.resource_id = subject->id,
		.previous_id = old ? old->version_id : NULL,
		.event = (char *)(!old	? "created"
				  : new ? "updated"
					: "deleted"),
		.actor = (char *)w->actor.principal,
		.message = (char *)message,
		.manifest = subject->manifest,
		.diff = diff,
		.stack_job_id = (char *)job_id,
		.created_ms = w->now_ms,
	};
	return version_append(w->tx, &row, err);
}

int resource_check_if_match(const struct resource_row *existing, const char *if_match,
			    struct error **err)
{
	if (!if_match || (existing->id && streq(existing->version_id, if_match)))
		return 0;
	int r = error_set_field(err, ERROR_CONFLICT, "If-Match",
				"the resource %s%s, not at version %s",
				existing->id ? "is at version " : "does not exist",
				existing->id ? existing->version_id : "", if_match);
	error_hint(err, existing->id
				? "look at what changed, then try again with the present version"
				: "leave the version out to create it");
	return r;
}

static int check_message(const char *message, struct error **err)
{
	if (!message || strlen(message) <= MANIFEST_MAX_MESSAGE)
		return 0;
	return error_set_field(err, ERROR_TOO_LARGE, "message",
			       "the message has %zu bytes; the limit is %d", strlen(message),
			       MANIFEST_MAX_MESSAGE);
}

static int start_update(struct work *w, const struct manifest *m, const struct apply_options *o,
			struct apply_result *result, struct error **err)
{
	const struct job_request q = {.resource = &result->resource,
				      .operation = JOB_UPDATE,
				      .message = o->message ? o->message : m->message};
	return job_create(w, &q, &result->job, err);
}

static bool wants_job(const struct manifest *m, const struct apply_options *o)
{
	return o->create_job && m->type == RESOURCE_CLOUD_RESOURCE &&
	       !(m->has_flow_control && m->flow_control.disable_on_lifecycle_events);
}

/* Why that change, a resource's newest, is not what its present manifest asks for; NULL: it is, or
 * may still become it. */
static const char *why_again(const struct job_row *change, const struct resource_row *resource)
{
	if (change->operation == JOB_DESTROY)
		return change->result == RESULT_SUCCEEDED
			       ? "it was destroyed: updating again"
			       : "its last change is a destroy: updating again";
	if (!streq_null(change->version_id, resource->version_id))
		return "its last update was of another version: updating";
	if (change->result == RESULT_FAILED)
		return "its last update failed: updating again";
	if (change->result == RESULT_CANCELLED)
		return "its last update was cancelled: updating again";
	return NULL;
}

/* What is saved already, in result->resource, is not therefore there. */
static int repeat_change(struct work *w, const struct manifest *m, const struct apply_options *o,
			 struct apply_result *result, struct error **err)
{
	const struct job_filter changes = {
		.resource_id = result->resource.id,
		.status = _STATUS_INVALID,
		.result = _RESULT_INVALID,
		.operation = _JOB_OPERATION_INVALID,
		.changes = true,
	};
	struct job_row *newest = NULL;
	int n = job_list(w->tx, &changes, NULL, 1, &newest, err);
	if (n < 0)
		return n;
	result->reason = n == 0 ? "it was never updated: updating"
				: why_again(&newest[0], &result->resource);
	if (n > 0)
		job_row_release(&newest[0]);
	free(newest);
	return result->reason ? start_update(w, m, o, result, err) : 0;
}

/* Writes result->resource, which follows existing. */
static int write_change(struct work *w, const struct manifest *m,
			const struct resource_row *existing, const struct apply_options *o,
			struct apply_result *result, struct error **err)
{
	const struct resource_row *old = existing->id ? existing : NULL;
	int r = old ? resource_update(w->tx, &result->resource, old->version_id, err)
		    : resource_insert(w->tx, &result->resource, err);
	if (r < 0)
		return r;
	if (wants_job(m, o))
		r = start_update(w, m, o, result, err);
	return r < 0 ? r
		     : resource_append_version(w, old, &result->resource,
					       o->message ? o->message : m->message, result->job.id,
					       err);
}

int resource_apply(struct work *w, const json_t *manifest, const struct apply_options *o,
		   struct apply_result *ret, struct error **err)
{
	_cleanup_manifest_ struct manifest m = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	_cleanup_(apply_result_release) struct apply_result result = {0};
	bool same = false;
	int r = check_message(o->message, err);
	if (r >= 0)
		r = resource_prepare(w, manifest, &m, &existing, err);
	if (r >= 0)
		r = resource_check_if_match(&existing, o->if_match, err);
	if (r >= 0)
		r = resource_build_row(w, &m, &existing, &result.resource, err);
	if (r >= 0 && existing.id)
		r = resource_same(w, &existing, &result.resource, &same, err);
	if (r < 0)
		return r;
	if (same) {
		result.outcome = APPLY_UNCHANGED;
		resource_row_release(&result.resource);
		result.resource = existing;
		existing = (struct resource_row){0};
		r = wants_job(&m, o) ? repeat_change(w, &m, o, &result, err) : 0;
	} else {
		result.outcome = existing.id ? APPLY_UPDATED : APPLY_CREATED;
		r = write_change(w, &m, &existing, o, &result, err);
	}
	if (r < 0)
		return r;
	*ret = result;
	result = (struct apply_result){0};
	return 0;
}

static int seed(struct work *w, const char *kind, const char *name, const char *org,
		struct error **err)
{
	_cleanup_json_ json_t *document = json_new_object();
	json_t *metadata = json_new_object();
	json_set_string(document, "apiVersion", MANIFEST_API_VERSION);
	json_set_string(document, "kind", kind);
	json_set_string(metadata, "name", name);
	json_set_string(metadata, "org", org);
	json_set_value(document, "metadata", metadata);
	json_set_value(document, "spec", json_new_object());
	_cleanup_(apply_result_release) struct apply_result result = {0};
	return resource_apply(w, document, &(struct apply_options){.message = "first start"},
			      &result, err);
}

int resources_bootstrap(struct work *w, struct error **err)
{
	_cleanup_free_ char *done = NULL;
	int r = meta_get(w->tx, "bootstrapped", &done, err);
	if (r < 0 || done)
		return r;
	r = seed(w, "Organization", DEFAULT_ORGANIZATION, NULL, err);
	if (r >= 0)
		r = seed(w, "Environment", DEFAULT_ENVIRONMENT, DEFAULT_ORGANIZATION, err);
	return r < 0 ? r : meta_set(w->tx, "bootstrapped", "true", err);
}
