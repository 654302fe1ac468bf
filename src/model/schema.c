/* Compiling schemas: every keyword is understood or refused. */
#include "model/schema.h"

#include <ctype.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "model/json.h"
#include "model/schema_internal.h"

static const struct {
	const char *name;
	unsigned type;
} type_names[] = {
	{"null", TYPE_NULL},	 {"boolean", TYPE_BOOLEAN}, {"integer", TYPE_INTEGER},
	{"number", TYPE_NUMBER}, {"string", TYPE_STRING},   {"array", TYPE_ARRAY},
	{"object", TYPE_OBJECT},
};

const char *schema_type_name(unsigned type)
{
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return NULL;
}

const struct schema_property *schema_find_property(const struct schema *schema, const char *name,
						   bool snake)
{
	for (size_t i = 0; i < schema->n_properties; i++) {
		const struct schema_property *property = &schema->properties[i];
		if (streq(property->name, name) || (snake && streq(property->snake, name)))
			return property;
	}
	return NULL;
}

char *camel_to_snake(const char *name)
{
	_cleanup_strbuf_ struct strbuf snake = STRBUF_INIT;
	for (size_t i = 0; name[i]; i++) {
		if (!isupper((unsigned char)name[i])) {
			strbuf_addch(&snake, name[i]);
			continue;
		}
		bool after_lower = i > 0 && (islower((unsigned char)name[i - 1]) ||
					     isdigit((unsigned char)name[i - 1]));
		bool ends_acronym = i > 0 && isupper((unsigned char)name[i - 1]) &&
				    islower((unsigned char)name[i + 1]);
		if (after_lower || ends_acronym)
			strbuf_addch(&snake, '_');
		strbuf_addch(&snake, (char)tolower((unsigned char)name[i]));
	}
	return strbuf_detach(&snake, NULL);
}

char *snake_to_camel(const char *name)
{
	_cleanup_strbuf_ struct strbuf camel = STRBUF_INIT;
	for (size_t i = 0; name[i]; i++) {
		bool joins =
			name[i] == '_' && camel.size > 0 && isalnum((unsigned char)name[i + 1]);
		if (joins)
			strbuf_addch(&camel, (char)toupper((unsigned char)name[++i]));
		else
			strbuf_addch(&camel, name[i]);
	}
	return strbuf_detach(&camel, NULL);
}

static struct schema *compile(const json_t *json, const char *pointer, struct error **err);

