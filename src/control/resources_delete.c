/* Deleting resources: what forbids it, and the version that remains. */
#include <string.h>

#include "base/strutil.h"
#include "control/jobs_state.h"
#include "control/resources_internal.h"
#include "control/states.h"
#include "model/json.h"

static int refuse(struct error **err, const struct resource_row *row, const char *hint,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse(struct error **err, const struct resource_row *row, const char *hint,
		  const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *why = xvasprintf(format, arguments);
	va_end(arguments);
	int r = error_set(err, ERROR_CONFLICT, "%s %s cannot be deleted: %s",
			  row->kind ? row->kind : resource_type_to_string(row->type), row->slug,
			  why);
	error_hint(err, "%s", hint);
	return r;
}

/* ---- Cloud resources ---- */

static int refuse_unfinished_jobs(struct work *w, const struct resource_row *row,
				  struct error **err)
{
	const struct job_filter unfinished = {
		.resource_id = row->id,
		.status = _STATUS_INVALID,
		.result = _RESULT_INVALID,
		.operation = _JOB_OPERATION_INVALID,
		.unfinished = true,
	};
	struct job_row *jobs = NULL;
	int n = job_list(w->tx, &unfinished, NULL, 1, &jobs, err);
	if (n <= 0)
		return n;
	int r = refuse(err, row, "wait for it or cancel it, then delete the resource",
		       "stack job %s is %s", jobs[0].id, status_to_string(jobs[0].status));
	job_row_release(&jobs[0]);
	free(jobs);
	return r;
}

static const char keep_or_destroy[] =
	"destroy it first (planton cloud-resource destroy), do both (planton cloud-resource "
	"purge), "
	"or keep the infrastructure and forget it (--abandon --reason ...)";

/* Infrastructure that its state does not show: changes that ended in the dark. */
static int refuse_unknown(struct work *w, const struct resource_row *row, struct error **err)
{
	struct hold hold;
	_cleanup_json_ json_t *document = NULL;
	int r = job_hold_of(w, row->id, &hold, &document, err);
	if (r < 0)
		return r;
	if (hold.kind != HOLD_NONE)
		return refuse(err, row, keep_or_destroy,
			      "stack job %s lost its runner, and what it changed is not known",
			      hold.job);
	struct adoption_row *rows = NULL;
	int n = adoption_list(w->tx, NULL, row->id, &rows, err);
	int outstanding = 0;
	for (int i = 0; i < n; i++) {
		outstanding += !rows[i].resolved_ms;
		adoption_row_release(&rows[i]);
	}
	free(rows);
	if (n < 0)
		return n;
	return outstanding == 0 ? 0
				: refuse(err, row, keep_or_destroy,
					 "%d objects on its adoption list may exist and are not in "
					 "its state",
					 outstanding);
}

static int refuse_infrastructure(struct work *w, const struct resource_row *row, struct error **err)
{
	int64_t count;
	int r = state_resource_count(w, row->id, &count, err);
	if (r < 0)
		return r;
	return count == 0 ? refuse_unknown(w, row, err)
			  : refuse(err, row, keep_or_destroy,
				   "its state still holds %lld resources", (long long)count);
}

/* Does it, somewhere in its spec, take a value from that resource? */
struct reference_search {
	const struct resource_row *target;
	const char *env; /* of who refers */
	bool found;
};

static json_t *look_for_reference(const char *pointer, const json_t *value, void *ctx)
{
	(void)pointer;
	struct reference_search *s = ctx;
	const json_t *reference = json_object_get(value, "valueFrom");
	const char *env = json_get_str(reference, "env");
	if (streq_null(json_get_str(reference, "kind"), s->target->kind) &&
	    streq_null(json_get_str(reference, "name"), s->target->slug) &&
	    streq_null(env ? env : s->env, s->target->env))
		s->found = true;
	return NULL;
}

static int refuse_referrer(const struct resource_row *row, void *ctx, struct error **err)
{
	const struct resource_row *target = ctx;
	if (streq(row->id, target->id) || !strstr(row->manifest, "valueFrom"))
		return 0;
	struct reference_search search = {.target = target, .env = row->env};
	_cleanup_json_ json_t *document = json_of_text(row->manifest);
	json_decref(json_copy_with(document, look_for_reference, &search));
	return search.found
		       ? refuse(err, target, "delete that first, or give it a value of its own",
				"%s/%s in %s takes a value from it", row->kind, row->slug, row->env)
		       : 0;
}

static int refuse_cloud_resource(struct work *w, const struct resource_row *row,
				 const struct delete_options *o, struct error **err)
{
	if (o->abandon && isempty(o->reason))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "reason",
				       "abandoning infrastructure needs a reason");
	const struct resource_filter neighbours = {.type = RESOURCE_CLOUD_RESOURCE,
						   .org = row->org};
	int r = refuse_unfinished_jobs(w, row, err);
	if (r >= 0 && !o->abandon)
		r = refuse_infrastructure(w, row, err);
	return r < 0 ? r : resource_each(w, &neighbours, refuse_referrer, (void *)row, err);
}

