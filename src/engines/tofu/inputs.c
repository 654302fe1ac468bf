/*
 * From a manifest to the variables of a module. Names and types come from the
 * module itself: attributes of its object types are looked up in the manifest
 * by name (camelCase or not), the keys of maps and everything that has no type
 * are taken as they are. Nothing is interpolated: the inputs are JSON.
 */
#include <ctype.h>
#include <string.h>

#include "base/strutil.h"
#include "engines/tofu/tofu.h"

#define MAX_DEPTH 64
#define MAX_PATH  512

static void to_snake_case(const char *name, struct strbuf *ret)
{
	for (const char *at = name; *at; at++) {
		bool upper = isupper((unsigned char)*at);
		bool after_lower = at > name && (islower((unsigned char)at[-1]) ||
						 isdigit((unsigned char)at[-1]));
		bool ends_acronym = at > name && isupper((unsigned char)at[-1]) &&
				    islower((unsigned char)at[1]);
		if (upper && (after_lower || ends_acronym))
			strbuf_addch(ret, '_');
		strbuf_addch(ret, (char)tolower((unsigned char)*at));
	}
}

/* Equal but for case and underscores: where a digit or an acronym splits a word is a matter of
 * taste. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		while (*a == '_')
			a++;
		while (*b == '_')
			b++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
		a++, b++;
	}
}

static json_t *find(const json_t *object, const char *name)
{
	json_t *value = json_object_get(object, name);
	const char *key;

	if (value)
		return value;
	json_object_foreach((json_t *)object, key, value) if (same_words(key, name)) return value;
	return NULL;
}

struct conversion {
	struct error **err;
	char path[MAX_PATH];
};

static int convert(struct conversion *c, const json_t *type, const json_t *schema,
		   const json_t *value, int depth, json_t **ret);

/* Extends the path for the time of a nested conversion; returns what it was. */
static size_t push(struct conversion *c, const char *name)
{
	size_t length = strlen(c->path);
	snprintf(c->path + length, sizeof(c->path) - length, "%s%s", length ? "." : "", name);
	return length;
}

static void pop(struct conversion *c, size_t length)
{
	c->path[length] = '\0';
}

static bool is_optional(const json_t *type, const char *name)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_array_get(type, 2), i,
			   item) if (json_is_string(item) &&
				     streq(json_string_value(item), name)) return true;
	return false;
}

static int convert_object(struct conversion *c, const json_t *type, const json_t *schema,
			  const json_t *value, int depth, json_t **ret)
{
	const json_t *attributes = json_array_get(type, 1);
	const json_t *properties = json_object_get(schema, "properties");
	json_t *object = json_object();
	const char *name;
	json_t *attribute;

	json_object_foreach((json_t *)attributes, name, attribute)
	{
		const json_t *given = find(value, name);
		json_t *converted;
		size_t length = push(c, name);

		if (!given || json_is_null(given)) {
			if (!is_optional(type, name)) {
				error_set_field(c->err, ERROR_UNPROCESSABLE, c->path,
						"the module needs %s, which has no value", c->path);
				json_decref(object);
				return -1;
			}
			pop(c, length);
			continue;
		}
		if (convert(c, attribute, find(properties, name), given, depth + 1, &converted) <
		    0) {
			json_decref(object);
			return -1;
		}
		pop(c, length);
		json_object_set_new(object, name, converted);
	}
	*ret = object;
	return 0;
}

static int convert_map(struct conversion *c, const json_t *type, const json_t *schema,
		       const json_t *value, int depth, json_t **ret)
{
	json_t *object = json_object();
	const char *name;
	json_t *item;

	json_object_foreach((json_t *)value, name, item)
	{
		json_t *converted;
		size_t length = push(c, name);
		if (convert(c, type, schema, item, depth + 1, &converted) < 0) {
			json_decref(object);
			return -1;
		}
		pop(c, length);
		json_object_set_new(object, name, converted);
	}
	*ret = object;
	return 0;
}

static int convert_array(struct conversion *c, const json_t *type, const json_t *schema,
			 const json_t *value, int depth, json_t **ret)
{
	bool tuple = json_is_array(json_array_get(type, 1)) &&
		     streq_null(json_string_value(json_array_get(type, 0)), "tuple");
	json_t *array = json_array();
	size_t i;
	json_t *item;

	json_array_foreach(value, i, item)
	{
		const json_t *item_type = tuple ? json_array_get(json_array_get(type, 1), i)
						: json_array_get(type, 1);
		json_t *converted;
		if (convert(c, item_type, json_object_get(schema, "items"), item, depth + 1,
			    &converted) < 0) {
			json_decref(array);
			return -1;
		}
		json_array_append_new(array, converted);
	}
	*ret = array;
	return 0;
}

