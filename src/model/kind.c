/* Cloud resource kinds, out of kind.yaml. */
#include "model/kind.h"

#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "model/json.h"
#include "model/kind_internal.h"
#include "model/manifest_internal.h"

static const char *const document_words[] = {"apiVersion", "kind", "metadata", "spec", NULL};
static const char *const kind_words[] = {
	"group",	 "version",	"provider", "description", "sensitive",
	"defaultOutput", "provisioner", "modules",  "schema",	   NULL};

void refuse_unknown_members(const json_t *object, const char *pointer, const char *const *words,
			    struct issues *issues)
{
	const char *key;
	json_t *member;
	json_object_foreach((json_t *)object, key, member)
	{
		_cleanup_free_ char *place = json_pointer_append(pointer, key);
		if (!word_is_known(key, words))
			issues_add(issues, place, "is unknown");
	}
}

char *read_member(const json_t *object, const char *pointer, const char *key, struct issues *issues)
{
	const json_t *value = json_object_get(object, key);
	_cleanup_free_ char *place = json_pointer_append(pointer, key);
	if (!value)
		return NULL;
	if (!json_is_string(value)) {
		issues_add(issues, place, "must be text");
		return NULL;
	}
	return json_string_length(value) > 0 ? xstrdup(json_string_value(value)) : NULL;
}

char *read_required_member(const json_t *object, const char *pointer, const char *key,
			   struct issues *issues)
{
	size_t before = issues->count;
	char *text = read_member(object, pointer, key, issues);
	_cleanup_free_ char *place = json_pointer_append(pointer, key);
	if (!text && issues->count == before)
		issues_add(issues, place, "is missing");
	return text;
}

char **read_texts(const json_t *object, const char *pointer, const char *key, struct issues *issues)
{
	const json_t *list = json_object_get(object, key);
	_cleanup_free_ char *place = json_pointer_append(pointer, key);
	char **texts = NULL;
	size_t i;
	json_t *element;

	if (!list)
		return NULL;
	if (!json_is_array(list))
		issues_add(issues, place, "must be a list");
	json_array_foreach(list, i, element)
	{
		if (json_is_string(element))
			strv_add(&texts, json_string_value(element));
		else
			issues_add(issues, place, "must hold only text");
	}
	return texts;
}

const json_t *catalog_document_spec(const json_t *document, const char *kind, struct issues *issues)
{
	if (!json_is_object(document)) {
		issues_add(issues, "", "must be an object");
		return NULL;
	}
	refuse_unknown_members(document, "", document_words, issues);
	const char *version = json_get_str(document, "apiVersion");
	if (!version || !streq(version, CATALOG_API_VERSION))
		issues_add(issues, "/apiVersion", "must be %s", CATALOG_API_VERSION);
	const char *given = json_get_str(document, "kind");
	if (!given || !streq(given, kind))
		issues_add(issues, "/kind", "must be %s", kind);
	const char *name = json_get_str(document, "metadata.name");
	if (isempty(name))
		issues_add(issues, "/metadata/name", "is missing");
	const json_t *spec = json_object_get(document, "spec");
	if (!json_is_object(spec)) {
		issues_add(issues, "/spec", "must be an object");
		return NULL;
	}
	return spec;
}

static void read_modules(struct cloud_resource_kind *kind, const json_t *spec,
			 struct issues *issues)
{
	static const char *const words[] = {"directory", NULL};
	const json_t *modules = json_object_get(spec, "modules");
	const char *name;
	json_t *module;

	if (json_object_size(modules) == 0)
		issues_add(
			issues, "/spec/modules",
			"must be an object with a member for each provisioner that has a module");
	json_object_foreach((json_t *)modules, name, module)
	{
		_cleanup_free_ char *place = json_pointer_append("/spec/modules", name);
		enum provisioner provisioner = provisioner_from_string(name);
		if (provisioner == _PROVISIONER_INVALID) {
			issues_add(issues, place, "is no provisioner (tofu, terraform, pulumi)");
			continue;
		}
		refuse_unknown_members(module, place, words, issues);
		kind->module_directory[provisioner] =
			read_required_member(module, place, "directory", issues);
	}
}

