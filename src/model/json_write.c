/*
 * The writer. jansson's prints 0.1 as 0.10000000000000001, which an engine with exact decimals
 * takes for another number than the user's.
 */
#include <stdlib.h>
#include <string.h>

#include "model/json.h"

void json_format_real(double value, char ret[32])
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(ret, 30, "%.*g", digits, value);
		if (strtod(ret, NULL) == value)
			break;
	}
	if (!strchr(ret, '.')) {
		size_t exponent = strcspn(ret, "e");
		memmove(ret + exponent + 2, ret + exponent, strlen(ret + exponent) + 1);
		memcpy(ret + exponent, ".0", 2);
	}
}

static void write_string(struct strbuf *buffer, const char *text, size_t size)
{
	static const char *const short_escapes[] = {
		['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
		['\n'] = "\\n", ['\r'] = "\\r",	 ['\t'] = "\\t",
	};

	strbuf_addch(buffer, '"');
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)text[i];
		if (byte < ARRAY_SIZE(short_escapes) && short_escapes[byte])
			strbuf_addstr(buffer, short_escapes[byte]);
		else if (byte < 0x20 || byte == 0x7f)
			strbuf_addf(buffer, "\\u%04x", byte);
		else
			strbuf_addch(buffer, (char)byte);
	}
	strbuf_addch(buffer, '"');
}

static void new_line(struct strbuf *buffer, unsigned flags, unsigned level)
{
	if (!(flags & JSON_WRITE_INDENT))
		return;
	strbuf_addch(buffer, '\n');
	for (unsigned i = 0; i < level; i++)
		strbuf_addstr(buffer, "  ");
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_value(struct strbuf *buffer, const json_t *value, unsigned flags, unsigned level);

static void write_object(struct strbuf *buffer, const json_t *object, unsigned flags,
			 unsigned level)
{
	size_t count = json_object_size(object);
	_cleanup_free_ const char **keys = xmalloc(MAX(count, (size_t)1) * sizeof(*keys));
	size_t i = 0;
	const char *key;
	json_t *member;
	json_object_foreach((json_t *)object, key, member) keys[i++] = key;
	if (flags & JSON_WRITE_SORTED)
		qsort(keys, count, sizeof(*keys), compare_keys);

	strbuf_addch(buffer, '{');
	for (i = 0; i < count; i++) {
		if (i > 0)
			strbuf_addch(buffer, ',');
		new_line(buffer, flags, level + 1);
		write_string(buffer, keys[i], strlen(keys[i]));
		strbuf_addstr(buffer, flags & JSON_WRITE_INDENT ? ": " : ":");
		write_value(buffer, json_object_get(object, keys[i]), flags, level + 1);
	}
	if (count > 0)
		new_line(buffer, flags, level);
	strbuf_addch(buffer, '}');
}

static void write_array(struct strbuf *buffer, const json_t *array, unsigned flags, unsigned level)
{
	size_t i;
	json_t *element;
	strbuf_addch(buffer, '[');
	json_array_foreach(array, i, element)
	{
		if (i > 0)
			strbuf_addch(buffer, ',');
		new_line(buffer, flags, level + 1);
		write_value(buffer, element, flags, level + 1);
	}
	if (json_array_size(array) > 0)
		new_line(buffer, flags, level);
	strbuf_addch(buffer, ']');
}

static void write_value(struct strbuf *buffer, const json_t *value, unsigned flags, unsigned level)
{
	char real[32];

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		write_object(buffer, value, flags, level);
		break;
	case JSON_ARRAY:
		write_array(buffer, value, flags, level);
		break;
	case JSON_STRING:
		write_string(buffer, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
		strbuf_addf(buffer, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		json_format_real(json_real_value(value), real);
		strbuf_addstr(buffer, real);
		break;
	case JSON_TRUE:
		strbuf_addstr(buffer, "true");
		break;
	case JSON_FALSE:
		strbuf_addstr(buffer, "false");
		break;
	case JSON_NULL:
		strbuf_addstr(buffer, "null");
		break;
	}
}

void json_write(struct strbuf *buffer, const json_t *value, unsigned flags)
{
	write_value(buffer, value, flags, 0);
}

char *json_to_text(const json_t *value, unsigned flags)
{
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	json_write(&buffer, value, flags);
	return strbuf_detach(&buffer, NULL);
}

char *json_to_canonical(const json_t *value)
{
	return json_to_text(value, JSON_WRITE_SORTED);
}