/* ---- What others need ---- */

static int refuse_member(const struct resource_row *row, void *ctx, struct error **err)
{
	return refuse(err, ctx, "delete what is in it first", "%s %s is in it",
		      row->kind ? row->kind : resource_type_to_string(row->type), row->slug);
}

static int refuse_container(struct work *w, const struct resource_row *row, struct error **err)
{
	bool is_org = row->type == RESOURCE_ORGANIZATION;
	const enum resource_type inside[] = {RESOURCE_CLOUD_RESOURCE, RESOURCE_CONNECTION,
					     RESOURCE_ENVIRONMENT};
	int r = 0;
	for (size_t i = 0; r == 0 && i < (is_org ? ARRAY_SIZE(inside) : 1); i++) {
		const struct resource_filter filter = {
			.type = inside[i],
			.org = is_org ? row->slug : row->org,
			.env = is_org ? NULL : row->slug,
		};
		r = resource_each(w, &filter, refuse_member, (void *)row, err);
	}
	return r;
}

static int refuse_user(const struct resource_row *row, void *ctx, struct error **err)
{
	const struct resource_row *connection = ctx;
	if (!strstr(row->manifest, "\"connection\"") && !strstr(row->status, connection->id))
		return 0;
	_cleanup_json_ json_t *document = json_of_text(row->manifest),
			      *status = json_of_text(row->status);
	const char *named = json_get_str(document, "placement.connection");
	bool used = streq_null(named, connection->slug) || streq_null(named, connection->id) ||
		    streq_null(json_get_str(status, "pinned.connection"), connection->id);
	return used ? refuse(err, connection,
			     "destroy and delete that first, or give it another connection",
			     "it is used by %s/%s in %s", row->kind, row->slug, row->env)
		    : 0;
}

static int refuse_connection(struct work *w, const struct resource_row *row, struct error **err)
{
	const struct resource_filter filter = {.type = RESOURCE_CLOUD_RESOURCE, .org = row->org};
	return resource_each(w, &filter, refuse_user, (void *)row, err);
}

int resource_delete_checked(struct work *w, const struct resource_row *row,
			    const struct delete_options *o, struct error **err)
{
	int r = resource_check_if_match(row, o->if_match, err);
	if (r < 0)
		return r;
	if (o->reason && strlen(o->reason) > MANIFEST_MAX_MESSAGE)
		return error_set_field(err, ERROR_TOO_LARGE, "reason",
				       "the reason has %zu bytes; the limit is %d",
				       strlen(o->reason), MANIFEST_MAX_MESSAGE);
	if (row->type == RESOURCE_CLOUD_RESOURCE)
		r = refuse_cloud_resource(w, row, o, err);
	else if (row->type == RESOURCE_CONNECTION)
		r = refuse_connection(w, row, err);
	else
		r = refuse_container(w, row, err);
	if (r >= 0)
		r = resource_append_version(w, row, NULL, o->reason, NULL, err);
	return r < 0 ? r : resource_delete(w->tx, row->id, err);
}
