/* Checking values: all findings, not the first. Messages never show the value, which may be a
 * secret. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "model/json.h"
#include "model/schema_internal.h"

struct validator {
	unsigned flags;
	struct issues *issues;
	bool valid;
};

static void report(struct validator *validator, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void report(struct validator *validator, const char *pointer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *text = xvasprintf(format, arguments);
	va_end(arguments);
	issues_add(validator->issues, pointer, "%s", text);
	validator->valid = false;
}

static unsigned type_of(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return TYPE_OBJECT;
	case JSON_ARRAY:
		return TYPE_ARRAY;
	case JSON_STRING:
		return TYPE_STRING;
	case JSON_INTEGER:
		return TYPE_INTEGER;
	case JSON_REAL:
		return json_real_value(value) == floor(json_real_value(value)) ? TYPE_INTEGER
									       : TYPE_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return TYPE_BOOLEAN;
	case JSON_NULL:
		return TYPE_NULL;
	}
	return 0;
}

static bool type_allowed(const struct schema *schema, unsigned type)
{
	return schema->types == 0 || (schema->types & type) ||
	       (type == TYPE_INTEGER && (schema->types & TYPE_NUMBER));
}

/* "integer or null" */
static char *list_types(unsigned types)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	for (unsigned type = TYPE_NULL; type <= TYPE_OBJECT; type <<= 1)
		if (types & type)
			strbuf_addf(&text, "%s%s", text.size > 0 ? " or " : "",
				    schema_type_name(type));
	return strbuf_detach(&text, NULL);
}

/* The order of two JSON numbers; integers are compared exactly. */
static int compare_numbers(const json_t *a, const json_t *b)
{
	if (json_is_integer(a) && json_is_integer(b))
		return (json_integer_value(a) > json_integer_value(b)) -
		       (json_integer_value(a) < json_integer_value(b));
	double x = json_number_value(a);
	double y = json_number_value(b);
	return (x > y) - (x < y);
}

/* As JSON Schema says it: 1 and 1.0 are equal. */
static bool equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return compare_numbers(a, b) == 0;
	return json_equal(a, b);
}

static void check_enum(struct validator *validator, const struct schema *schema,
		       const json_t *value, const char *pointer)
{
	_cleanup_strbuf_ struct strbuf list = STRBUF_INIT;
	_cleanup_strv_ char **words = NULL;
	size_t i;
	json_t *allowed;
	json_array_foreach(schema->one_of, i, allowed)
	{
		if (equal(allowed, value))
			return;
		if (i > 0)
			strbuf_addstr(&list, ", ");
		json_write(&list, allowed, JSON_WRITE_COMPACT);
		if (json_is_string(allowed))
			strv_add(&words, json_string_value(allowed));
	}
	const char *meant = NULL;
	if (words && json_is_string(value))
		meant = string_suggest(json_string_value(value), (const char *const *)words);
	report(validator, pointer, "must be one of %s%s%s%s", list.data,
	       meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
}

static void check_string(struct validator *validator, const struct schema *schema,
			 const json_t *value, const char *pointer)
{
	const char *text = json_string_value(value);
	int64_t length = 0;
	for (const char *at = text; *at; at++)
		length += (*at & 0xc0) != 0x80;
	if (length < schema->min_length && schema->min_length == 1)
		report(validator, pointer, "must not be empty");
	else if (length < schema->min_length)
		report(validator, pointer,
		       "must have at least %" PRId64 " characters, not %" PRId64,
		       schema->min_length, length);
	bool too_long = schema->max_length >= 0 && length > schema->max_length;
	if (too_long)
		report(validator, pointer, "must have at most %" PRId64 " characters, not %" PRId64,
		       schema->max_length, length);
	if (!too_long && schema->pattern && regexec(schema->pattern, text, 0, NULL, 0) != 0)
		report(validator, pointer, "must match the pattern %s", schema->pattern_text);
}

static void check_number(struct validator *validator, const struct schema *schema,
			 const json_t *value, const char *pointer)
{
	if (schema->minimum && compare_numbers(value, schema->minimum) < 0) {
		_cleanup_free_ char *limit = json_to_text(schema->minimum, 0);
		report(validator, pointer, "must be %s or more", limit);
	}
	if (schema->maximum && compare_numbers(value, schema->maximum) > 0) {
		_cleanup_free_ char *limit = json_to_text(schema->maximum, 0);
		report(validator, pointer, "must be %s or less", limit);
	}
}

static void check(struct validator *validator, const struct schema *schema, const json_t *value,
		  const char *pointer);

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By sorting, so that a long list takes no quadratic time. */
static bool has_duplicates(const json_t *array)
{
	_cleanup_strv_ char **texts = NULL;
	size_t count = json_array_size(array);
	texts = xcalloc(count + 1, sizeof(*texts));
	for (size_t i = 0; i < count; i++)
		texts[i] = json_to_canonical(json_array_get(array, i));
	qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t i = 1; i < count; i++)
		if (streq(texts[i - 1], texts[i]))
			return true;
	return false;
}