/* Without a type of the module's, the kind's schema tells names from keys. */
static int convert_untyped(struct conversion *c, const json_t *schema, const json_t *value,
			   int depth, json_t **ret)
{
	if (json_is_array(value))
		return convert_array(c, NULL, schema, value, depth, ret);
	if (!json_is_object(value)) {
		*ret = json_incref((json_t *)value);
		return 0;
	}

	const json_t *properties = json_object_get(schema, "properties");
	json_t *object = json_object();
	const char *name;
	json_t *item;

	json_object_foreach((json_t *)value, name, item)
	{
		_cleanup_strbuf_ struct strbuf key = STRBUF_INIT;
		const json_t *property = json_object_get(properties, name);
		json_t *converted;
		if (property)
			to_snake_case(name, &key);
		else
			strbuf_addstr(&key, name);
		if (convert(c, NULL, property, item, depth + 1, &converted) < 0) {
			json_decref(object);
			return -1;
		}
		json_object_set_new(object, key.data, converted);
	}
	*ret = object;
	return 0;
}

/* A reference is {value: x} in manifests; modules take it either way. */
static json_t *wrapped_value(const json_t *value)
{
	return json_is_object(value) && json_object_size(value) == 1
		       ? json_object_get(value, "value")
		       : NULL;
}

static int convert(struct conversion *c, const json_t *type, const json_t *schema,
		   const json_t *value, int depth, json_t **ret)
{
	const char *container = json_string_value(json_array_get(type, 0));
	const char *primitive = json_string_value(type);

	if (depth > MAX_DEPTH)
		return error_set_field(c->err, ERROR_TOO_LARGE, c->path,
				       "%s is nested more than %d levels deep", c->path, MAX_DEPTH);
	if (container && streq(container, "object")) {
		if (json_is_object(value))
			return convert_object(c, type, schema, value, depth, ret);
		if (!json_is_array(value) && !json_is_null(value) &&
		    json_object_get(json_array_get(type, 1), "value")) {
			*ret = json_pack("{s:O}", "value", value);
			return 0;
		}
	} else if (container && streq(container, "map") && json_is_object(value)) {
		return convert_map(c, json_array_get(type, 1),
				   json_object_get(schema, "additionalProperties"), value, depth,
				   ret);
	} else if (container && json_is_array(value)) {
		return convert_array(c, type, schema, value, depth, ret);
	} else if (primitive && !streq(primitive, "dynamic") && wrapped_value(value)) {
		value = wrapped_value(value);
	} else if (!container && (!primitive || streq(primitive, "dynamic"))) {
		return convert_untyped(c, schema, value, depth, ret);
	}
	*ret = json_incref((json_t *)value);
	return 0;
}

static void collect_strings(const json_t *value, int depth, json_t *ret)
{
	const char *key;
	size_t i;
	json_t *item;

	if (json_is_string(value))
		json_array_append(ret, (json_t *)value);
	if (depth > MAX_DEPTH)
		return;
	json_object_foreach((json_t *)value, key, item) collect_strings(item, depth + 1, ret);
	json_array_foreach(value, i, item) collect_strings(item, depth + 1, ret);
}

/* What a variable is made from: the manifest's metadata or spec as a whole, or one field of spec.
 */
static const json_t *source_of(const char *name, bool whole, const json_t *manifest,
			       const json_t *schema, const json_t **ret_schema)
{
	const json_t *spec = json_object_get(manifest, "spec");

	*ret_schema = NULL;
	if (whole && streq(name, "spec")) {
		*ret_schema = schema;
		return spec;
	}
	const json_t *field = find(spec, name);
	if (!whole && field) {
		*ret_schema = find(json_object_get(schema, "properties"), name);
		return field;
	}
	return streq(name, "metadata") ? json_object_get(manifest, "metadata") : NULL;
}

int tofu_make_inputs(const json_t *variables, const json_t *manifest, const json_t *schema,
		     json_t **ret_inputs, json_t **ret_secrets, struct error **err)
{
	const json_t *declared =
		json_object_get(json_object_get(variables, "root_module"), "variables");
	/* The convention of the catalogue; any other module gets the fields of spec one by one. */
	bool whole = json_object_get(declared, "spec") &&
		     !json_object_get(json_object_get(manifest, "spec"), "spec");
	struct conversion c = {.err = err};
	json_t *inputs = json_object();
	json_t *secrets = json_array();
	const char *name;
	json_t *variable;

	json_object_foreach((json_t *)declared, name, variable)
	{
		const json_t *value_schema;
		const json_t *value = source_of(name, whole, manifest, schema, &value_schema);
		json_t *converted;

		if (!value) {
			if (!json_is_true(json_object_get(variable, "required")))
				continue;
			error_set_field(err, ERROR_UNPROCESSABLE, name,
					"the module needs the variable \"%s\", which has no value",
					name);
			goto failed;
		}
		pop(&c, 0);
		push(&c, name);
		if (convert(&c, json_object_get(variable, "type"), value_schema, value, 0,
			    &converted) < 0)
			goto failed;
		if (json_is_true(json_object_get(variable, "sensitive")))
			collect_strings(converted, 0, secrets);
		json_object_set_new(inputs, name, converted);
	}
	*ret_inputs = inputs;
	*ret_secrets = secrets;
	return 0;
failed:
	json_decref(inputs);
	json_decref(secrets);
	return -1;
}