static void read_sensitive(struct cloud_resource_kind *kind, const json_t *spec,
			   struct issues *issues)
{
	kind->sensitive = read_texts(spec, "/spec", "sensitive", issues);
	for (size_t i = 0; kind->sensitive && kind->sensitive[i]; i++) {
		_cleanup_strv_ char **parts = NULL;
		if (!json_pointer_split(kind->sensitive[i], &parts) || !parts)
			issues_add(issues, "/spec/sensitive",
				   "must hold JSON pointers into spec, such as /password");
	}
}

static void read_kind_spec(struct cloud_resource_kind *kind, const json_t *spec,
			   struct issues *issues)
{
	refuse_unknown_members(spec, "/spec", kind_words, issues);
	kind->group = read_required_member(spec, "/spec", "group", issues);
	kind->version = read_required_member(spec, "/spec", "version", issues);
	if (kind->group && kind->version)
		kind->api_version = xasprintf("%s/%s", kind->group, kind->version);
	kind->provider = read_member(spec, "/spec", "provider", issues);
	kind->description = read_member(spec, "/spec", "description", issues);
	kind->default_output = read_member(spec, "/spec", "defaultOutput", issues);
	read_sensitive(kind, spec, issues);
	read_modules(kind, spec, issues);

	_cleanup_free_ char *provisioner =
		read_required_member(spec, "/spec", "provisioner", issues);
	if (!provisioner)
		return;
	kind->default_provisioner = provisioner_from_string(provisioner);
	if (kind->default_provisioner == _PROVISIONER_INVALID)
		issues_add(issues, "/spec/provisioner", "must be one of tofu, terraform, pulumi");
	else if (!kind->module_directory[kind->default_provisioner])
		issues_add(issues, "/spec/provisioner", "is %s, for which there is no module",
			   provisioner);
}

int cloud_resource_kind_parse(const json_t *document, struct cloud_resource_kind **ret,
			      struct error **err)
{
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_kind_ struct cloud_resource_kind *kind = xcalloc(1, sizeof(*kind));

	const json_t *spec = catalog_document_spec(document, "CloudResourceKind", &issues);
	kind->name = xstrdup_null(json_get_str(document, "metadata.name"));
	if (spec)
		read_kind_spec(kind, spec, &issues);
	if (spec && !json_object_get(spec, "schema"))
		issues_add(&issues, "/spec/schema", "is missing");
	int r = issues_to_error(&issues, ERROR_INVALID_ARGUMENT, err);
	if (r < 0)
		return r;

	_cleanup_error_ struct error *problem = NULL;
	r = schema_compile(json_object_get(spec, "schema"), &kind->schema, &problem);
	if (r < 0) {
		_cleanup_free_ char *field =
			xasprintf("/spec/schema%s", problem->field ? problem->field : "");
		return error_set_field(err, problem->code, field, "%s", problem->message);
	}
	*ret = TAKE_PTR(kind);
	return 0;
}

void cloud_resource_kind_free(struct cloud_resource_kind *kind)
{
	if (!kind)
		return;
	free(kind->name);
	free(kind->group);
	free(kind->version);
	free(kind->api_version);
	free(kind->provider);
	free(kind->description);
	strv_free(kind->sensitive);
	free(kind->default_output);
	for (size_t i = 0; i < ARRAY_SIZE(kind->module_directory); i++)
		free(kind->module_directory[i]);
	schema_free(kind->schema);
	free(kind);
}

json_t *cloud_resource_kind_check(const struct cloud_resource_kind *kind, const char *api_version,
				  const json_t *spec, struct issues *issues)
{
	size_t before = issues->count;

	if (api_version && !streq(api_version, kind->api_version))
		issues_add(issues, "/apiVersion", "must be %s for kind %s", kind->api_version,
			   kind->name);
	_cleanup_json_ json_t *normal = schema_normalise(kind->schema, spec, "/spec", issues);
	schema_validate(kind->schema, normal, "/spec", SCHEMA_REFERENCES, issues);
	if (issues->count > before)
		return NULL;
	schema_apply_defaults(kind->schema, normal);
	return TAKE_PTR(normal);
}