static void check_array(struct validator *validator, const struct schema *schema,
			const json_t *value, const char *pointer)
{
	int64_t count = (int64_t)json_array_size(value);
	if (count < schema->min_items)
		report(validator, pointer, "must have at least %" PRId64 " elements, not %" PRId64,
		       schema->min_items, count);
	if (schema->max_items >= 0 && count > schema->max_items)
		report(validator, pointer, "must have at most %" PRId64 " elements, not %" PRId64,
		       schema->max_items, count);
	if (schema->unique && has_duplicates(value))
		report(validator, pointer, "must not hold the same element twice");

	size_t i;
	json_t *element;
	if (!schema->items)
		return;
	json_array_foreach(value, i, element)
	{
		_cleanup_free_ char *place = json_pointer_append_index(pointer, i);
		check(validator, schema->items, element, place);
	}
}

static void report_unknown(struct validator *validator, const struct schema *schema,
			   const char *name, const char *place)
{
	_cleanup_free_ const char **names = xcalloc(schema->n_properties + 1, sizeof(*names));
	for (size_t i = 0; i < schema->n_properties; i++)
		names[i] = schema->properties[i].name;
	const char *meant = string_suggest(name, names);
	if (meant)
		report(validator, place, "is unknown; did you mean \"%s\"?", meant);
	else
		report(validator, place, "is unknown");
}

static void check_object(struct validator *validator, const struct schema *schema,
			 const json_t *value, const char *pointer)
{
	for (size_t i = 0; schema->required && schema->required[i]; i++) {
		if (json_object_get(value, schema->required[i]))
			continue;
		_cleanup_free_ char *place = json_pointer_append(pointer, schema->required[i]);
		report(validator, place, "is missing");
	}

	const char *name;
	json_t *member;
	json_object_foreach((json_t *)value, name, member)
	{
		_cleanup_free_ char *place = json_pointer_append(pointer, name);
		const struct schema_property *property = schema_find_property(schema, name, false);
		if (property)
			check(validator, property->schema, member, place);
		else if (schema->additional)
			check(validator, schema->additional, member, place);
		else if (schema->closed)
			report_unknown(validator, schema, name, place);
	}
}

static void check_value_from(struct validator *validator, const json_t *reference,
			     const char *pointer)
{
	static const char *const known[] = {"kind", "env", "name", "fieldPath", NULL};
	_cleanup_free_ char *base = json_pointer_append(pointer, "valueFrom");
	const char *key;
	json_t *member;

	if (!json_is_object(reference)) {
		report(validator, base, "must be an object");
		return;
	}
	json_object_foreach((json_t *)reference, key, member)
	{
		_cleanup_free_ char *place = json_pointer_append(base, key);
		bool is_known = false;
		for (size_t i = 0; known[i]; i++)
			is_known |= streq(known[i], key);
		if (!is_known)
			report(validator, place,
			       "is unknown; a reference has kind, env, name and fieldPath");
		else if (!json_is_string(member) || json_string_length(member) == 0)
			report(validator, place, "must be text");
	}
	for (size_t i = 0; known[i]; i += 2) {
		_cleanup_free_ char *place = json_pointer_append(base, known[i]);
		if (!json_object_get(reference, known[i]))
			report(validator, place, "is missing");
	}
}

/* {value: x} and {valueFrom: {...}}, where no object is allowed otherwise. True when it was one of
 * them. */
static bool check_reference(struct validator *validator, const struct schema *schema,
			    const json_t *value, const char *pointer)
{
	if (!(validator->flags & SCHEMA_REFERENCES) || json_object_size(value) != 1 ||
	    type_allowed(schema, TYPE_OBJECT))
		return false;
	const json_t *literal = json_object_get(value, "value");
	const json_t *reference = json_object_get(value, "valueFrom");
	if (literal) {
		_cleanup_free_ char *place = json_pointer_append(pointer, "value");
		check(validator, schema, literal, place);
	} else if (reference) {
		check_value_from(validator, reference, pointer);
	}
	return literal || reference;
}

static void check(struct validator *validator, const struct schema *schema, const json_t *value,
		  const char *pointer)
{
	if (check_reference(validator, schema, value, pointer))
		return;

	unsigned type = type_of(value);
	if (!type_allowed(schema, type)) {
		_cleanup_free_ char *types = list_types(schema->types);
		report(validator, pointer, "must be of type %s, not %s", types,
		       schema_type_name(type));
		return;
	}
	if (schema->one_of)
		check_enum(validator, schema, value, pointer);
	if (schema->constant && !equal(schema->constant, value)) {
		_cleanup_free_ char *constant = json_to_text(schema->constant, JSON_WRITE_COMPACT);
		report(validator, pointer, "must be %s", constant);
	}
	if (type == TYPE_STRING)
		check_string(validator, schema, value, pointer);
	else if (type == TYPE_INTEGER || type == TYPE_NUMBER)
		check_number(validator, schema, value, pointer);
	else if (type == TYPE_ARRAY)
		check_array(validator, schema, value, pointer);
	else if (type == TYPE_OBJECT)
		check_object(validator, schema, value, pointer);
}

bool schema_validate(const struct schema *schema, const json_t *value, const char *pointer,
		     unsigned flags, struct issues *issues)
{
	struct validator validator = {.flags = flags, .issues = issues, .valid = true};
	check(&validator, schema, value, pointer);
	return validator.valid;
}
