/* What the platform reads in a state file (OpenTofu's and Terraform's format version 4). Pure. */
#include <string.h>

#include "base/parse.h"
#include "base/strbuf.h"
#include "base/strutil.h"
#include "base/utf8.h"
#include "control/state_scan.h"
#include "control/states.h"
#include "model/json.h"

#define LINEAGE_MAX 255

struct state_head {
	struct state_span version, serial, lineage, resources, outputs;
};

/* No words of the file: it is full of secrets. */
static int no_state(const char *what, struct error **err)
{
	return error_set(err, ERROR_UNPROCESSABLE, "this is no state file: %s", what);
}

static int read_head(const char *bytes, size_t len, struct state_head *ret, struct error **err)
{
	struct state_scan scan = {bytes, bytes, bytes + len};
	struct state_span whole, key, value;
	if (len == 0)
		return no_state("it is empty", err);
	if (!state_scan_value(&scan, &whole)) {
		_cleanup_free_ char *where =
			xasprintf("it is no JSON, or nested deeper than %d levels, at byte %zu",
				  STATE_SCAN_MAX_NESTING, (size_t)(scan.at - bytes));
		return no_state(where, err);
	}
	if (scan.at != scan.end)
		return no_state("something follows the JSON", err);
	if (whole.data[0] != '{')
		return no_state("it is no JSON object", err);

	struct state_head head = {0};
	struct state_members members = state_members_of(whole);
	while (state_members_next(&members, &key, &value)) {
		if (state_span_is(key, "version"))
			head.version = value;
		else if (state_span_is(key, "serial"))
			head.serial = value;
		else if (state_span_is(key, "lineage"))
			head.lineage = value;
		else if (state_span_is(key, "resources"))
			head.resources = value;
		else if (state_span_is(key, "outputs"))
			head.outputs = value;
	}
	if (!state_span_is(head.version, "4")) {
		int r = error_set_field(err, ERROR_UNPROCESSABLE, "/version",
					"this is no state file of version 4");
		error_hint(err, "states that the engine encrypts itself are not supported: here "
				"every version is sealed anyway");
		return r;
	}
	*ret = head;
	return 0;
}

static bool read_serial(struct state_span span, int64_t *ret)
{
	_cleanup_free_ char *text =
		span.data && span.size < 20 ? xstrndup(span.data, span.size) : NULL;
	return text && parse_i64(text, ret) >= 0 && *ret >= 0;
}

static char *read_lineage(struct state_span span)
{
	if (!span.data || span.size < 3 || span.size > LINEAGE_MAX + 2 || span.data[0] != '"' ||
	    memchr(span.data, '\\', span.size) || !utf8_is_valid(span.data, span.size))
		return NULL;
	return xstrndup(span.data + 1, span.size - 2);
}

static int64_t count_instances(struct state_span resource)
{
	struct state_span key, value;
	bool managed = false;
	int64_t count = 0;
	struct state_members members = state_members_of(resource);
	while (state_members_next(&members, &key, &value)) {
		if (state_span_is(key, "mode")) {
			managed = state_span_is(value, "\"managed\"");
		} else if (state_span_is(key, "instances")) {
			struct state_span nothing, instance;
			struct state_members instances = state_members_of(value);
			for (count = 0; state_members_next(&instances, &nothing, &instance);)
				count++;
		}
	}
	return managed ? count : 0;
}

int state_parse(const char *bytes, size_t len, int64_t *ret_serial, char **ret_lineage,
		int64_t *ret_resources, struct error **err)
{
	struct state_head head = {0};
	int r = read_head(bytes, len, &head, err);
	if (r < 0)
		return r;
	int64_t serial, count = 0;
	if (!read_serial(head.serial, &serial))
		return error_set_field(err, ERROR_UNPROCESSABLE, "/serial",
				       "this state file has no usable serial");
	_cleanup_free_ char *lineage = read_lineage(head.lineage);
	if (!lineage)
		return error_set_field(err, ERROR_UNPROCESSABLE, "/lineage",
				       "this state file has no lineage of 1 to %d bytes",
				       LINEAGE_MAX);
	struct state_span key, resource;
	struct state_members resources = state_members_of(head.resources);
	while (state_members_next(&resources, &key, &resource))
		count += count_instances(resource);
	*ret_serial = serial;
	*ret_lineage = TAKE_PTR(lineage);
	*ret_resources = count;
	return 0;
}

int state_with_serial(const char *bytes, size_t len, int64_t serial, struct strbuf *out,
		      struct error **err)
{
	struct state_head head = {0};
	int r = read_head(bytes, len, &head, err);
	if (r < 0)
		return r;
	if (!head.serial.data)
		return error_set_field(err, ERROR_UNPROCESSABLE, "/serial",
				       "this state file has no usable serial");
	const char *after = head.serial.data + head.serial.size;
	strbuf_add(out, bytes, (size_t)(head.serial.data - bytes));
	strbuf_addf(out, "%lld", (long long)serial);
	strbuf_add(out, after, (size_t)(bytes + len - after));
	return 0;
}

/* ---- Outputs ---- */

/* NULL when it is absent, or larger than such a thing may be. */
static json_t *small_value(struct state_span span)
{
	json_t *value = NULL;
	if (!span.data ||
	    json_parse(span.data, span.size, STATE_OUTPUT_MAX_BYTES, &value, NULL) < 0)
		return NULL;
	return value;
}

