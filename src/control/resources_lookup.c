/* What people write to name a resource: an id, "<Kind>/<slug>", or a slug that is unique where they
 * look. */
#include <string.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "control/jobs_state.h"
#include "control/resources.h"
#include "model/ident.h"
#include "model/json.h"

#define CANDIDATES_MAX 20

static const char *type_noun(enum resource_type type)
{
	return type == RESOURCE_CLOUD_RESOURCE ? "cloud resource" : resource_type_to_string(type);
}

/* By what its last version says. */
static int get_gone(struct work *w, enum resource_type type, const char *id,
		    struct resource_row *ret, struct error **err)
{
	struct version_row *last = NULL;
	int n = version_list(w->tx, id, NULL, 1, &last, err);
	if (n < 0)
		return n;
	if (n == 0)
		return error_set(err, ERROR_NOT_FOUND, "there is no %s %s", type_noun(type), id);
	_cleanup_json_ json_t *document = json_of_text(last->manifest);
	const json_t *metadata = json_object_get(document, "metadata");
	bool cloud = type == RESOURCE_CLOUD_RESOURCE;
	*ret = (struct resource_row){
		.id = xstrdup(id),
		.type = type,
		.org = xstrdup_null(json_get_str(metadata, "org")),
		.env = xstrdup_null(json_get_str(metadata, "env")),
		.kind = cloud ? xstrdup_null(json_get_str(document, "kind")) : NULL,
		.slug = xstrdup_null(json_get_str(metadata, "slug")),
		.name = xstrdup_null(json_get_str(metadata, "name")),
		.updated_ms = last->created_ms,
	};
	ret->version_id = TAKE_PTR(last->id);
	ret->manifest = TAKE_PTR(last->manifest);
	ret->updated_by = TAKE_PTR(last->actor);
	version_row_release(last);
	free(last);
	return 0;
}

static int refuse_gone(const struct resource_row *gone, struct error **err)
{
	char when[RFC3339_SIZE];
	rfc3339_format((uint64_t)gone->updated_ms, when);
	int r = error_set(err, ERROR_NOT_FOUND, "%s %s (%s) was deleted at %s",
			  gone->kind ? gone->kind : resource_type_to_string(gone->type), gone->slug,
			  gone->id, when);
	if (gone->type == RESOURCE_CLOUD_RESOURCE)
		error_hint(err,
			   "what is kept can be read: planton cloud-resource versions %s, "
			   "planton state list %s",
			   gone->id, gone->id);
	return r;
}

static int get_by_id(struct work *w, enum resource_type type, const char *id, bool kept,
		     struct resource_row *ret, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_error_ struct error *lookup = NULL;
	if (ident_resource_type(id) != type)
		return error_set(err, ERROR_NOT_FOUND, "%s is no %s", id, type_noun(type));
	int r = resource_get(w->tx, id, &row, &lookup);
	if (r < 0 && lookup->code != ERROR_NOT_FOUND)
		return error_move(err, &lookup);
	if (r < 0) {
		r = get_gone(w, type, id, &row, err);
		if (r >= 0 && !kept)
			r = refuse_gone(&row, err);
		if (r < 0)
			return r;
	}
	*ret = row;
	row = (struct resource_row){0};
	return 0;
}

static int ambiguous(const char *ref, enum resource_type type, const struct resource_row *rows,
		     int n, struct error **err)
{
	int shown = MIN(n, CANDIDATES_MAX);
	_cleanup_strv_ char **names = NULL;
	for (int i = 0; i < shown; i++)
		strv_addf(&names, "%s%s%s in %s%s%s (%s)", rows[i].kind ? rows[i].kind : "",
			  rows[i].kind ? "/" : "", rows[i].slug, rows[i].org ? rows[i].org : "",
			  rows[i].env ? "/" : "", rows[i].env ? rows[i].env : "", rows[i].id);
	_cleanup_free_ char *list = strv_join(names, ", ");
	int r = error_set(err, ERROR_AMBIGUOUS, "%s is ambiguous: it names %s%d %ss: %s%s", ref,
			  n > shown ? "more than " : "", shown, type_noun(type), list,
			  n > shown ? ", ..." : "");
	for (int i = 0; i < shown; i++)
		error_add_detail(err, rows[i].id, names[i]);
	error_hint(err, "name it by its id or as <Kind>/<slug>, or say which by --org and --env");
	return r;
}

