/* The order in which manifests are applied: by type, then by reference. */
#include <string.h>

#include "base/hashmap.h"
#include "base/strutil.h"
#include "cli/manifest_files.h"
#include "model/enums.h"
#include "model/ident.h"
#include "model/json.h"

enum mark { MARK_NONE, MARK_OPEN, MARK_DONE };

struct ordering {
	const struct manifest_files *files;
	enum mark *marks;
	size_t *order;
	size_t n_ordered;
	struct strbuf circle;
};

static enum resource_type type_of(const json_t *document)
{
	enum resource_type type = resource_type_from_string(json_get_str(document, "kind"));
	return type < 0 ? RESOURCE_CLOUD_RESOURCE : type;
}

/* Does {kind?, env?, name} mean this document? Names are compared as slugs. */
static bool is_meant(const json_t *reference, const json_t *from, const json_t *document)
{
	const char *kind = json_get_str(reference, "kind"), *name = json_get_str(reference, "name");
	const char *env = json_get_str(reference, "env"),
		   *own_env = json_get_str(document, "metadata.env");
	if (!name || (kind && !streq_null(kind, json_get_str(document, "kind"))))
		return false;
	if (!env)
		env = json_get_str(from, "metadata.env");
	if (env && own_env && !streq(env, own_env))
		return false;
	_cleanup_free_ char *wanted = slug_from_name(name), *label = manifest_label(document);
	const char *slug = strrchr(label, '/') + 1;
	return streq_null(wanted, slug);
}

/* Does anything below value refer to the document? */
static bool refers_to(const json_t *value, const json_t *from, const json_t *document)
{
	size_t i;
	const char *key;
	json_t *member;
	json_array_foreach((json_t *)value, i,
			   member) if (refers_to(member, from, document)) return true;
	json_object_foreach((json_t *)value, key, member)
	{
		bool reference = streq(key, "valueFrom") || streq(key, "value_from");
		if (reference && is_meant(member, from, document))
			return true;
		if (refers_to(member, from, document))
			return true;
	}
	return false;
}

static bool depends_on(const json_t *from, const json_t *document)
{
	if (type_of(document) != type_of(from))
		return type_of(document) < type_of(from);
	size_t i;
	json_t *relation;
	json_array_foreach(json_get(from, "metadata.relationships"), i,
			   relation) if (is_meant(relation, from, document)) return true;
	return refers_to(json_object_get(from, "spec"), from, document);
}

static bool visit(struct ordering *o, size_t i)
{
	const struct manifest_file *files = o->files->items;
	if (o->marks[i] == MARK_DONE)
		return true;
	_cleanup_free_ char *label = manifest_label(files[i].document);
	if (o->marks[i] == MARK_OPEN) {
		strbuf_addstr(&o->circle, label);
		return false;
	}
	o->marks[i] = MARK_OPEN;
	for (size_t j = 0; j < o->files->count; j++)
		if (j != i && depends_on(files[i].document, files[j].document) && !visit(o, j)) {
			strbuf_addf(&o->circle, " ← %s", label);
			return false;
		}
	o->marks[i] = MARK_DONE;
	o->order[o->n_ordered++] = i;
	return true;
}

/* Applied one after the other, the second would undo the first. */
static int refuse_twins(const struct manifest_files *files, struct error **err)
{
	_cleanup_hashmap_ struct hashmap *seen = hashmap_new(NULL);
	for (size_t i = 0; i < files->count; i++) {
		const json_t *document = files->items[i].document;
		const char *org = json_get_str(document, "metadata.org");
		const char *env = json_get_str(document, "metadata.env");
		_cleanup_free_ char *label = manifest_label(document);
		_cleanup_free_ char *identity =
			xasprintf("%s/%s/%s", org ? org : "", env ? env : "", label);
		const struct manifest_file *twin = hashmap_get(seen, identity);
		if (twin)
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "%s is described twice: by %s and by %s", label,
					 twin->source, files->items[i].source);
		hashmap_put(seen, identity, &files->items[i]);
	}
	return 0;
}

int manifest_files_order(struct manifest_files *files, struct error **err)
{
	int r = refuse_twins(files, err);
	if (r < 0)
		return r;
	_cleanup_free_ enum mark *marks = xcalloc(files->count + 1, sizeof(*marks));
	_cleanup_free_ size_t *order = xcalloc(files->count + 1, sizeof(*order));
	struct ordering o = {.files = files, .marks = marks, .order = order, .circle = STRBUF_INIT};
	bool fine = true;
	for (int type = 0; type < _RESOURCE_TYPE_MAX && fine; type++)
		for (size_t i = 0; i < files->count && fine; i++)
			if ((int)type_of(files->items[i].document) == type)
				fine = visit(&o, i);
	if (!fine) {
		r = error_set(err, ERROR_INVALID_ARGUMENT,
			      "the manifests refer to each other in a circle: %s", o.circle.data);
		strbuf_release(&o.circle);
		return r;
	}
	struct manifest_file *sorted = xcalloc(files->count + 1, sizeof(*sorted));
	for (size_t i = 0; i < files->count; i++)
		sorted[i] = files->items[order[i]];
	free(files->items);
	files->items = sorted;
	return 0;
}

static bool brings(const json_t *other, const json_t *document, const char *field)
{
	enum resource_type type = type_of(other);
	const char *org = json_get_str(document, "metadata.org"),
		   *its_org = json_get_str(other, "metadata.org");
	_cleanup_free_ char *label = manifest_label(other);
	const char *slug = strrchr(label, '/') + 1;
	if (streq(field, "/metadata/org"))
		return type == RESOURCE_ORGANIZATION && streq_null(org, slug);
	if (org && its_org && !streq(org, its_org))
		return false;
	if (streq(field, "/metadata/env"))
		return type == RESOURCE_ENVIRONMENT &&
		       streq_null(json_get_str(document, "metadata.env"), slug);
	return streq(field, "/spec/default") && type == RESOURCE_CONNECTION &&
	       !json_get_bool(other, "spec.default", false) &&
	       streq_null(json_get_str(other, "spec.provider"),
			  json_get_str(document, "spec.provider"));
}

bool manifest_files_settle(const struct manifest_files *files, const json_t *document,
			   const char *field)
{
	for (size_t i = 0; field && i < files->count; i++)
		if (files->items[i].document != document &&
		    brings(files->items[i].document, document, field))
			return true;
	return false;
}
