/* Manifests before they are written: completed, checked against catalogue and store, all findings
 * at once. */
#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "base/ulid.h"
#include "control/control.h"
#include "control/manifests.h"
#include "control/resources_internal.h"
#include "model/ident.h"
#include "model/json.h"
#include "model/sensitive.h"

#define SHOWN_MAX 10

int resource_find(struct work *w, enum resource_type type, const char *org, const char *env,
		  const char *kind, const char *slug, struct resource_row *ret, struct error **err)
{
	const struct resource_filter filter = {
		.type = type, .org = org, .env = env, .kind = kind, .slug = slug};
	struct resource_row *rows = NULL;
	int n = resource_list(w->tx, &filter, NULL, 1, &rows, err);
	if (n <= 0)
		return n;
	*ret = rows[0];
	free(rows);
	return 1;
}

int resource_each(struct work *w, const struct resource_filter *filter,
		  int (*fn)(const struct resource_row *row, void *ctx, struct error **err),
		  void *ctx, struct error **err)
{
	_cleanup_free_ char *cursor = NULL;
	for (int r = 0;;) {
		struct resource_row *rows = NULL;
		int n = resource_list(w->tx, filter, cursor, RESOURCE_PAGE, &rows, err);
		for (int i = 0; i < n; i++) {
			if (r == 0)
				r = fn(&rows[i], ctx, err);
			if (i == n - 1)
				replace_string(&cursor, rows[i].id);
			resource_row_release(&rows[i]);
		}
		free(rows);
		if (r != 0 || n < RESOURCE_PAGE)
			return n < 0 ? n : r;
	}
}

/* ---- Where it belongs ---- */

static int add_slug(const struct resource_row *row, void *ctx, struct error **err)
{
	(void)err;
	strv_add(ctx, row->slug);
	return 0;
}

/* "; did you mean dev?", "; there are dev, prod" or "; there is none yet" */
static int describe_existing(struct work *w, const struct resource_filter *filter,
			     const char *given, char **ret, struct error **err)
{
	_cleanup_strv_ char **slugs = NULL;
	int r = resource_each(w, filter, add_slug, &slugs, err);
	if (r < 0)
		return r;
	if (!slugs) {
		*ret = xstrdup("; there is none yet");
		return 0;
	}
	const char *near = string_suggest(given, (const char *const *)slugs);
	size_t count = strv_length(slugs);
	for (size_t i = SHOWN_MAX; i < count; i++)
		free(TAKE_PTR(slugs[i]));
	_cleanup_free_ char *list = strv_join(slugs, ", ");
	*ret = near ? xasprintf("; did you mean %s?", near)
		    : xasprintf("; there %s %s%s", count == 1 ? "is" : "are", list,
				count > SHOWN_MAX ? ", ..." : "");
	return 0;
}

/* 1 when it is there. */
static int require_exists(struct work *w, enum resource_type type, const char *org,
			  const char *slug, const char *pointer, struct issues *issues,
			  struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	int r = resource_find(w, type, org, NULL, NULL, slug, &row, err);
	if (r != 0)
		return r;
	const struct resource_filter others = {.type = type, .org = org};
	_cleanup_free_ char *existing = NULL;
	r = describe_existing(w, &others, slug, &existing, err);
	if (r >= 0)
		issues_add(issues, pointer, "names no %s%s%s: %s%s",
			   type == RESOURCE_ORGANIZATION ? "organization" : "environment",
			   org ? " of organization " : "", org ? org : "", slug, existing);
	return r;
}

static int check_place(struct work *w, const struct manifest *m, struct issues *issues,
		       struct error **err)
{
	if (m->env && m->type != RESOURCE_CLOUD_RESOURCE)
		issues_add(issues, "/metadata/env", "is for cloud resources, not for kind %s",
			   m->kind);
	if (m->type == RESOURCE_ORGANIZATION) {
		if (m->org)
			issues_add(issues, "/metadata/org", "is not for an organization itself");
		return 0;
	}
	int r = require_exists(w, RESOURCE_ORGANIZATION, NULL, m->org, "/metadata/org", issues,
			       err);
	if (r <= 0 || m->type != RESOURCE_CLOUD_RESOURCE)
		return r;
	if (!m->env) {
		issues_add(issues, "/metadata/env",
			   "is missing: say which environment, there, by --env or in the context");
		return 0;
	}
	return require_exists(w, RESOURCE_ENVIRONMENT, m->org, m->env, "/metadata/env", issues,
			      err);
}

/* ---- Which resource it is ---- */