static int invalid(struct error **err, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int invalid(struct error **err, const char *pointer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *text = xvasprintf(format, arguments);
	va_end(arguments);
	_cleanup_free_ char *path = json_pointer_to_path(pointer);
	return error_set_field(err, ERROR_INVALID_ARGUMENT, pointer, "schema: %s %s", path, text);
}

static int compile_type_name(struct schema *schema, const json_t *value, const char *pointer,
			     struct error **err)
{
	const char *name = json_string_value(value);
	for (size_t i = 0; name && i < ARRAY_SIZE(type_names); i++) {
		if (streq(type_names[i].name, name)) {
			schema->types |= type_names[i].type;
			return 0;
		}
	}
	return invalid(err, pointer, "is no type");
}

static int compile_types(struct schema *schema, const json_t *value, const char *pointer,
			 struct error **err)
{
	if (!json_is_array(value))
		return compile_type_name(schema, value, pointer, err);
	size_t i;
	json_t *name;
	json_array_foreach(value, i, name)
	{
		int r = compile_type_name(schema, name, pointer, err);
		if (r < 0)
			return r;
	}
	return schema->types ? 0 : invalid(err, pointer, "names no type");
}

static int compile_properties(struct schema *schema, const json_t *value, const char *pointer,
			      struct error **err)
{
	if (!json_is_object(value))
		return invalid(err, pointer, "must be an object");

	const char *name;
	json_t *property;
	schema->properties = xcalloc(json_object_size(value) + 1, sizeof(*schema->properties));
	json_object_foreach((json_t *)value, name, property)
	{
		_cleanup_free_ char *place = json_pointer_append(pointer, name);
		_cleanup_free_ char *snake = camel_to_snake(name);
		if (schema_find_property(schema, snake, true))
			return invalid(err, place, "is, in snake_case, another property's name");
		_cleanup_schema_ struct schema *compiled = compile(property, place, err);
		if (!compiled)
			return -ERROR_INVALID_ARGUMENT;
		schema->properties[schema->n_properties++] = (struct schema_property){
			.name = xstrdup(name),
			.snake = TAKE_PTR(snake),
			.schema = TAKE_PTR(compiled),
		};
	}
	return 0;
}

static int compile_required(struct schema *schema, const json_t *value, const char *pointer,
			    struct error **err)
{
	size_t i;
	json_t *name;
	if (!json_is_array(value))
		return invalid(err, pointer, "must be a list of names");
	json_array_foreach(value, i, name)
	{
		if (!json_is_string(name))
			return invalid(err, pointer, "must be a list of names");
		strv_add(&schema->required, json_string_value(name));
	}
	return 0;
}

static int compile_additional(struct schema *schema, const json_t *value, const char *pointer,
			      struct error **err)
{
	if (json_is_boolean(value)) {
		schema->closed = json_is_false(value);
		return 0;
	}
	schema->additional = compile(value, pointer, err);
	return schema->additional ? 0 : -ERROR_INVALID_ARGUMENT;
}

static int compile_items(struct schema *schema, const json_t *value, const char *pointer,
			 struct error **err)
{
	schema->items = compile(value, pointer, err);
	return schema->items ? 0 : -ERROR_INVALID_ARGUMENT;
}

static int compile_enum(struct schema *schema, const json_t *value, const char *pointer,
			struct error **err)
{
	if (json_array_size(value) == 0)
		return invalid(err, pointer, "must be a list of values");
	schema->one_of = value;
	return 0;
}

static int compile_const(struct schema *schema, const json_t *value, const char *pointer,
			 struct error **err)
{
	(void)pointer;
	(void)err;
	schema->constant = value;
	return 0;
}

static int compile_default(struct schema *schema, const json_t *value, const char *pointer,
			   struct error **err)
{
	(void)pointer;
	(void)err;
	schema->default_value = value;
	return 0;
}

static int compile_pattern(struct schema *schema, const json_t *value, const char *pointer,
			   struct error **err)
{
	if (!json_is_string(value))
		return invalid(err, pointer, "must be text");
	schema->pattern_text = json_string_value(value);
	_cleanup_free_ regex_t *pattern = xcalloc(1, sizeof(*pattern));
	int r = regcomp(pattern, schema->pattern_text, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		char text[128];
		regerror(r, pattern, text, sizeof(text));
		return invalid(err, pointer, "is no POSIX extended regular expression: %s", text);
	}
	schema->pattern = TAKE_PTR(pattern);
	return 0;
}

static int compile_number(const json_t **ret, const json_t *value, const char *pointer,
			  struct error **err)
{
	if (!json_is_number(value))
		return invalid(err, pointer, "must be a number");
	*ret = value;
	return 0;
}

static int compile_minimum(struct schema *schema, const json_t *value, const char *pointer,
			   struct error **err)
{
	return compile_number(&schema->minimum, value, pointer, err);
}

static int compile_maximum(struct schema *schema, const json_t *value, const char *pointer,
			   struct error **err)
{
	return compile_number(&schema->maximum, value, pointer, err);
}

static int compile_count(int64_t *ret, const json_t *value, const char *pointer, struct error **err)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return invalid(err, pointer, "must be a whole number, 0 or more");
	*ret = json_integer_value(value);
	return 0;
}

static int compile_min_length(struct schema *schema, const json_t *value, const char *pointer,
			      struct error **err)
{
	return compile_count(&schema->min_length, value, pointer, err);
}

static int compile_max_length(struct schema *schema, const json_t *value, const char *pointer,
			      struct error **err)
{
	return compile_count(&schema->max_length, value, pointer, err);
}

static int compile_min_items(struct schema *schema, const json_t *value, const char *pointer,
			     struct error **err)
{
	return compile_count(&schema->min_items, value, pointer, err);
}

static int compile_max_items(struct schema *schema, const json_t *value, const char *pointer,
			     struct error **err)
{
	return compile_count(&schema->max_items, value, pointer, err);
}

static int compile_unique(struct schema *schema, const json_t *value, const char *pointer,
			  struct error **err)
{
	if (!json_is_boolean(value))
		return invalid(err, pointer, "must be true or false");
	schema->unique = json_is_true(value);
	return 0;
}

