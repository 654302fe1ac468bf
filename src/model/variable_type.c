/* A walk over a type expression and a value together. */
#include "model/variable_type.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strutil.h"
#include "model/json.h"

#define MAX_NESTING 64
#define MAX_NAME    128

struct cursor {
	const char *at;
	unsigned depth;
	bool failed;
};

static void skip_blanks(struct cursor *cursor)
{
	for (;;) {
		cursor->at += strspn(cursor->at, " \t\r\n");
		bool comment = *cursor->at == '#' || (cursor->at[0] == '/' && cursor->at[1] == '/');
		if (!comment)
			return;
		cursor->at += strcspn(cursor->at, "\n");
	}
}

static bool accept(struct cursor *cursor, char expected)
{
	skip_blanks(cursor);
	if (*cursor->at != expected)
		return false;
	cursor->at++;
	return true;
}

static void expect(struct cursor *cursor, char expected)
{
	if (!accept(cursor, expected))
		cursor->failed = true;
}

/* An identifier, or an attribute's name in quotes. */
static void read_name(struct cursor *cursor, char ret[MAX_NAME])
{
	skip_blanks(cursor);
	bool quoted = *cursor->at == '"';
	const char *start = cursor->at + quoted;
	size_t length = 0;
	while (isalnum((unsigned char)start[length]) || start[length] == '_' ||
	       start[length] == '-')
		length++;
	if (length == 0 || length >= MAX_NAME || (quoted && start[length] != '"')) {
		cursor->failed = true;
		ret[0] = '\0';
		return;
	}
	memcpy(ret, start, length);
	ret[length] = '\0';
	cursor->at = start + length + quoted;
}

/* The default of optional(): up to the parenthesis that closes it. */
static void skip_default(struct cursor *cursor)
{
	unsigned open = 0;
	for (; *cursor->at; cursor->at++) {
		char c = *cursor->at;
		if (c == '"') {
			for (cursor->at++; *cursor->at && *cursor->at != '"'; cursor->at++)
				if (*cursor->at == '\\' && cursor->at[1])
					cursor->at++;
			if (!*cursor->at)
				break;
		} else if (strchr("([{", c)) {
			open++;
		} else if (strchr(")]}", c)) {
			if (open == 0)
				return;
			open--;
		}
	}
	cursor->failed = true;
}

static json_t *copy(const json_t *value)
{
	json_t *result = json_deep_copy(value);
	if (!result)
		out_of_memory();
	return result;
}

static json_t *adapt(struct cursor *cursor, const json_t *value);

static json_t *adapt_primitive(const json_t *value)
{
	const json_t *inner = json_object_size(value) == 1 ? json_object_get(value, "value") : NULL;
	return copy(inner ? inner : value);
}

/* list(T), set(T), map(T): T is walked once for each member, and once more to get past it. */
static json_t *adapt_collection(struct cursor *cursor, const json_t *value)
{
	expect(cursor, '(');
	struct cursor element = *cursor;
	json_decref(adapt(cursor, NULL));
	expect(cursor, ')');

	size_t i;
	const char *key;
	json_t *member;
	if (json_is_array(value)) {
		json_t *result = json_new_array();
		json_array_foreach(value, i, member)
		{
			struct cursor again = element;
			json_append_value(result, adapt(&again, member));
		}
		return result;
	}
	if (json_is_object(value)) {
		json_t *result = json_new_object();
		json_object_foreach((json_t *)value, key, member)
		{
			struct cursor again = element;
			json_set_value(result, key, adapt(&again, member));
		}
		return result;
	}
	return copy(value);
}

static json_t *adapt_object(struct cursor *cursor, const json_t *value)
{
	_cleanup_json_ json_t *result = copy(value);
	bool has_value = false;

	expect(cursor, '(');
	expect(cursor, '{');
	while (!cursor->failed && !accept(cursor, '}')) {
		char name[MAX_NAME];
		read_name(cursor, name);
		if (!accept(cursor, '='))
			expect(cursor, ':');
		has_value |= streq(name, "value");
		const json_t *member = json_object_get(value, name);
		json_t *adapted = adapt(cursor, member);
		if (member)
			json_set_value(result, name, adapted);
		else
			json_decref(adapted);
		(void)accept(cursor, ',');
	}
	expect(cursor, ')');

	if (!has_value || json_is_object(value) || json_is_null(value))
		return TAKE_PTR(result);
	json_t *wrapped = json_new_object();
	json_set_value(wrapped, "value", TAKE_PTR(result));
	return wrapped;
}

static json_t *adapt_tuple(struct cursor *cursor, const json_t *value)
{
	json_t *result = copy(value);
	size_t index = 0;
	expect(cursor, '(');
	expect(cursor, '[');
	while (!cursor->failed && !accept(cursor, ']')) {
		const json_t *element = json_array_get(value, index);
		json_t *adapted = adapt(cursor, element);
		if (element)
			json_array_set_new(result, index, adapted);
		else
			json_decref(adapted);
		index++;
		(void)accept(cursor, ',');
	}
	expect(cursor, ')');
	return result;
}

static json_t *adapt_optional(struct cursor *cursor, const json_t *value)
{
	expect(cursor, '(');
	json_t *result = adapt(cursor, value);
	if (accept(cursor, ','))
		skip_default(cursor);
	expect(cursor, ')');
	return result;
}

/* Value NULL only moves the cursor; the result is a null then. */
static json_t *adapt(struct cursor *cursor, const json_t *given)
{
	const json_t *value = given ? given : json_null();
	char name[MAX_NAME];
	json_t *result;

	if (cursor->failed || ++cursor->depth > MAX_NESTING) {
		cursor->failed = true;
		return copy(value);
	}
	read_name(cursor, name);
	if (streq(name, "string") || streq(name, "number") || streq(name, "bool"))
		result = adapt_primitive(value);
	else if (streq(name, "list") || streq(name, "set") || streq(name, "map"))
		result = adapt_collection(cursor, value);
	else if (streq(name, "object"))
		result = adapt_object(cursor, value);
	else if (streq(name, "tuple"))
		result = adapt_tuple(cursor, value);
	else if (streq(name, "optional"))
		result = adapt_optional(cursor, value);
	else {
		cursor->failed |= !streq(name, "any");
		result = copy(value);
	}
	cursor->depth--;
	return result;
}

json_t *variable_type_adapt(const char *type, const json_t *value)
{
	struct cursor cursor = {.at = type};
	_cleanup_json_ json_t *result = adapt(&cursor, value);
	skip_blanks(&cursor);
	return cursor.failed || *cursor.at ? copy(value) : TAKE_PTR(result);
}