static int refuse_move(const struct resource_row *existing, const char *field, const char *is,
		       const char *wanted, struct error **err)
{
	_cleanup_free_ char *path = json_pointer_to_path(field);
	int r = error_set_field(err, ERROR_CONFLICT, field, "%s of %s is %s: it cannot become %s",
				path, existing->id, is, wanted);
	error_hint(err, "leave metadata.id out to create another resource");
	return r;
}

/* A manifest with an id may give the resource another name, nothing else of what identifies it. */
static int find_by_id(struct work *w, struct manifest *m, struct resource_row *ret,
		      struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = resource_get(w->tx, m->id, &row, &lookup);
	if (r < 0 && lookup->code != ERROR_NOT_FOUND)
		return error_move(err, &lookup);
	if (r < 0) {
		r = error_set_field(err, ERROR_NOT_FOUND, "/metadata/id", "there is no resource %s",
				    m->id);
		error_hint(err, "leave metadata.id out to create it anew");
		return r;
	}
	bool cloud = m->type == RESOURCE_CLOUD_RESOURCE;
	const struct {
		const char *field, *is, *wanted;
	} parts[] = {
		{"/kind", row.kind, cloud ? m->kind : NULL},
		{"/metadata/org", row.org, m->type == RESOURCE_ORGANIZATION ? NULL : m->org},
		{"/metadata/env", row.env, cloud ? m->env : NULL},
		{"/metadata/slug", row.slug, json_get_str(m->metadata, "slug")},
	};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (parts[i].wanted && !streq_null(parts[i].is, parts[i].wanted))
			return refuse_move(&row, parts[i].field, parts[i].is, parts[i].wanted, err);
	manifest_set_identity(m, NULL, row.slug, row.org, row.env);
	*ret = row;
	row = (struct resource_row){0};
	return 1;
}

static void default_organization(struct manifest *m)
{
	if (!m->org && m->type != RESOURCE_ORGANIZATION)
		manifest_set_identity(m, NULL, NULL, DEFAULT_ORGANIZATION, NULL);
}

static int find_existing(struct work *w, struct manifest *m, struct resource_row *ret,
			 struct error **err)
{
	bool cloud = m->type == RESOURCE_CLOUD_RESOURCE;
	if (m->id)
		return find_by_id(w, m, ret, err);
	default_organization(m);
	manifest_set_identity(m, NULL, m->slug, NULL, NULL);
	if (cloud && !m->env)
		return 0;
	return resource_find(w, m->type, m->type == RESOURCE_ORGANIZATION ? NULL : m->org,
			     cloud ? m->env : NULL, cloud ? m->kind : NULL, m->slug, ret, err);
}

/* As it is kept: in one order, without what the platform gives. */
static void settle_metadata(struct manifest *m)
{
	static const char *const order[] = {"name",	   "slug",  "org",
					    "env",	   "group", "labels",
					    "annotations", "tags",  "relationships"};
	json_t *kept = json_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		json_t *member = json_object_get(m->metadata, order[i]);
		if (member)
			json_set_value(kept, order[i], json_incref(member));
	}
	json_set_value(m->doc, "metadata", kept);
	m->metadata = kept;
}

/* ---- Secrets that were printed as masks ---- */

static bool is_mask(const json_t *value)
{
	return json_is_string(value) && streq(json_string_value(value), SENSITIVE_MASK);
}

/* What `get` printed can be applied: a mask stands for the value that is there. */
static int keep_masked(struct work *w, struct manifest *m, const struct resource_row *existing,
		       struct error **err)
{
	_cleanup_strv_ char **patterns =
		manifest_secret_patterns(w->control, m->type, m->kind, m->doc);
	_cleanup_json_ json_t *found = sensitive_collect(m->doc, patterns), *open = NULL;
	const char *pointer;
	json_t *value;
	json_object_foreach(found, pointer, value)
	{
		if (!is_mask(value))
			continue;
		int r = open ? 0 : resource_open(w, existing, &open, err);
		if (r < 0)
			return r;
		json_t *before = json_pointer_get(open, pointer);
		if (before)
			(void)json_pointer_set(m->doc, pointer, json_incref(before));
	}
	return 0;
}

static void refuse_masks(struct work *w, const struct manifest *m, struct issues *issues)
{
	_cleanup_strv_ char **patterns =
		manifest_secret_patterns(w->control, m->type, m->kind, m->doc);
	_cleanup_json_ json_t *found = sensitive_collect(m->doc, patterns);
	const char *pointer;
	json_t *value;
	json_object_foreach(found, pointer, value) if (is_mask(value)) issues_add(
		issues, pointer, "is the mask of a secret, and there is none yet: give the value");
}

