/* Reading JSON within limits, and getting at members. */
#include "model/json.h"

#include <string.h>

#include "base/utf8.h"

static json_t *or_abort(json_t *value)
{
	if (!value)
		out_of_memory();
	return value;
}

json_t *json_new_object(void)
{
	return or_abort(json_object());
}

json_t *json_new_array(void)
{
	return or_abort(json_array());
}

json_t *json_new_string(const char *text)
{
	if (!text)
		return or_abort(json_null());
	size_t size = strlen(text);
	if (utf8_is_valid(text, size))
		return or_abort(json_stringn_nocheck(text, size));

	_cleanup_strbuf_ struct strbuf repaired = STRBUF_INIT;
	utf8_add_lossy(&repaired, text, size);
	return or_abort(json_stringn_nocheck(repaired.data, repaired.size));
}

unsigned json_nesting(const json_t *value)
{
	unsigned deepest = 0;
	size_t i;
	const char *key;
	json_t *member;

	if (json_is_array(value)) {
		json_array_foreach(value, i, member) deepest = MAX(deepest, json_nesting(member));
		return deepest + 1;
	}
	if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member) deepest =
			MAX(deepest, json_nesting(member));
		return deepest + 1;
	}
	return 0;
}

size_t json_count_values(const json_t *value)
{
	size_t count = 1;
	size_t i;
	const char *key;
	json_t *member;

	if (json_is_array(value)) {
		json_array_foreach(value, i, member) count += json_count_values(member);
	} else if (json_is_object(value)) {
		json_object_foreach((json_t *)value, key, member) count +=
			json_count_values(member);
	}
	return count;
}

int json_parse(const char *text, size_t size, size_t max_size, json_t **ret, struct error **err)
{
	if (size > max_size)
		return error_set(err, ERROR_TOO_LARGE,
				 "JSON of %zu bytes is larger than the limit of %zu bytes", size,
				 max_size);

	json_error_t problem;
	_cleanup_json_ json_t *value =
		json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
	if (!value)
		return error_set(err, ERROR_INVALID_ARGUMENT, "line %d, column %d: %s",
				 problem.line, problem.column, problem.text);
	if (json_nesting(value) > JSON_MAX_NESTING)
		return error_set(err, ERROR_TOO_LARGE,
				 "JSON is nested deeper than the limit of %d levels",
				 JSON_MAX_NESTING);
	*ret = TAKE_PTR(value);
	return 0;
}

json_t *json_get(const json_t *object, const char *path)
{
	const json_t *at = object;
	for (;;) {
		size_t length = strcspn(path, ".");
		at = json_object_getn(at, path, length);
		if (!at || !path[length])
			return (json_t *)at;
		path += length + 1;
	}
}

const char *json_get_str(const json_t *object, const char *path)
{
	return json_string_value(json_get(object, path));
}

int64_t json_get_int(const json_t *object, const char *path, int64_t fallback)
{
	const json_t *value = json_get(object, path);
	return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool json_get_bool(const json_t *object, const char *path, bool fallback)
{
	const json_t *value = json_get(object, path);
	return json_is_boolean(value) ? json_is_true(value) : fallback;
}

void json_set_value(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new_nocheck(object, key, or_abort(value)) < 0)
		out_of_memory();
}

void json_append_value(json_t *array, json_t *value)
{
	if (json_array_append_new(array, or_abort(value)) < 0)
		out_of_memory();
}

void json_set_string_or_null(json_t *object, const char *key, const char *value)
{
	json_set_value(object, key, json_new_string(value));
}

void json_set_string(json_t *object, const char *key, const char *value)
{
	if (value)
		json_set_value(object, key, json_new_string(value));
}

void json_set_int(json_t *object, const char *key, int64_t value)
{
	json_set_value(object, key, json_integer(value));
}

void json_set_bool(json_t *object, const char *key, bool value)
{
	json_set_value(object, key, json_boolean(value));
}
