/* The catalogue: kinds, their modules, provider types. */
#include "control/catalog.h"

#include <ctype.h>
#include <string.h>

#include "api/exchange.h"
#include "api/internal.h"
#include "base/strutil.h"
#include "model/json.h"

static json_t *render_strings(char *const *strings)
{
	json_t *array = json_new_array();
	for (; strings && *strings; strings++)
		json_append_value(array, json_new_string(*strings));
	return array;
}

static json_t *render_kind(const struct cloud_resource_kind *k, bool with_schema)
{
	json_t *document = json_new_object();
	json_set_string(document, "name", k->name);
	json_set_string(document, "group", k->group);
	json_set_string(document, "version", k->version);
	json_set_string(document, "apiVersion", k->api_version);
	json_set_string_or_null(document, "provider", k->provider);
	json_set_string(document, "description", k->description);
	json_set_value(document, "sensitive", render_strings(k->sensitive));
	json_set_string(document, "defaultOutput", k->default_output);
	json_set_string(document, "defaultProvisioner",
			provisioner_to_string(k->default_provisioner));
	json_t *provisioners = json_new_array();
	for (enum provisioner p = 0; p < _PROVISIONER_MAX; p++)
		if (k->module_directory[p])
			json_append_value(provisioners, json_new_string(provisioner_to_string(p)));
	json_set_value(document, "provisioners", provisioners);
	if (with_schema)
		json_set_value(document, "schema", json_incref((json_t *)schema_json(k->schema)));
	return document;
}

static int list_kinds(struct exchange *x, struct error **err)
{
	(void)err;
	const struct cloud_resource_kind *const *kinds;
	size_t n = catalog_kind_list(x->api->catalog, &kinds);
	json_t *items = json_new_array();
	for (size_t i = 0; i < n; i++)
		json_append_value(items, render_kind(kinds[i], false));
	exchange_answer_page(x, items, NULL);
	return 0;
}

static int get_kind(struct exchange *x, struct error **err)
{
	const struct cloud_resource_kind *kind;
	int r = catalog_kind_find(x->api->catalog, http_request_param(x->request, "name"), &kind,
				  err);
	if (r >= 0)
		x->answer = render_kind(kind, true);
	return r;
}

/* "playground-tofu" */
static char *module_id(const struct cloud_resource_kind *kind, enum provisioner p)
{
	char *id = xasprintf("%s-%s", kind->name, provisioner_to_string(p));
	for (char *c = id; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return id;
}

/* Calls fn for every module until it returns false. */
static void each_module(struct exchange *x,
			bool (*fn)(struct exchange *x, const char *id, json_t *module, void *ctx),
			void *ctx)
{
	const struct cloud_resource_kind *const *kinds;
	size_t n = catalog_kind_list(x->api->catalog, &kinds);
	for (size_t i = 0; i < n; i++)
		for (enum provisioner p = 0; p < _PROVISIONER_MAX; p++) {
			const struct catalog_module *m =
				catalog_module_find(x->api->catalog, kinds[i]->name, p);
			if (!m)
				continue;
			_cleanup_free_ char *id = module_id(kinds[i], p);
			_cleanup_json_ json_t *module = json_new_object();
			json_set_string(module, "id", id);
			json_set_string(module, "kind", kinds[i]->name);
			json_set_string(module, "provisioner", provisioner_to_string(p));
			json_set_string(module, "scope", "platform");
			json_set_string(module, "digest", m->digest);
			if (!fn(x, id, module, ctx))
				return;
		}
}

static bool add_module(struct exchange *x, const char *id, json_t *module, void *items)
{
	(void)x;
	(void)id;
	json_append_value(items, json_incref(module));
	return true;
}

static int list_modules(struct exchange *x, struct error **err)
{
	(void)err;
	json_t *items = json_new_array();
	each_module(x, add_module, items);
	exchange_answer_page(x, items, NULL);
	return 0;
}

static bool pick_module(struct exchange *x, const char *id, json_t *module, void *wanted)
{
	if (!streq(id, wanted))
		return true;
	x->answer = json_incref(module);
	return false;
}

static int get_module(struct exchange *x, struct error **err)
{
	const char *id = http_request_param(x->request, "id");
	each_module(x, pick_module, (void *)id);
	if (x->answer)
		return 0;
	return error_set(err, ERROR_NOT_FOUND, "there is no module %s", id);
}

static json_t *render_field(const struct provider_field *f)
{
	json_t *field = json_new_object();
	json_set_string(field, "name", f->name);
	json_set_value(field, "env", render_strings(f->env));
	json_set_bool(field, "file", f->file || f->map == PROVIDER_MAP_FILES);
	json_set_bool(field, "map", f->map != PROVIDER_MAP_NONE);
	json_set_bool(field, "required", f->required);
	json_set_bool(field, "sensitive", f->sensitive);
	json_set_string(field, "default", f->default_value);
	if (f->values)
		json_set_value(field, "values", render_strings(f->values));
	json_set_string(field, "description", f->description);
	return field;
}

static int list_provider_types(struct exchange *x, struct error **err)
{
	(void)err;
	const struct provider_type *const *types;
	size_t n = catalog_provider_list(x->api->catalog, &types);
	json_t *items = json_new_array();
	for (size_t i = 0; i < n; i++) {
		json_t *type = json_new_object(), *fields = json_new_array();
		json_set_string(type, "name", types[i]->name);
		json_set_string(type, "description", types[i]->description);
		for (size_t f = 0; f < types[i]->n_fields; f++)
			json_append_value(fields, render_field(&types[i]->fields[f]));
		json_set_value(type, "fields", fields);
		json_append_value(items, type);
	}
	exchange_answer_page(x, items, NULL);
	return 0;
}

const struct api_route api_catalog_routes[] = {
	{.method = HTTP_GET,
	 .pattern = "/api/v1/cloud-resource-kinds",
	 .name = "listCloudResourceKinds",
	 .audience = API_ADMIN,
	 .run = list_kinds},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/cloud-resource-kinds/{name}",
	 .name = "getCloudResourceKind",
	 .audience = API_ADMIN,
	 .run = get_kind},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/iac-modules",
	 .name = "listIacModules",
	 .audience = API_ADMIN,
	 .run = list_modules},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/iac-modules/{id}",
	 .name = "getIacModule",
	 .audience = API_ADMIN,
	 .run = get_module},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/provider-types",
	 .name = "listProviderTypes",
	 .audience = API_ADMIN,
	 .run = list_provider_types},
	{.pattern = NULL},
};
