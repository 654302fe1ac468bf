/* Resources as people see them. */
#include <string.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "control/manifests.h"
#include "control/resources_internal.h"
#include "model/diff.h"
#include "model/json.h"
#include "model/sensitive.h"
#include "model/yaml.h"

static json_t *parse_stored(const char *text)
{
	json_t *value = NULL;
	if (!text || json_parse(text, strlen(text), RESOURCE_STORED_MAX, &value, NULL) < 0)
		return json_new_object();
	return value;
}

static void set_time(json_t *object, const char *key, int64_t ms)
{
	char text[RFC3339_SIZE];
	rfc3339_format((uint64_t)ms, text);
	json_set_string(object, key, text);
}

static json_t *render_audit(const struct resource_row *r)
{
	json_t *spec_audit = json_new_object();
	json_set_string(spec_audit, "createdBy", r->created_by);
	set_time(spec_audit, "createdAt", r->created_ms);
	json_set_string(spec_audit, "updatedBy", r->updated_by);
	set_time(spec_audit, "updatedAt", r->updated_ms);
	json_set_string(spec_audit, "event",
			r->created_ms == r->updated_ms ? "created" : "updated");
	json_t *audit = json_new_object();
	json_set_value(audit, "specAudit", spec_audit);
	return audit;
}

static json_t *without_values(const json_t *outputs)
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

json_t *resource_render(struct work *w, const struct resource_row *r)
{
	(void)w;
	_cleanup_json_ json_t *stored = parse_stored(r->manifest);
	json_t *document = manifest_masked(stored);
	json_t *metadata = json_get(document, "metadata");
	if (!metadata) {
		metadata = json_new_object();
		json_set_value(document, "metadata", metadata);
	}
	json_set_string(metadata, "id", r->id);
	json_set_string(metadata, "slug", r->slug);
	json_t *version = json_new_object();
	json_set_string(version, "id", r->version_id);
	json_set_value(metadata, "version", version);

	json_t *status = parse_stored(r->status);
	json_t *outputs = json_get(status, "outputs");
	if (outputs)
		json_set_value(status, "outputs", without_values(outputs));
	json_set_value(status, "audit", render_audit(r));
	json_set_value(document, "status", status);
	return document;
}

static int mark_if_changed(struct work *w, const char *resource_id, const char *pointer,
			   const char *before, const char *after, json_t *changed,
			   struct error **err)
{
	_cleanup_json_ json_t *old = NULL, *new = NULL;
	int r = manifest_open_value(w->control, resource_id, before, &old, err);
	if (r >= 0)
		r = manifest_open_value(w->control, resource_id, after, &new, err);
	if (r >= 0 && !json_equal(old, new))
		json_set_string(changed, pointer, SENSITIVE_CHANGED);
	return r;
}

/* In place: sealed values of after that differ from those of before become their mask. */
static int mark_changed(struct work *w, const char *resource_id, const json_t *before,
			json_t *after, struct error **err)
{
	_cleanup_json_ json_t *old = sealed_collect(before), *new = sealed_collect(after);
	_cleanup_json_ json_t *changed = json_new_object();
	const char *pointer;
	json_t *marker;
	int r = 0;
	json_object_foreach(new, pointer, marker)
	{
		const char *was = sealed_marker_text(json_object_get(old, pointer));
		if (was && r >= 0)
			r = mark_if_changed(w, resource_id, pointer, was,
					    sealed_marker_text(marker), changed, err);
	}
	sensitive_replace(after, changed);
	return r;
}

static char *masked_yaml(const json_t *document)
{
	_cleanup_json_ json_t *masked = manifest_masked(document);
	return yaml_to_text(masked);
}

int resource_render_diff(struct work *w, const struct resource_row *before,
			 const struct resource_row *after, const char *before_name,
			 const char *after_name, char **ret, struct error **err)
{
	_cleanup_json_ json_t *old = before ? parse_stored(before->manifest) : NULL;
	_cleanup_json_ json_t *new = after ? parse_stored(after->manifest) : NULL;
	int r = old && new ? mark_changed(w, after->id, old, new, err) : 0;
	if (r < 0)
		return r;
	_cleanup_free_ char *a = old ? masked_yaml(old) : xstrdup("");
	_cleanup_free_ char *b = new ? masked_yaml(new) : xstrdup("");
	*ret = diff_unified(a, b, before_name, after_name);
	return 0;
}
