/* What the platform reads in a state file (OpenTofu's and Terraform's format version 4). Pure. */
#include <string.h>

#include "base/strbuf.h"
#include "base/strutil.h"
#include "control/states.h"
#include "model/json.h"

static int state_load(const char *bytes, size_t len, json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *state = NULL;
	int r = json_parse(bytes, len, STATE_MAX_BYTES, &state, err);
	if (r < 0)
		return error_wrap(err, "this is no state file");
	if (json_get_int(state, "version", 0) != 4)
		return error_set_field(err, ERROR_UNPROCESSABLE, "/version", "this is no state file of version 4");
	*ret = TAKE_PTR(state);
	return 0;
}

int state_parse(const char *bytes, size_t len, int64_t *ret_serial, char **ret_lineage, int64_t *ret_resources, struct error **err)
{
	_cleanup_json_ json_t *state = NULL;
	int r = state_load(bytes, len, &state, err);
	if (r < 0)
		return r;
	const char *lineage = json_get_str(state, "lineage");
	int64_t serial = json_get_int(state, "serial", -1);
	if (!lineage || serial < 0)
		return error_set(err, ERROR_UNPROCESSABLE, "this state file has no %s", lineage ? "serial" : "lineage");

	int64_t count = 0;
	size_t i;
	json_t *resource;
	json_array_foreach(json_get(state, "resources"), i, resource) {
		if (streq_null(json_get_str(resource, "mode"), "managed"))
			count += (int64_t)json_array_size(json_get(resource, "instances"));
	}
	*ret_serial = serial;
	*ret_lineage = xstrdup(lineage);
	*ret_resources = count;
	return 0;
}

int state_outputs(const char *bytes, size_t len, json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *state = NULL;
	int r = state_load(bytes, len, &state, err);
	if (r < 0)
		return r;
	json_t *outputs = json_new_object();
	const char *name;
	json_t *output;
	json_object_foreach(json_get(state, "outputs"), name, output) {
		json_t *copy = json_new_object();
		json_t *value = json_get(output, "value"), *type = json_get(output, "type");
		json_set_value(copy, "value", value ? json_incref(value) : json_null());
		if (type)
			json_set_value(copy, "type", json_incref(type));
		json_set_bool(copy, "sensitive", json_get_bool(output, "sensitive", false));
		json_set_value(outputs, name, copy);
	}
	*ret = outputs;
	return 0;
}

/* "module.m.type.name[key]", as engines print addresses. */
static void instance_address(struct strbuf *address, const json_t *resource, const json_t *instance)
{
	strbuf_reset(address);
	const char *module = json_get_str(resource, "module");
	if (module)
		strbuf_addf(address, "%s.", module);
	if (streq_null(json_get_str(resource, "mode"), "data"))
		strbuf_addstr(address, "data.");
	const char *type = json_get_str(resource, "type"), *name = json_get_str(resource, "name");
	strbuf_addf(address, "%s.%s", type ? type : "", name ? name : "");
	const json_t *key = json_get(instance, "index_key");
	if (json_is_integer(key))
		strbuf_addf(address, "[%lld]", (long long)json_integer_value(key));
	else if (json_is_string(key)) {
		_cleanup_free_ char *quoted = json_to_text(key, JSON_WRITE_COMPACT);
		strbuf_addf(address, "[%s]", quoted);
	}
}

bool state_has_address(const json_t *state, const char *address)
{
	_cleanup_strbuf_ struct strbuf candidate = STRBUF_INIT;
	size_t i, k;
	json_t *resource, *instance;
	json_array_foreach(json_get(state, "resources"), i, resource) {
		json_array_foreach(json_get(resource, "instances"), k, instance) {
			instance_address(&candidate, resource, instance);
			if (streq(candidate.data, address))
				return true;
		}
	}
	return false;
}
