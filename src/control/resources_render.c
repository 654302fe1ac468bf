/* Resources as people see them. */
#include <string.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "control/manifests.h"
#include "control/resources_internal.h"
#include "model/json.h"
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

char *resource_render_manifest_yaml(const struct resource_row *r)
{
	_cleanup_json_ json_t *stored = parse_stored(r->manifest);
	_cleanup_json_ json_t *document = manifest_masked(stored);
	return yaml_to_text(document);
}