static json_t *read_output(struct state_span output, size_t *room)
{
	struct state_span key, member, value = {0}, type = {0};
	json_t *result = json_new_object();
	bool sensitive = false;
	struct state_members members = state_members_of(output);
	while (state_members_next(&members, &key, &member)) {
		if (state_span_is(key, "value"))
			value = member;
		else if (state_span_is(key, "type"))
			type = member;
		else if (state_span_is(key, "sensitive"))
			sensitive = state_span_is(member, "true");
	}
	json_set_bool(result, "sensitive", sensitive);
	if (value.size > STATE_OUTPUT_MAX_BYTES || type.size > STATE_OUTPUT_MAX_BYTES ||
	    value.size + type.size > *room) {
		_cleanup_free_ char *why =
			xasprintf("has %zu bytes; the limit is %zu for one output and %zu for all "
				  "of a resource",
				  value.size, STATE_OUTPUT_MAX_BYTES, STATE_OUTPUTS_MAX_BYTES);
		json_set_string(result, "omitted", why);
		return result;
	}
	*room -= value.size + type.size;
	json_t *parsed = value.data ? small_value(value) : json_null(),
	       *parsed_type = small_value(type);
	if (parsed_type)
		json_set_value(result, "type", parsed_type);
	if (parsed)
		json_set_value(result, "value", parsed);
	else
		json_set_string(result, "omitted",
				"holds a number that is too large, or is nested too deeply");
	return result;
}

int state_outputs(const char *bytes, size_t len, json_t **ret, struct error **err)
{
	struct state_head head = {0};
	int r = read_head(bytes, len, &head, err);
	if (r < 0)
		return r;
	json_t *outputs = json_new_object();
	size_t room = STATE_OUTPUTS_MAX_BYTES;
	struct state_span key, output;
	struct state_members members = state_members_of(head.outputs);
	while (state_members_next(&members, &key, &output)) {
		if (!key.data || key.size > STATE_OUTPUT_NAME_MAX ||
		    memchr(key.data, '\\', key.size) || !utf8_is_valid(key.data, key.size) ||
		    json_object_size(outputs) == STATE_OUTPUTS_MAX)
			continue;
		_cleanup_free_ char *name = xstrndup(key.data, key.size);
		json_set_value(outputs, name, read_output(output, &room));
	}
	*ret = outputs;
	return 0;
}

/* ---- Addresses ---- */

/* A key as engines print it: a quoted string in which "${" and "%{" begin no template. */
static void add_quoted(struct strbuf *address, const json_t *key)
{
	_cleanup_free_ char *quoted = json_to_text(key, JSON_WRITE_COMPACT);
	for (const char *at = quoted; *at; at++) {
		if ((*at == '$' || *at == '%') && at[1] == '{')
			strbuf_addch(address, *at);
		strbuf_addch(address, *at);
	}
}

struct instances {
	json_t *module, *mode, *type, *name;
};

static void instances_release(struct instances *i)
{
	json_decref(i->module);
	json_decref(i->mode);
	json_decref(i->type);
	json_decref(i->name);
}

static const char *text_of(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value) : "";
}

/* "module.m.type.name[key]", as engines print addresses. */
static void add_address(const struct instances *of, struct state_span instance,
			struct strbuf *address)
{
	struct state_span key, value, index = {0};
	struct state_members members = state_members_of(instance);
	while (state_members_next(&members, &key, &value))
		if (state_span_is(key, "index_key"))
			index = value;

	const char *module = text_of(of->module);
	strbuf_reset(address);
	strbuf_addf(address, "%s%s%s%s.%s", module, *module ? "." : "",
		    streq(text_of(of->mode), "data") ? "data." : "", text_of(of->type),
		    text_of(of->name));
	_cleanup_json_ json_t *parsed = small_value(index);
	if (!json_is_integer(parsed) && !json_is_string(parsed))
		return;
	strbuf_addch(address, '[');
	if (json_is_integer(parsed))
		strbuf_addf(address, "%lld", (long long)json_integer_value(parsed));
	else
		add_quoted(address, parsed);
	strbuf_addch(address, ']');
}

static void add_addresses(struct state_span resource, json_t *addresses)
{
	struct state_span key, value, list = {0};
	_cleanup_(instances_release) struct instances of = {0};
	struct state_members members = state_members_of(resource);
	while (state_members_next(&members, &key, &value)) {
		json_t **target = state_span_is(key, "module") ? &of.module
				  : state_span_is(key, "mode") ? &of.mode
				  : state_span_is(key, "type") ? &of.type
				  : state_span_is(key, "name") ? &of.name
							       : NULL;
		if (state_span_is(key, "instances"))
			list = value;
		else if (target && !*target)
			*target = small_value(value);
	}
	_cleanup_strbuf_ struct strbuf address = STRBUF_INIT;
	members = state_members_of(list);
	while (state_members_next(&members, &key, &value)) {
		add_address(&of, value, &address);
		json_set_bool(addresses, address.data, true);
	}
}

int state_addresses(const char *bytes, size_t len, json_t **ret, struct error **err)
{
	struct state_head head = {0};
	int r = read_head(bytes, len, &head, err);
	if (r < 0)
		return r;
	json_t *addresses = json_new_object();
	struct state_span key, resource;
	struct state_members resources = state_members_of(head.resources);
	while (state_members_next(&resources, &key, &resource))
		add_addresses(resource, addresses);
	*ret = addresses;
	return 0;
}
