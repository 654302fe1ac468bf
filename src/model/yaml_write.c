/* JSON values as YAML for people: block style, with as few quotes as a careful reader needs. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/strutil.h"
#include "base/utf8.h"
#include "model/json.h"
#include "model/yaml.h"
#include "model/yaml_scalar.h"

/* A reader looks no further for the ":" of a simple key than 1024 characters. */
#define SIMPLE_KEY_MAX 900

static uint32_t decode(const char *text, size_t length)
{
	unsigned char first = (unsigned char)text[0];
	uint32_t code = length == 1 ? first : first & (0x7fU >> length);
	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return code;
}

/* May it stand unescaped anywhere but at a line's end? Line breaks of any kind may not. */
static bool is_printable(uint32_t code)
{
	return code == '\t' || (code >= 0x20 && code <= 0x7e) ||
	       (code >= 0xa0 && code <= 0xd7ff && code != 0x2028 && code != 0x2029) ||
	       (code >= 0xe000 && code <= 0xfffd && code != 0xfeff) || code >= 0x10000;
}

static bool all_printable(const char *text, bool allow_newline)
{
	size_t size = strlen(text);
	for (size_t i = 0; i < size;) {
		size_t length = utf8_character(text + i, size - i);
		if (length == 0)
			return false;
		if (!is_printable(decode(text + i, length)) && !(allow_newline && text[i] == '\n'))
			return false;
		i += length;
	}
	return true;
}