/* ---- What it says ---- */

static json_t *refuse_secret_reference(const char *pointer, const json_t *value, void *ctx)
{
	const char *text = json_string_value(value);
	if (text && startswith(text, "$secret/")) {
		_cleanup_free_ char *place = xasprintf("/spec/fields%s", pointer);
		issues_add(
			ctx, place,
			"refers to a secret, and there are none in this version: give the value");
	}
	return NULL;
}

static void check_connection(struct work *w, struct manifest *m, struct issues *issues)
{
	const struct provider_type *type;
	_cleanup_error_ struct error *unknown = NULL;
	if (catalog_provider_find(w->control->catalog, json_get_str(m->spec, "provider"), &type,
				  &unknown) < 0) {
		issues_add(issues, "/spec/provider", "is not known: %s", unknown->message);
		return;
	}
	json_t *fields =
		provider_type_check(type, json_get(m->spec, "fields"), "/spec/fields", issues);
	if (!fields)
		return;
	json_decref(json_copy_with(fields, refuse_secret_reference, issues));
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

/* What a resource's first job has fixed stays. */
static int check_pinned(const struct manifest *m, const struct resource_row *existing,
			struct error **err)
{
	_cleanup_json_ json_t *status = NULL;
	int r = json_parse(existing->status, strlen(existing->status), RESOURCE_STORED_MAX, &status,
			   err);
	if (r < 0)
		return r;
	const char *provisioner = json_get_str(status, "pinned.provisioner");
	if (!provisioner || m->provisioner == _PROVISIONER_INVALID ||
	    streq(provisioner, provisioner_to_string(m->provisioner)))
		return 0;
	r = error_set_field(err, ERROR_CONFLICT, "/metadata/labels/planton.dev~1provisioner",
			    "%s/%s is provisioned by %s since its first job; it cannot become %s",
			    m->kind, m->slug, provisioner, provisioner_to_string(m->provisioner));
	error_hint(err, "destroy it first (planton cloud-resource destroy %s/%s), or keep %s",
		   m->kind, m->slug, provisioner);
	return r;
}

struct default_search {
	const struct manifest *manifest;
	struct issues *issues;
};

static int look_for_default(const struct resource_row *row, void *ctx, struct error **err)
{
	(void)err;
	const struct default_search *s = ctx;
	const char *provider = json_get_str(s->manifest->spec, "provider");
	_cleanup_json_ json_t *other = NULL;
	if (streq(row->slug, s->manifest->slug) ||
	    json_parse(row->manifest, strlen(row->manifest), RESOURCE_STORED_MAX, &other, NULL) <
		    0 ||
	    !json_get_bool(other, "spec.default", false) ||
	    !streq_null(json_get_str(other, "spec.provider"), provider))
		return 0;
	issues_add(s->issues, "/spec/default",
		   "is taken: %s is the default of provider %s in organization %s; set its "
		   "spec.default to false first",
		   row->slug, provider, s->manifest->org);
	return 0;
}

static int check_one_default(struct work *w, const struct manifest *m, struct issues *issues,
			     struct error **err)
{
	if (m->type != RESOURCE_CONNECTION || !json_get_bool(m->spec, "default", false))
		return 0;
	const struct resource_filter filter = {.type = RESOURCE_CONNECTION, .org = m->org};
	struct default_search search = {.manifest = m, .issues = issues};
	return resource_each(w, &filter, look_for_default, &search, err);
}

static void check_spec(struct work *w, struct manifest *m, struct issues *issues)
{
	if (m->type == RESOURCE_CLOUD_RESOURCE)
		check_cloud_resource(w, m, issues);
	else if (m->type == RESOURCE_CONNECTION)
		check_connection(w, m, issues);
}

static bool concern(const struct issues *issues, const char *pointer)
{
	for (size_t i = 0; i < issues->count; i++)
		if (startswith(issues->items[i].pointer, pointer))
			return true;
	return false;
}

/* What is wrong with the envelope keeps nobody from hearing what is wrong with the rest. */
static int refuse(struct work *w, struct manifest *m, struct issues *issues, struct error **err)
{
	if (m->kind && !concern(issues, "/spec"))
		check_spec(w, m, issues);
	if (m->kind && m->metadata && !concern(issues, "/metadata/org") &&
	    !concern(issues, "/metadata/env")) {
		default_organization(m);
		int r = check_place(w, m, issues, err);
		if (r < 0)
			return r;
	}
	return issues_to_error(issues, ERROR_UNPROCESSABLE, err);
}

int resource_prepare(struct work *w, const json_t *document, struct manifest *ret,
		     struct resource_row *ret_existing, struct error **err)
{
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_manifest_ struct manifest m = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	_cleanup_error_ struct error *flaws = NULL;
	int r = manifest_parse(document, &m, &issues, &flaws);
	if (r < 0)
		return issues.count > 0 ? refuse(w, &m, &issues, err) : error_move(err, &flaws);
	r = find_existing(w, &m, &existing, err);
	if (r > 0 && existing.manifest)
		r = keep_masked(w, &m, &existing, err);
	if (r < 0)
		return r;
	settle_metadata(&m);
	check_spec(w, &m, &issues);
	refuse_masks(w, &m, &issues);
	r = check_place(w, &m, &issues, err);
	if (r >= 0)
		r = check_one_default(w, &m, &issues, err);
	if (r >= 0)
		r = issues_to_error(&issues, ERROR_UNPROCESSABLE, err);
	if (r >= 0 && existing.id && m.type == RESOURCE_CLOUD_RESOURCE)
		r = check_pinned(&m, &existing, err);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct manifest){0};
	*ret_existing = existing;
	existing = (struct resource_row){0};
	return 0;
}