static const struct {
	const char *name;
	int (*compile)(struct schema *schema, const json_t *value, const char *pointer,
		       struct error **err);
} keywords[] = {
	{"type", compile_types},
	{"properties", compile_properties},
	{"required", compile_required},
	{"additionalProperties", compile_additional},
	{"items", compile_items},
	{"enum", compile_enum},
	{"const", compile_const},
	{"default", compile_default},
	{"pattern", compile_pattern},
	{"minLength", compile_min_length},
	{"maxLength", compile_max_length},
	{"minimum", compile_minimum},
	{"maximum", compile_maximum},
	{"minItems", compile_min_items},
	{"maxItems", compile_max_items},
	{"uniqueItems", compile_unique},
	{"title", NULL},
	{"description", NULL},
	{"format", NULL},
	{"examples", NULL},
};

static int compile_keyword(struct schema *schema, const char *name, const json_t *value,
			   const char *pointer, struct error **err)
{
	_cleanup_free_ char *place = json_pointer_append(pointer, name);
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (streq(keywords[i].name, name))
			return keywords[i].compile ? keywords[i].compile(schema, value, place, err)
						   : 0;
	return invalid(err, place, "is a keyword that is not supported");
}

static struct schema *compile(const json_t *json, const char *pointer, struct error **err)
{
	if (!json_is_object(json)) {
		invalid(err, pointer, "must be an object");
		return NULL;
	}
	_cleanup_schema_ struct schema *schema = xcalloc(1, sizeof(*schema));
	schema->json = json_incref((json_t *)json);
	schema->max_length = schema->max_items = -1;

	const char *name;
	json_t *value;
	json_object_foreach((json_t *)json, name,
			    value) if (compile_keyword(schema, name, value, pointer, err) <
				       0) return NULL;

	for (size_t i = 0; i < schema->n_properties; i++)
		schema->properties[i].required =
			strv_contains(schema->required, schema->properties[i].name);
	return TAKE_PTR(schema);
}

/* A default that its own schema refuses would make every spec without it invalid. */
static int check_defaults(const struct schema *schema, const char *pointer, struct error **err)
{
	if (schema->default_value) {
		_cleanup_issues_ struct issues issues = ISSUES_INIT;
		_cleanup_free_ char *place = json_pointer_append(pointer, "default");
		if (!schema_validate(schema, schema->default_value, place, 0, &issues))
			return invalid(err, place, "is not valid: %s", issues.items[0].message);
	}
	_cleanup_free_ char *properties = json_pointer_append(pointer, "properties");
	for (size_t i = 0; i < schema->n_properties; i++) {
		_cleanup_free_ char *place =
			json_pointer_append(properties, schema->properties[i].name);
		int r = check_defaults(schema->properties[i].schema, place, err);
		if (r < 0)
			return r;
	}
	int r = 0;
	if (schema->items) {
		_cleanup_free_ char *place = json_pointer_append(pointer, "items");
		r = check_defaults(schema->items, place, err);
	}
	if (r >= 0 && schema->additional) {
		_cleanup_free_ char *place = json_pointer_append(pointer, "additionalProperties");
		r = check_defaults(schema->additional, place, err);
	}
	return r;
}

int schema_compile(const json_t *json, struct schema **ret, struct error **err)
{
	if (json_nesting(json) > JSON_MAX_NESTING)
		return error_set(err, ERROR_TOO_LARGE,
				 "schema: nested deeper than the limit of %d levels",
				 JSON_MAX_NESTING);
	_cleanup_json_ json_t *copy = json_deep_copy(json);
	if (!copy)
		out_of_memory();
	_cleanup_schema_ struct schema *schema = compile(copy, "", err);
	if (!schema)
		return -ERROR_INVALID_ARGUMENT;
	int r = check_defaults(schema, "", err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(schema);
	return 0;
}

void schema_free(struct schema *schema)
{
	if (!schema)
		return;
	for (size_t i = 0; i < schema->n_properties; i++) {
		free(schema->properties[i].name);
		free(schema->properties[i].snake);
		schema_free(schema->properties[i].schema);
	}
	free(schema->properties);
	strv_free(schema->required);
	schema_free(schema->additional);
	schema_free(schema->items);
	if (schema->pattern)
		regfree(schema->pattern);
	free(schema->pattern);
	json_decref(schema->json);
	free(schema);
}

const json_t *schema_json(const struct schema *schema)
{
	return schema->json;
}
