/* From a manifest to a stored resource: checks, identity, versions, and the job that a change starts. */
#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "base/ulid.h"
#include "control/control.h"
#include "control/jobs.h"
#include "control/manifests.h"
#include "control/resources.h"
#include "model/diff.h"
#include "model/ident.h"
#include "model/json.h"
#include "model/manifest.h"

#define DEFAULT_ENVIRONMENT  "dev"

void apply_result_release(struct apply_result *r)
{
	resource_row_release(&r->resource);
	job_row_release(&r->job);
}

/* 1 and *ret, or 0 when there is none. */
static int find_by_slug(struct work *w, enum resource_type type, const char *org, const char *env, const char *kind,
			const char *slug, struct resource_row *ret, struct error **err)
{
	const struct resource_filter filter = {.type = type, .org = org, .env = env, .kind = kind, .slug = slug};
	struct resource_row *rows = NULL;
	int n = resource_list(w->tx, &filter, NULL, 1, &rows, err);
	if (n <= 0)
		return n;
	*ret = rows[0];
	free(rows);
	return 1;
}

static int require_exists(struct work *w, enum resource_type type, const char *org, const char *slug, const char *pointer,
			  struct issues *issues, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	int r = find_by_slug(w, type, org, NULL, NULL, slug, &row, err);
	if (r == 0)
		issues_add(issues, pointer, "names no %s: %s", resource_type_to_string(type), slug);
	return r < 0 ? r : 0;
}

static void check_connection(struct work *w, struct manifest *m, struct issues *issues)
{
	const char *provider = json_get_str(m->spec, "provider");
	const struct provider_type *type;
	_cleanup_error_ struct error *unknown = NULL;
	if (!provider) {
		issues_add(issues, "/spec/provider", "is missing");
		return;
	}
	if (catalog_provider_find(w->control->catalog, provider, &type, &unknown) < 0) {
		issues_add(issues, "/spec/provider", "is not usable: %s", unknown->message);
		return;
	}
	const char *key;
	json_t *value;
	json_object_foreach(m->spec, key, value) {
		if (!streq(key, "provider") && !streq(key, "default") && !streq(key, "fields") && !streq(key, "description")) {
			_cleanup_free_ char *pointer = json_pointer_append("/spec", key);
			issues_add(issues, pointer, "is not a field of a connection");
		}
	}
	json_t *is_default = json_get(m->spec, "default");
	if (is_default && !json_is_boolean(is_default))
		issues_add(issues, "/spec/default", "must be true or false");
	json_t *fields = provider_type_check(type, json_get(m->spec, "fields"), "/spec/fields", issues);
	if (fields)
		json_set_value(m->spec, "fields", fields);
}

static void check_cloud_resource(struct work *w, struct manifest *m, struct issues *issues)
{
	const struct cloud_resource_kind *kind;
	_cleanup_error_ struct error *unknown = NULL;
	if (catalog_kind_find(w->control->catalog, m->kind, &kind, &unknown) < 0) {
		issues_add(issues, "/kind", "is not known: %s", unknown->message);
		return;
	}
	json_t *spec = cloud_resource_kind_check(kind, m->api_version, m->spec, issues);
	if (spec)
		manifest_set_spec(m, spec);
}

/* Fills in org and env, and checks that they are there. */
static int check_place(struct work *w, struct manifest *m, struct issues *issues, struct error **err)
{
	if (m->type == RESOURCE_ORGANIZATION)
		return 0;
	if (!m->org)
		manifest_set_identity(m, NULL, NULL, DEFAULT_ORGANIZATION, NULL);
	int r = require_exists(w, RESOURCE_ORGANIZATION, NULL, m->org, "/metadata/org", issues, err);
	if (r < 0 || m->type != RESOURCE_CLOUD_RESOURCE)
		return r;
	if (!m->env) {
		issues_add(issues, "/metadata/env", "is missing: say which environment, there, by --env or in the context");
		return 0;
	}
	return require_exists(w, RESOURCE_ENVIRONMENT, m->org, m->env, "/metadata/env", issues, err);
}

/* What a resource's first job has fixed stays. */
static int check_pinned(const struct manifest *m, const struct resource_row *existing, struct error **err)
{
	_cleanup_json_ json_t *status = NULL;
	int r = json_parse(existing->status, strlen(existing->status), JSON_DEFAULT_MAX_SIZE, &status, err);
	if (r < 0)
		return r;
	const char *provisioner = json_get_str(status, "pinned.provisioner");
	if (!provisioner || m->provisioner == _PROVISIONER_INVALID || streq(provisioner, provisioner_to_string(m->provisioner)))
		return 0;
	r = error_set_field(err, ERROR_CONFLICT, "/metadata/labels/planton.dev~1provisioner",
			    "%s/%s is provisioned by %s since its first job; it cannot become %s", m->kind, m->slug, provisioner,
			    provisioner_to_string(m->provisioner));
	error_hint(err, "destroy it first (planton cloud-resource destroy %s/%s), or keep %s", m->kind, m->slug, provisioner);
	return r;
}