/* field: where the name was given, or NULL. */
static int not_found(struct work *w, enum resource_type type, const char *ref, const char *slug,
		     const struct scope *scope, const char *field, struct error **err)
{
	const struct resource_filter filter = {.type = type, .org = scope->org};
	struct resource_row *rows = NULL;
	int n = resource_list(w->tx, &filter, NULL, 500, &rows, err);
	if (n < 0)
		return n;
	_cleanup_strv_ char **slugs = NULL;
	for (int i = 0; i < n; i++) {
		strv_add(&slugs, rows[i].slug);
		resource_row_release(&rows[i]);
	}
	free(rows);
	int r = error_set_field(err, ERROR_NOT_FOUND, field, "there is no %s %s%s%s%s%s",
				type_noun(type), ref, scope->org ? " in " : "",
				scope->org ? scope->org : "", scope->env ? "/" : "",
				scope->env ? scope->env : "");
	const char *near = slugs ? string_suggest(slug, (const char *const *)slugs) : NULL;
	if (near)
		error_hint(err, "did you mean %s?", near);
	return r;
}

static int require(struct work *w, enum resource_type type, const char *org, const char *slug,
		   const char *field, struct error **err)
{
	const struct resource_filter filter = {.type = type, .org = org, .slug = slug};
	struct resource_row *rows = NULL;
	int n = resource_list(w->tx, &filter, NULL, 1, &rows, err);
	if (n > 0)
		resource_row_release(&rows[0]);
	free(rows);
	return n != 0 ? MIN(n, 0)
		      : not_found(w, type, slug, slug, &(struct scope){.org = org}, field, err);
}

int scope_check(struct work *w, const struct scope *scope, struct error **err)
{
	int r = 0;
	if (scope->org)
		r = require(w, RESOURCE_ORGANIZATION, NULL, scope->org, "org", err);
	if (r >= 0 && scope->env)
		r = require(w, RESOURCE_ENVIRONMENT, scope->org, scope->env, "env", err);
	return r;
}

static int resolve(struct work *w, enum resource_type type, const char *ref,
		   const struct scope *scope, bool kept, struct resource_row *ret,
		   struct error **err)
{
	if (ident_is_valid(ref))
		return get_by_id(w, type, ref, kept, ret, err);

	const char *slash = strchr(ref, '/');
	_cleanup_free_ char *kind = slash ? xstrndup(ref, (size_t)(slash - ref)) : NULL;
	const char *slug = slash ? slash + 1 : ref;
	if (kind && type != RESOURCE_CLOUD_RESOURCE && streq(kind, resource_type_to_string(type)))
		kind = (free(kind), NULL);
	const struct resource_filter filter = {
		.type = type,
		.org = type == RESOURCE_ORGANIZATION ? NULL : scope->org,
		.env = type == RESOURCE_CLOUD_RESOURCE ? scope->env : NULL,
		.kind = kind,
		.slug = slug,
	};
	struct resource_row *rows = NULL;
	int n = resource_list(w->tx, &filter, NULL, CANDIDATES_MAX + 1, &rows, err);
	if (n < 0)
		return n;
	int r = 0;
	if (n == 1) {
		*ret = rows[0];
		rows[0] = (struct resource_row){0};
	} else {
		r = n == 0 ? not_found(w, type, ref, slug, scope, NULL, err)
			   : ambiguous(ref, type, rows, n, err);
	}
	for (int i = 0; i < n; i++)
		resource_row_release(&rows[i]);
	free(rows);
	return r;
}

int resource_resolve(struct work *w, enum resource_type type, const char *ref,
		     const struct scope *scope, struct resource_row *ret, struct error **err)
{
	return resolve(w, type, ref, scope, false, ret, err);
}

int resource_resolve_kept(struct work *w, enum resource_type type, const char *ref,
			  const struct scope *scope, struct resource_row *ret, struct error **err)
{
	return resolve(w, type, ref, scope, true, ret, err);
}