/* Words that YAML 1.1 or 1.2 readers take for something else than text. */
static bool is_word(const char *text)
{
	static const char *const words[] = {"y",    "n",     "yes",  "no",  "on", "off",
					    "true", "false", "null", "nan", "inf"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

/* Digits, dates, 12:30, 1_000, 0x1f, 1e3 and their like, of any version. */
static bool looks_numeric(const char *text)
{
	if (!isdigit((unsigned char)text[0]) && !strchr("+-.", text[0]))
		return false;
	return strspn(text, "0123456789abcdefABCDEFxXoOtTzZ_:.+- ") == strlen(text) ||
	       !isdigit((unsigned char)text[0]);
}

static bool is_plain_safe(const char *text)
{
	size_t size = strlen(text);
	if (size == 0 || yaml_scalar_kind(text) != YAML_SCALAR_STRING || is_word(text) ||
	    looks_numeric(text))
		return false;
	if (strchr("-?:,[]{}#&*!|>'\"%@`=<~ \t", text[0]) || text[size - 1] == ' ' ||
	    text[size - 1] == ':')
		return false;
	if (strstr(text, ": ") || strstr(text, " #") || strchr(text, '\t'))
		return false;
	return all_printable(text, false);
}

static void write_double_quoted(struct strbuf *buffer, const char *text)
{
	size_t size = strlen(text);
	strbuf_addch(buffer, '"');
	for (size_t i = 0; i < size;) {
		size_t length = utf8_character(text + i, size - i);
		uint32_t code = decode(text + i, MAX(length, (size_t)1));
		if (code == '"' || code == '\\')
			strbuf_addf(buffer, "\\%c", (char)code);
		else if (code == '\n')
			strbuf_addstr(buffer, "\\n");
		else if (code == '\t')
			strbuf_addstr(buffer, "\\t");
		else if (is_printable(code))
			strbuf_add(buffer, text + i, length);
		else if (code < 0x100)
			strbuf_addf(buffer, "\\x%02x", code);
		else
			strbuf_addf(buffer, "\\u%04x", code);
		i += MAX(length, (size_t)1);
	}
	strbuf_addch(buffer, '"');
}

static void write_inline_string(struct strbuf *buffer, const char *text)
{
	if (is_plain_safe(text)) {
		strbuf_addstr(buffer, text);
	} else if (!all_printable(text, false) || strchr(text, '\t')) {
		write_double_quoted(buffer, text);
	} else {
		strbuf_addch(buffer, '\'');
		for (; *text; text++) {
			if (*text == '\'')
				strbuf_addch(buffer, '\'');
			strbuf_addch(buffer, *text);
		}
		strbuf_addch(buffer, '\'');
	}
}

static void indent(struct strbuf *buffer, unsigned level)
{
	for (unsigned i = 0; i < level; i++)
		strbuf_addstr(buffer, "  ");
}

static bool is_block(const char *text)
{
	return strchr(text, '\n') && strspn(text, "\n") != strlen(text) &&
	       all_printable(text, true);
}

/* level is that of the lines of text, one more than the parent's. */
static void write_block_string(struct strbuf *buffer, const char *text, unsigned level)
{
	size_t size = strlen(text);
	bool needs_indicator = strchr(" \t\n", text[0]);
	strbuf_addstr(buffer, needs_indicator ? "|2" : "|");
	if (text[size - 1] != '\n')
		strbuf_addch(buffer, '-');
	else if (text[size - 2] == '\n')
		strbuf_addch(buffer, '+');
	strbuf_addch(buffer, '\n');

	while (*text) {
		size_t length = strcspn(text, "\n");
		if (length > 0) {
			indent(buffer, level);
			strbuf_add(buffer, text, length);
		}
		strbuf_addch(buffer, '\n');
		text += length;
		if (*text)
			text++;
	}
}

static void write_members(struct strbuf *buffer, const json_t *value, unsigned level);

static bool is_filled_container(const json_t *value)
{
	return json_array_size(value) > 0 || json_object_size(value) > 0;
}

/* A value that fits behind "key: " or "- ", with its newline. level is the parent's. */
static void write_leaf(struct strbuf *buffer, const json_t *value, unsigned level)
{
	if (json_is_string(value)) {
		const char *text = json_string_value(value);
		if (is_block(text)) {
			write_block_string(buffer, text, level + 1);
			return;
		}
		write_inline_string(buffer, text);
	} else {
		json_write(buffer, value, JSON_WRITE_COMPACT);
	}
	strbuf_addch(buffer, '\n');
}

static void write_object(struct strbuf *buffer, const json_t *object, unsigned level,
			 bool first_is_indented)
{
	const char *key;
	json_t *member;
	json_object_foreach((json_t *)object, key, member)
	{
		if (!first_is_indented)
			indent(buffer, level);
		first_is_indented = false;

		bool simple = strlen(key) <= SIMPLE_KEY_MAX;
		if (!simple)
			strbuf_addstr(buffer, "? ");
		write_inline_string(buffer, key);
		if (!simple) {
			strbuf_addch(buffer, '\n');
			indent(buffer, level);
		}
		strbuf_addch(buffer, ':');
		if (is_filled_container(member)) {
			strbuf_addch(buffer, '\n');
			write_members(buffer, member, level + 1);
		} else {
			strbuf_addch(buffer, ' ');
			write_leaf(buffer, member, level);
		}
	}
}

static void write_array(struct strbuf *buffer, const json_t *array, unsigned level)
{
	size_t i;
	json_t *element;
	json_array_foreach(array, i, element)
	{
		indent(buffer, level);
		if (json_object_size(element) > 0) {
			strbuf_addstr(buffer, "- ");
			write_object(buffer, element, level + 1, true);
		} else if (json_array_size(element) > 0) {
			strbuf_addstr(buffer, "-\n");
			write_array(buffer, element, level + 1);
		} else {
			strbuf_addstr(buffer, "- ");
			write_leaf(buffer, element, level);
		}
	}
}

static void write_members(struct strbuf *buffer, const json_t *value, unsigned level)
{
	if (json_is_object(value))
		write_object(buffer, value, level, false);
	else
		write_array(buffer, value, level);
}

void yaml_write(struct strbuf *buffer, const json_t *value)
{
	if (is_filled_container(value)) {
		write_members(buffer, value, 0);
	} else if (json_is_string(value)) {
		write_double_quoted(buffer, json_string_value(value));
		strbuf_addch(buffer, '\n');
	} else {
		json_write(buffer, value, JSON_WRITE_COMPACT);
		strbuf_addch(buffer, '\n');
	}
}

char *yaml_to_text(const json_t *value)
{
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	yaml_write(&buffer, value);
	return strbuf_detach(&buffer, NULL);
}