static int check_one_default(struct work *w, const struct manifest *m, struct issues *issues, struct error **err)
{
	if (m->type != RESOURCE_CONNECTION || !json_get_bool(m->spec, "default", false))
		return 0;
	const char *provider = json_get_str(m->spec, "provider");
	const struct resource_filter filter = {.type = RESOURCE_CONNECTION, .org = m->org};
	struct resource_row *rows = NULL;
	int n = resource_list(w->tx, &filter, NULL, 1000, &rows, err);
	for (int i = 0; i < n; i++) {
		_cleanup_json_ json_t *other = NULL;
		if (!streq(rows[i].slug, m->slug) &&
		    json_parse(rows[i].manifest, strlen(rows[i].manifest), MANIFEST_MAX_SIZE, &other, NULL) >= 0 &&
		    json_get_bool(other, "spec.default", false) && streq_null(json_get_str(other, "spec.provider"), provider))
			issues_add(issues, "/spec/default",
				   "is taken: %s is the default of provider %s in organization %s; set its spec.default to false first",
				   rows[i].slug, provider, m->org);
		resource_row_release(&rows[i]);
	}
	free(rows);
	return n < 0 ? n : 0;
}

/* The manifest as it is kept: with its place, without what the platform gives. */
static void drop_server_given(struct manifest *m)
{
	json_object_del(m->metadata, "id");
	json_object_del(m->metadata, "version");
}

/* Everything before writing. existing->id is NULL when it is new. m->doc stays in the clear. */
static int prepare(struct work *w, const json_t *document, struct manifest *m, struct resource_row *existing, struct error **err)
{
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	int r = manifest_parse(document, m, &issues, err);
	if (r < 0)
		return r;
	if (m->type == RESOURCE_CLOUD_RESOURCE)
		check_cloud_resource(w, m, &issues);
	else if (m->type == RESOURCE_CONNECTION)
		check_connection(w, m, &issues);
	r = check_place(w, m, &issues, err);
	if (r >= 0)
		r = check_one_default(w, m, &issues, err);
	if (r >= 0)
		r = issues_to_error(&issues, ERROR_UNPROCESSABLE, err);
	if (r < 0)
		return r;

	bool cloud = m->type == RESOURCE_CLOUD_RESOURCE;
	r = find_by_slug(w, m->type, m->org, cloud ? m->env : NULL, cloud ? m->kind : NULL, m->slug, existing, err);
	if (r < 0)
		return r;
	if (m->id && (!existing->id || !streq(m->id, existing->id)))
		return error_set_field(err, ERROR_CONFLICT, "/metadata/id", "%s is not the id of %s %s%s%s", m->id, m->kind, m->slug,
				       existing->id ? ", which is " : "", existing->id ? existing->id : "");
	drop_server_given(m);
	return existing->id && cloud ? check_pinned(m, existing, err) : 0;
}

/* The row that this manifest becomes; its manifest text is sealed. */
static void build_row(struct work *w, const struct manifest *m, const struct resource_row *existing, struct resource_row *ret)
{
	bool cloud = m->type == RESOURCE_CLOUD_RESOURCE;
	*ret = (struct resource_row){
		.id = existing->id ? xstrdup(existing->id) : resource_id_new(m->type),
		.type = m->type,
		.org = xstrdup_null(m->type == RESOURCE_ORGANIZATION ? NULL : m->org),
		.env = xstrdup_null(cloud ? m->env : NULL),
		.kind = xstrdup_null(cloud ? m->kind : NULL),
		.slug = xstrdup(m->slug),
		.name = xstrdup(m->name),
		.version_id = id_new(ID_PREFIX_VERSION),
		.status = xstrdup(existing->status ? existing->status : "{}"),
		.created_by = xstrdup(existing->id ? existing->created_by : w->actor.principal),
		.updated_by = xstrdup(w->actor.principal),
		.created_ms = existing->id ? existing->created_ms : w->now_ms,
		.updated_ms = w->now_ms,
	};
	_cleanup_json_ json_t *sealed = json_deep_copy(m->doc);
	_cleanup_strv_ char **patterns = manifest_secret_patterns(w->control, m->type, m->kind, sealed);
	manifest_seal(w->control, ret->id, patterns, sealed);
	ret->manifest = json_to_text(sealed, JSON_WRITE_COMPACT);
}

