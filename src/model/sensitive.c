/* Secret values in documents. */
#include "model/sensitive.h"

#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "model/json.h"

static void collect(const json_t *value, const char *pointer, char *const *parts, json_t *found)
{
	if (!value || json_is_null(value))
		return;
	if (!*parts) {
		json_set_value(found, pointer, json_incref((json_t *)value));
		return;
	}

	bool every = streq(*parts, "*");
	size_t i;
	const char *key;
	json_t *member;
	json_object_foreach((json_t *)value, key, member)
	{
		_cleanup_free_ char *place = json_pointer_append(pointer, key);
		if (every || streq(*parts, key))
			collect(member, place, parts + 1, found);
	}
	json_array_foreach(value, i, member)
	{
		_cleanup_free_ char *place = json_pointer_append_index(pointer, i);
		if (every || streq(*parts, place + strlen(pointer) + 1))
			collect(member, place, parts + 1, found);
	}
}

json_t *sensitive_collect(const json_t *root, char *const *patterns)
{
	json_t *found = json_new_object();
	for (; patterns && *patterns; patterns++) {
		_cleanup_strv_ char **parts = NULL;
		if (json_pointer_split(*patterns, &parts) && parts)
			collect(root, "", parts, found);
	}
	return found;
}

void sensitive_replace(json_t *root, const json_t *values)
{
	const char *pointer;
	json_t *value;
	json_object_foreach((json_t *)values, pointer, value) if (json_pointer_get(root, pointer))(
		void) json_pointer_set(root, pointer, json_incref(value));
}

static bool is_reference(const json_t *value)
{
	const char *text = json_string_value(value);
	return (text && startswith(text, "$secret/")) ||
	       (json_object_size(value) == 1 && json_object_get(value, "valueFrom"));
}

bool sensitive_is_clear(const json_t *value)
{
	return !json_is_null(value) && !is_reference(value) && !sealed_marker_text(value);
}

void sensitive_mask(json_t *root, char *const *patterns)
{
	_cleanup_json_ json_t *found = sensitive_collect(root, patterns);
	const char *pointer;
	json_t *value;
	json_object_foreach(found, pointer, value) if (!is_reference(value))(void)
		json_pointer_set(root, pointer, json_new_string(SENSITIVE_MASK));
}

json_t *sealed_marker_new(const char *text)
{
	json_t *marker = json_new_object();
	json_set_string(marker, SEALED_KEY, text);
	return marker;
}

const char *sealed_marker_text(const json_t *value)
{
	return json_object_size(value) == 1 ? json_string_value(json_object_get(value, SEALED_KEY))
					    : NULL;
}

json_t *sensitive_map(const json_t *values,
		      json_t *(*fn)(const char *pointer, const json_t *value, void *ctx), void *ctx)
{
	_cleanup_json_ json_t *result = json_new_object();
	const char *pointer;
	json_t *value;
	json_object_foreach((json_t *)values, pointer, value)
	{
		json_t *mapped = fn(pointer, value, ctx);
		if (!mapped)
			return NULL;
		json_set_value(result, pointer, mapped);
	}
	return TAKE_PTR(result);
}

static json_t *find_marker(const char *pointer, const json_t *value, void *ctx)
{
	if (sealed_marker_text(value))
		json_set_value(ctx, pointer, json_incref((json_t *)value));
	return NULL;
}

json_t *sealed_collect(const json_t *root)
{
	json_t *found = json_new_object();
	json_decref(json_copy_with(root, find_marker, found));
	return found;
}
