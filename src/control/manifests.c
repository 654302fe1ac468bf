/* Manifests at rest. */
#include "control/manifests.h"

#include <string.h>

#include "base/seal.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "control/control.h"
#include "model/json.h"
#include "model/sensitive.h"

static void add_prefixed(char ***patterns, const char *prefix, char *const *relative)
{
	for (char *const *pattern = relative; pattern && *pattern; pattern++)
		strv_addf(patterns, "%s%s", prefix, *pattern);
}

char **manifest_secret_patterns(const struct control *c, enum resource_type type, const char *kind,
				const json_t *document)
{
	char **patterns = NULL;
	if (type == RESOURCE_CLOUD_RESOURCE) {
		const struct cloud_resource_kind *known;
		if (catalog_kind_find(c->catalog, kind, &known, NULL) >= 0)
			add_prefixed(&patterns, "/spec", known->sensitive);
	} else if (type == RESOURCE_CONNECTION) {
		const struct provider_type *provider;
		const char *name = json_get_str(document, "spec.provider");
		if (name && catalog_provider_find(c->catalog, name, &provider, NULL) >= 0) {
			_cleanup_strv_ char **relative = provider_type_sensitive(provider);
			add_prefixed(&patterns, "/spec/fields", relative);
		}
	}
	return patterns;
}

static char *value_context(const char *resource_id)
{
	return xasprintf("manifest:%s", resource_id);
}

struct sealing {
	const struct control *control;
	const char *context;
};

static json_t *seal_value(const char *pointer, const json_t *value, void *ctx)
{
	(void)pointer;
	const struct sealing *s = ctx;
	if (!sensitive_is_clear(value))
		return json_incref((json_t *)value);
	char *text = json_to_text(value, JSON_WRITE_COMPACT);
	_cleanup_free_ char *sealed = control_seal(s->control, s->context, text, strlen(text));
	secure_wipe(text, strlen(text));
	free(text);
	return sealed_marker_new(sealed);
}

void manifest_seal(const struct control *c, const char *resource_id, char *const *patterns,
		   json_t *document)
{
	_cleanup_free_ char *context = value_context(resource_id);
	struct sealing s = {.control = c, .context = context};
	_cleanup_json_ json_t *clear = sensitive_collect(document, patterns);
	_cleanup_json_ json_t *sealed = sensitive_map(clear, seal_value, &s);
	sensitive_replace(document, sealed);
}

int manifest_open_value(const struct control *c, const char *resource_id, const char *sealed,
			json_t **ret, struct error **err)
{
	_cleanup_free_ char *context = value_context(resource_id);
	char *text = NULL;
	size_t size;
	int r = control_unseal(c, context, sealed, &text, &size, err);
	if (r < 0)
		return r;
	r = json_parse(text, size, MANIFEST_MAX_SIZE, ret, err);
	secure_wipe(text, size);
	free(text);
	return r;
}

int manifest_open(const struct control *c, const char *resource_id, const json_t *document,
		  json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *markers = sealed_collect(document);
	_cleanup_json_ json_t *opened = json_new_object();
	const char *pointer;
	json_t *marker;
	json_object_foreach(markers, pointer, marker)
	{
		json_t *value;
		int r = manifest_open_value(c, resource_id, sealed_marker_text(marker), &value,
					    err);
		if (r < 0)
			return r;
		json_set_value(opened, pointer, value);
	}
	*ret = json_deep_copy(document);
	sensitive_replace(*ret, opened);
	return 0;
}

static json_t *mask_marker(const char *pointer, const json_t *value, void *ctx)
{
	(void)pointer;
	(void)ctx;
	return sealed_marker_text(value) ? json_new_string(SENSITIVE_MASK) : NULL;
}

json_t *manifest_masked(const json_t *document)
{
	return json_copy_with(document, mask_marker, NULL);
}