static int open_row(struct work *w, const struct resource_row *row, json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *document = NULL;
	int r = json_parse(row->manifest, strlen(row->manifest), MANIFEST_MAX_SIZE * 2, &document, err);
	return r < 0 ? r : manifest_open(w->control, row->id, document, ret, err);
}

int resource_same(struct work *w, const struct resource_row *a, const struct resource_row *b, bool *ret, struct error **err)
{
	_cleanup_json_ json_t *open_a = NULL, *open_b = NULL;
	int r = open_row(w, a, &open_a, err);
	if (r >= 0)
		r = open_row(w, b, &open_b, err);
	if (r < 0)
		return r;
	*ret = json_equal(open_a, open_b);
	return 0;
}

int resource_check(struct work *w, const json_t *manifest, struct resource_row *ret_normalised, struct resource_row *ret_existing,
		   struct error **err)
{
	_cleanup_manifest_ struct manifest m = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	int r = prepare(w, manifest, &m, &existing, err);
	if (r < 0)
		return r;
	build_row(w, &m, &existing, ret_normalised);
	*ret_existing = existing;
	existing = (struct resource_row){0};
	return 0;
}

static int append_version(struct work *w, const struct resource_row *old, const struct resource_row *new, const char *event,
			  const char *message, const char *job_id, struct error **err)
{
	_cleanup_free_ char *before = old ? resource_render_manifest_yaml(old) : xstrdup("");
	_cleanup_free_ char *after = new ? resource_render_manifest_yaml(new) : xstrdup("");
	_cleanup_free_ char *diff = diff_unified(before, after, old ? old->version_id : "none", new ? new->version_id : "deleted");
	const struct resource_row *subject = new ? new : old;
	_cleanup_free_ char *deletion = new ? NULL : id_new(ID_PREFIX_VERSION);
	struct version_row row = {
		.id = new ? new->version_id : deletion,
		.resource_id = subject->id,
		.previous_id = old ? old->version_id : NULL,
		.event = (char *)event,
		.actor = (char *)w->actor.principal,
		.message = (char *)message,
		.manifest = subject->manifest,
		.diff = diff,
		.stack_job_id = (char *)job_id,
		.created_ms = w->now_ms,
	};
	return version_append(w->tx, &row, err);
}

static int check_if_match(const struct resource_row *existing, const char *if_match, struct error **err)
{
	if (!if_match || (existing->id && streq(existing->version_id, if_match)))
		return 0;
	int r = error_set_field(err, ERROR_CONFLICT, "If-Match", "the resource is at version %s, not %s",
				existing->id ? existing->version_id : "(none: it does not exist)", if_match);
	error_hint(err, "look at what changed, then try again with the present version");
	return r;
}

int resource_apply(struct work *w, const json_t *manifest, const struct apply_options *o, struct apply_result *ret, struct error **err)
{
	_cleanup_manifest_ struct manifest m = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	_cleanup_(apply_result_release) struct apply_result result = {0};
	int r = prepare(w, manifest, &m, &existing, err);
	if (r < 0)
		return r;
	r = check_if_match(&existing, o->if_match, err);
	if (r < 0)
		return r;
	build_row(w, &m, &existing, &result.resource);

	if (existing.id) {
		bool same;
		r = resource_same(w, &existing, &result.resource, &same, err);
		if (r < 0)
			return r;
		if (same) {
			result.outcome = APPLY_UNCHANGED;
			resource_row_release(&result.resource);
			result.resource = existing;
			existing = (struct resource_row){0};
			*ret = result;
			result = (struct apply_result){0};
			return 0;
		}
	}
	result.outcome = existing.id ? APPLY_UPDATED : APPLY_CREATED;
	r = existing.id ? resource_update(w->tx, &result.resource, existing.version_id, err)
			: resource_insert(w->tx, &result.resource, err);
	if (r < 0)
		return r;

	const char *message = o->message ? o->message : m.message;
	bool wants_job = o->create_job && m.type == RESOURCE_CLOUD_RESOURCE &&
			 !(m.has_flow_control && m.flow_control.disable_on_lifecycle_events);
	if (wants_job) {
		const struct job_request q = {.resource = &result.resource, .operation = JOB_UPDATE, .message = message};
		r = job_create(w, &q, &result.job, err);
		if (r < 0)
			return r;
	}
	r = append_version(w, existing.id ? &existing : NULL, &result.resource, existing.id ? "updated" : "created", message,
			   result.job.id, err);
	if (r < 0)
		return r;
	*ret = result;
	result = (struct apply_result){0};
	return 0;
}

static int seed(struct work *w, const char *kind, const char *name, const char *org, struct error **err)
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
	return resource_apply(w, document, &(struct apply_options){.message = "first start"}, &result, err);
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