/* ---- The row ---- */

int resource_build_row(struct work *w, const struct manifest *m,
		       const struct resource_row *existing, struct resource_row *ret,
		       struct error **err)
{
	_cleanup_free_ char *id = existing->id ? xstrdup(existing->id) : resource_id_new(m->type);
	_cleanup_json_ json_t *sealed = json_deep_copy(m->doc);
	_cleanup_strv_ char **patterns =
		manifest_secret_patterns(w->control, m->type, m->kind, sealed);
	manifest_seal(w->control, id, patterns, sealed);
	_cleanup_free_ char *text = json_to_text(sealed, JSON_WRITE_COMPACT);
	if (strlen(text) > RESOURCE_STORED_MAX)
		return error_set(err, ERROR_TOO_LARGE,
				 "the manifest has %zu bytes with its defaults and sealed secrets; "
				 "the limit is %zu",
				 strlen(text), RESOURCE_STORED_MAX);
	if (json_nesting(sealed) > RESOURCE_MAX_NESTING)
		return error_set(err, ERROR_TOO_LARGE,
				 "the manifest is nested deeper than the limit of %d levels",
				 RESOURCE_MAX_NESTING);

	bool cloud = m->type == RESOURCE_CLOUD_RESOURCE;
	*ret = (struct resource_row){
		.id = TAKE_PTR(id),
		.type = m->type,
		.org = xstrdup_null(m->type == RESOURCE_ORGANIZATION ? NULL : m->org),
		.env = xstrdup_null(cloud ? m->env : NULL),
		.kind = xstrdup_null(cloud ? m->kind : NULL),
		.slug = xstrdup(m->slug),
		.name = xstrdup(m->name),
		.version_id = id_new(ID_PREFIX_VERSION),
		.manifest = TAKE_PTR(text),
		.status = xstrdup(existing->status ? existing->status : "{}"),
		.created_by = xstrdup(existing->id ? existing->created_by : w->actor.principal),
		.updated_by = xstrdup(w->actor.principal),
		.created_ms = existing->id ? existing->created_ms : w->now_ms,
		.updated_ms = w->now_ms,
	};
	return 0;
}

int resource_open(struct work *w, const struct resource_row *row, json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *document = NULL;
	int r = json_parse(row->manifest, strlen(row->manifest), RESOURCE_STORED_MAX, &document,
			   err);
	return r < 0 ? r : manifest_open(w->control, row->id, document, ret, err);
}

int resource_same(struct work *w, const struct resource_row *a, const struct resource_row *b,
		  bool *ret, struct error **err)
{
	_cleanup_json_ json_t *open_a = NULL, *open_b = NULL;
	int r = resource_open(w, a, &open_a, err);
	if (r >= 0)
		r = resource_open(w, b, &open_b, err);
	if (r < 0)
		return r;
	*ret = json_equal(open_a, open_b);
	return 0;
}

int resource_check(struct work *w, const json_t *manifest, struct resource_row *ret_normalised,
		   struct resource_row *ret_existing, struct error **err)
{
	_cleanup_manifest_ struct manifest m = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	int r = resource_prepare(w, manifest, &m, &existing, err);
	if (r >= 0)
		r = resource_build_row(w, &m, &existing, ret_normalised, err);
	if (r < 0)
		return r;
	*ret_existing = existing;
	existing = (struct resource_row){0};
	return 0;
}