/* ---- Deleting ---- */

static int refuse_with(struct error **err, const struct resource_row *r, const char *why, const char *hint)
{
	int code = error_set(err, ERROR_CONFLICT, "%s %s cannot be deleted: %s", r->kind ? r->kind : resource_type_to_string(r->type),
			     r->slug, why);
	error_hint(err, "%s", hint);
	return code;
}

static int refuse_cloud_resource(struct work *w, const struct resource_row *row, const struct delete_options *o, struct error **err)
{
	const struct job_filter unfinished = {
		.resource_id = row->id,
		.status = _STATUS_INVALID,
		.result = _RESULT_INVALID,
		.operation = _JOB_OPERATION_INVALID,
		.unfinished = true,
	};
	int64_t jobs = job_count(w->tx, &unfinished, err);
	if (jobs < 0)
		return (int)jobs;
	if (jobs > 0)
		return refuse_with(err, row, "it has unfinished stack jobs", "wait for them or cancel them, then delete it");

	_cleanup_(state_version_row_release) struct state_version_row state = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = state_version_get(w->tx, row->id, NULL, &state, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	if (state.resource_count == 0)
		return 0;
	if (o->abandon && o->reason && *o->reason)
		return 0;
	if (o->abandon)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "reason", "abandoning infrastructure needs a reason");
	_cleanup_free_ char *why = xasprintf("its state still holds %lld resources", (long long)state.resource_count);
	return refuse_with(err, row, why,
			   "destroy it first (planton cloud-resource destroy), do both (planton cloud-resource purge), "
			   "or keep the infrastructure and forget it (--abandon --reason ...)");
}

static int refuse_container(struct work *w, const struct resource_row *row, struct error **err)
{
	bool is_org = row->type == RESOURCE_ORGANIZATION;
	const enum resource_type inside[] = {RESOURCE_ENVIRONMENT, RESOURCE_CONNECTION, RESOURCE_CLOUD_RESOURCE};
	for (size_t i = is_org ? 0 : 2; i < ARRAY_SIZE(inside); i++) {
		const struct resource_filter filter = {
			.type = inside[i],
			.org = is_org ? row->slug : row->org,
			.env = is_org ? NULL : row->slug,
		};
		struct resource_row *rows = NULL;
		int n = resource_list(w->tx, &filter, NULL, 1, &rows, err);
		if (n < 0)
			return n;
		if (n > 0)
			resource_row_release(&rows[0]);
		free(rows);
		if (n > 0)
			return refuse_with(err, row, "it is not empty", "delete what is in it first");
	}
	return 0;
}

static int refuse_connection(struct work *w, const struct resource_row *row, struct error **err)
{
	const struct resource_filter filter = {.type = RESOURCE_CLOUD_RESOURCE, .org = row->org};
	_cleanup_free_ char *cursor = NULL, *user = NULL;
	for (int n = 1; n > 0 && !user;) {
		struct resource_row *rows = NULL;
		n = resource_list(w->tx, &filter, cursor, 200, &rows, err);
		if (n < 0)
			return n;
		for (int i = 0; i < n; i++) {
			_cleanup_json_ json_t *document = NULL, *status = NULL;
			json_parse(rows[i].manifest, strlen(rows[i].manifest), MANIFEST_MAX_SIZE * 2, &document, NULL);
			json_parse(rows[i].status, strlen(rows[i].status), JSON_DEFAULT_MAX_SIZE, &status, NULL);
			const char *named = json_get_str(document, "placement.connection");
			const char *pinned = json_get_str(status, "pinned.connection");
			if (!user && (streq_null(named, row->slug) || streq_null(pinned, row->id)))
				user = xasprintf("it is used by %s/%s", rows[i].kind, rows[i].slug);
			if (i == n - 1)
				replace_string(&cursor, rows[i].id);
			resource_row_release(&rows[i]);
		}
		free(rows);
	}
	return user ? refuse_with(err, row, user, "destroy and delete that first, or give it another connection") : 0;
}

int resource_delete_checked(struct work *w, const struct resource_row *row, const struct delete_options *o, struct error **err)
{
	int r = check_if_match(row, o->if_match, err);
	if (r < 0)
		return r;
	if (row->type == RESOURCE_CLOUD_RESOURCE)
		r = refuse_cloud_resource(w, row, o, err);
	else if (row->type == RESOURCE_CONNECTION)
		r = refuse_connection(w, row, err);
	else
		r = refuse_container(w, row, err);
	if (r < 0)
		return r;
	r = append_version(w, row, NULL, "deleted", o->reason, NULL, err);
	return r < 0 ? r : resource_delete(w->tx, row->id, err);
}
