/*
 * libyaml's events to JSON values. Everything that an author could make large is counted as it
 * comes: levels, values, and the bytes that aliases multiply ("billion laughs").
 */
#include "model/yaml.h"

#include <ctype.h>
#include <string.h>

#include <yaml.h>

#include "base/hashmap.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "base/utf8.h"
#include "model/json.h"
#include "model/yaml_scalar.h"

#define STANDARD_TAG "tag:yaml.org,2002:"

/* Of a value; children are in the order of the value's members. What an alias made has none. */
struct position {
	unsigned line, column;
	struct position *children;
	size_t count;
};

struct document {
	json_t *root;
	struct position position;
};

struct yaml_text {
	struct document *documents;
	size_t count;
};

/* A container that is not closed yet. */
struct frame {
	json_t *container;
	struct position position;
	char *anchor;
	char *key; /* of the member whose value comes next */
	struct position key_position;
};

struct reader {
	yaml_parser_t parser;
	yaml_event_t event;
	bool has_event;
	struct yaml_text *yaml;
	struct frame frames[YAML_MAX_NESTING];
	size_t depth;
	struct hashmap *anchors; /* name -> json_t, one reference each */
	size_t values, bytes;
	struct error **err;
};

static void position_release(struct position *position)
{
	for (size_t i = 0; i < position->count; i++)
		position_release(&position->children[i]);
	free(position->children);
}

void yaml_text_free(struct yaml_text *yaml)
{
	if (!yaml)
		return;
	for (size_t i = 0; i < yaml->count; i++) {
		json_decref(yaml->documents[i].root);
		position_release(&yaml->documents[i].position);
	}
	free(yaml->documents);
	free(yaml);
}

static void reader_next_event(struct reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = false;
}

static void reader_release(struct reader *reader)
{
	reader_next_event(reader);
	yaml_parser_delete(&reader->parser);
	for (size_t i = 0; i < reader->depth; i++) {
		json_decref(reader->frames[i].container);
		position_release(&reader->frames[i].position);
		free(reader->frames[i].anchor);
		free(reader->frames[i].key);
	}
	hashmap_free(reader->anchors);
	yaml_text_free(reader->yaml);
}

static void release_anchor(void *value)
{
	json_decref(value);
}

static struct position event_position(const struct reader *reader)
{
	return (struct position){
		.line = (unsigned)reader->event.start_mark.line + 1,
		.column = (unsigned)reader->event.start_mark.column + 1,
	};
}

static int fail(struct reader *reader, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct reader *reader, enum error_code code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *text = xvasprintf(format, arguments);
	va_end(arguments);
	struct position at = event_position(reader);
	return error_set(reader->err, code, "line %u, column %u: %s", at.line, at.column, text);
}

static int count(struct reader *reader, size_t values, size_t bytes)
{
	reader->values += values;
	reader->bytes += bytes;
	if (reader->values > YAML_MAX_VALUES)
		return fail(reader, ERROR_TOO_LARGE,
			    "more than %d values, aliases counted at each use", YAML_MAX_VALUES);
	if (reader->bytes > YAML_MAX_EXPANSION)
		return fail(reader, ERROR_TOO_LARGE, "aliases make more than %zu bytes of text",
			    YAML_MAX_EXPANSION);
	return 0;
}

static size_t count_bytes(const json_t *value)
{
	size_t bytes = json_is_string(value) ? json_string_length(value) : 0;
	size_t i;
	const char *key;
	json_t *member;
	json_array_foreach(value, i, member) bytes += count_bytes(member);
	json_object_foreach((json_t *)value, key, member) bytes +=
		strlen(key) + count_bytes(member);
	return bytes;
}

static void set_anchor(struct reader *reader, const char *anchor, json_t *value)
{
	if (anchor)
		hashmap_put(reader->anchors, anchor, json_incref(value));
}

static void add_child(struct position *parent, struct position child)
{
	/* Grows by doubling whenever the count reaches a power of two. */
	if ((parent->count & (parent->count - 1)) == 0)
		parent->children = xreallocarray(parent->children,
						 MAX(parent->count * 2, (size_t)1), sizeof(child));
	parent->children[parent->count++] = child;
}

/* Steals value and position. */
static void put_value(struct reader *reader, json_t *value, struct position position)
{
	if (reader->depth == 0) {
		struct yaml_text *yaml = reader->yaml;
		yaml->documents =
			xreallocarray(yaml->documents, yaml->count + 1, sizeof(*yaml->documents));
		yaml->documents[yaml->count++] = (struct document){value, position};
		return;
	}
	struct frame *frame = &reader->frames[reader->depth - 1];
	if (json_is_array(frame->container)) {
		json_append_value(frame->container, value);
	} else {
		json_set_value(frame->container, frame->key, value);
		free(TAKE_PTR(frame->key));
		position.line = frame->key_position.line;
		position.column = frame->key_position.column;
	}
	add_child(&frame->position, position);
}

static bool expects_key(const struct reader *reader)
{
	if (reader->depth == 0)
		return false;
	const struct frame *frame = &reader->frames[reader->depth - 1];
	return json_is_object(frame->container) && !frame->key;
}

static int read_key(struct reader *reader)
{
	const char *key = (const char *)reader->event.data.scalar.value;
	size_t length = reader->event.data.scalar.length;
	bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct frame *frame = &reader->frames[reader->depth - 1];

	if (strlen(key) != length)
		return fail(reader, ERROR_INVALID_ARGUMENT, "a key holds a NUL character");
	if (plain && length == 0)
		return fail(reader, ERROR_INVALID_ARGUMENT, "a key is missing");
	if (plain && streq(key, "<<"))
		return fail(reader, ERROR_INVALID_ARGUMENT,
			    "merge keys (<<) are not supported; write the keys out");
	if (json_object_get(frame->container, key))
		return fail(reader, ERROR_INVALID_ARGUMENT, "duplicate key \"%.100s\"", key);
	int r = count(reader, 0, length);
	if (r < 0)
		return r;
	frame->key = xstrdup(key);
	frame->key_position = event_position(reader);
	return 0;
}

/* The kind that an explicit tag asks for, given what the text looks like. */
static int apply_tag(struct reader *reader, const char *tag, enum yaml_scalar *kind)
{
	const char *type = startswith(tag, STANDARD_TAG);
	bool fits;

	if (streq(tag, "!") || (type && streq(type, "str"))) {
		*kind = YAML_SCALAR_STRING;
		return 0;
	}
	if (!type)
		return fail(reader, ERROR_INVALID_ARGUMENT, "tag %.100s is not supported", tag);
	if (streq(type, "float") && *kind == YAML_SCALAR_INTEGER)
		*kind = YAML_SCALAR_REAL;
	if (streq(type, "null"))
		fits = *kind == YAML_SCALAR_NULL;
	else if (streq(type, "bool"))
		fits = *kind == YAML_SCALAR_TRUE || *kind == YAML_SCALAR_FALSE;
	else if (streq(type, "int"))
		fits = *kind == YAML_SCALAR_INTEGER;
	else if (streq(type, "float"))
		fits = *kind == YAML_SCALAR_REAL;
	else
		return fail(reader, ERROR_INVALID_ARGUMENT, "tag !!%.100s is not supported", type);
	return fits ? 0 : fail(reader, ERROR_INVALID_ARGUMENT, "the value is no !!%s", type);
}

static int read_scalar(struct reader *reader)
{
	const char *text = (const char *)reader->event.data.scalar.value;
	const char *tag = (const char *)reader->event.data.scalar.tag;
	size_t length = reader->event.data.scalar.length;

	if (expects_key(reader))
		return read_key(reader);
	if (strlen(text) != length)
		return fail(reader, ERROR_INVALID_ARGUMENT, "a value holds a NUL character");

	bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	enum yaml_scalar kind = plain || tag ? yaml_scalar_kind(text) : YAML_SCALAR_STRING;
	int r = tag ? apply_tag(reader, tag, &kind) : 0;
	if (r >= 0)
		r = count(reader, 1, length);
	if (r < 0)
		return r;
	if (reader->depth == 0 && plain && length == 0)
		return 0;

	json_t *value = NULL;
	if (yaml_scalar_value(text, kind, &value) < 0)
		return fail(reader, ERROR_INVALID_ARGUMENT,
			    "%.100s is no number that JSON and 64 bits can hold; quote it", text);
	set_anchor(reader, (const char *)reader->event.data.scalar.anchor, value);
	put_value(reader, value, event_position(reader));
	return 0;
}

static int open_container(struct reader *reader, json_t *new_container, const yaml_char_t *anchor,
			  const yaml_char_t *tag, const char *expected_tag)
{
	_cleanup_json_ json_t *container = new_container;

	if (expects_key(reader))
		return fail(reader, ERROR_INVALID_ARGUMENT,
			    "a key must be a plain value, not a list or a map");
	if (tag && !streq((const char *)tag, "!") && !streq((const char *)tag, expected_tag))
		return fail(reader, ERROR_INVALID_ARGUMENT, "tag %.100s is not supported",
			    (const char *)tag);
	if (reader->depth == YAML_MAX_NESTING)
		return fail(reader, ERROR_TOO_LARGE, "nested deeper than the limit of %d levels",
			    YAML_MAX_NESTING);
	int r = count(reader, 1, 0);
	if (r < 0)
		return r;
	reader->frames[reader->depth++] = (struct frame){
		.container = TAKE_PTR(container),
		.position = event_position(reader),
		.anchor = xstrdup_null((const char *)anchor),
	};
	return 0;
}

static int close_container(struct reader *reader)
{
	struct frame frame = reader->frames[--reader->depth];
	/* Known only from here on: a container cannot hold itself. */
	set_anchor(reader, frame.anchor, frame.container);
	free(frame.anchor);
	put_value(reader, frame.container, frame.position);
	return 0;
}

static int read_alias(struct reader *reader)
{
	const char *name = (const char *)reader->event.data.alias.anchor;
	if (expects_key(reader))
		return fail(reader, ERROR_INVALID_ARGUMENT,
			    "a key must be a plain value, not an alias");
	const json_t *target = hashmap_get(reader->anchors, name);
	if (!target)
		return fail(reader, ERROR_INVALID_ARGUMENT,
			    "alias *%.100s has no anchor that ends before it", name);
	if (reader->depth + json_nesting(target) > YAML_MAX_NESTING)
		return fail(reader, ERROR_TOO_LARGE,
			    "aliases nest deeper than the limit of %d levels", YAML_MAX_NESTING);
	int r = count(reader, json_count_values(target), count_bytes(target));
	if (r < 0)
		return r;
	json_t *copy = json_deep_copy(target);
	if (!copy)
		out_of_memory();
	put_value(reader, copy, event_position(reader));
	return 0;
}

static int read_event(struct reader *reader)
{
	const yaml_event_t *event = &reader->event;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (reader->yaml->count == YAML_MAX_DOCUMENTS)
			return fail(reader, ERROR_TOO_LARGE, "more than %d documents",
				    YAML_MAX_DOCUMENTS);
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		hashmap_free(reader->anchors);
		reader->anchors = hashmap_new(release_anchor);
		return 0;
	case YAML_ALIAS_EVENT:
		return read_alias(reader);
	case YAML_SCALAR_EVENT:
		return read_scalar(reader);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(reader, json_new_array(), event->data.sequence_start.anchor,
				      event->data.sequence_start.tag, STANDARD_TAG "seq");
	case YAML_MAPPING_START_EVENT:
		return open_container(reader, json_new_object(), event->data.mapping_start.anchor,
				      event->data.mapping_start.tag, STANDARD_TAG "map");
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(reader);
	default:
		return 0;
	}
}

static unsigned line_of_offset(const char *text, size_t offset)
{
	unsigned line = 1;
	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static void syntax_error(const struct reader *reader, const char *text, size_t size)
{
	const yaml_parser_t *parser = &reader->parser;
	if (parser->error == YAML_MEMORY_ERROR)
		out_of_memory();
	if (parser->error == YAML_READER_ERROR)
		error_set(reader->err, ERROR_INVALID_ARGUMENT, "line %u: %s",
			  line_of_offset(text, MIN(parser->problem_offset, size)), parser->problem);
	else
		error_set(reader->err, ERROR_INVALID_ARGUMENT, "line %zu, column %zu: %s%s%s",
			  parser->problem_mark.line + 1, parser->problem_mark.column + 1,
			  parser->problem, parser->context ? " " : "",
			  parser->context ? parser->context : "");
}

static int check_bytes(const char *text, size_t size, struct error **err)
{
	if (size > YAML_MAX_SIZE)
		return error_set(err, ERROR_TOO_LARGE, "the text has %zu bytes; the limit is %zu",
				 size, YAML_MAX_SIZE);

	const char *nul = memchr(text, '\0', size);
	if (nul)
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "line %u: NUL byte (is the text UTF-8?)",
				 line_of_offset(text, (size_t)(nul - text)));
	if (utf8_is_valid(text, size))
		return 0;
	size_t at = 0;
	for (size_t length; (length = utf8_character(text + at, size - at)) > 0;)
		at += length;
	return error_set(err, ERROR_INVALID_ARGUMENT, "line %u: invalid UTF-8",
			 line_of_offset(text, at));
}

/* *ret_syntax: the text is no YAML, as opposed to YAML that is refused. */
static int read_events(const char *text, size_t size, struct yaml_text **ret, bool *ret_syntax,
		       struct error **err)
{
	_cleanup_(reader_release) struct reader reader = {
		.yaml = xcalloc(1, sizeof(*reader.yaml)),
		.anchors = hashmap_new(release_anchor),
		.err = err,
	};
	if (!yaml_parser_initialize(&reader.parser))
		out_of_memory();
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);

	for (;;) {
		reader_next_event(&reader);
		if (!yaml_parser_parse(&reader.parser, &reader.event)) {
			*ret_syntax = true;
			syntax_error(&reader, text, size);
			return -ERROR_INVALID_ARGUMENT;
		}
		reader.has_event = true;
		if (reader.event.type == YAML_STREAM_END_EVENT)
			break;
		int r = read_event(&reader);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(reader.yaml);
	return 0;
}

/* JSON that YAML readers stumble over (surrogate escapes, keys of more than 1024 characters). */
static int read_json(const char *text, size_t size, struct yaml_text **ret)
{
	_cleanup_json_ json_t *root = NULL;
	int r = json_parse(text, size, YAML_MAX_SIZE, &root, NULL);
	if (r < 0)
		return r;
	if (json_count_values(root) > YAML_MAX_VALUES)
		return -ERROR_TOO_LARGE;
	struct yaml_text *yaml = xcalloc(1, sizeof(*yaml));
	yaml->documents = xcalloc(1, sizeof(*yaml->documents));
	yaml->documents[0].root = TAKE_PTR(root);
	yaml->count = 1;
	*ret = yaml;
	return 0;
}

int yaml_parse(const char *text, size_t size, struct yaml_text **ret, struct error **err)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";

	int r = check_bytes(text, size, err);
	if (r < 0)
		return r;
	if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
		text += 3;
		size -= 3;
	}

	bool syntax = false;
	_cleanup_error_ struct error *problem = NULL;
	r = read_events(text, size, ret, &syntax, &problem);
	if (r >= 0)
		return 0;
	size_t blanks = 0;
	while (blanks < size && isspace((unsigned char)text[blanks]))
		blanks++;
	bool braces = blanks < size && (text[blanks] == '{' || text[blanks] == '[');
	if (syntax && braces && read_json(text, size, ret) >= 0)
		return 0;
	return error_move(err, &problem);
}

size_t yaml_count(const struct yaml_text *yaml)
{
	return yaml->count;
}

json_t *yaml_root(const struct yaml_text *yaml, size_t document)
{
	return yaml->documents[document].root;
}

/* Equal but for underscores and case. */
static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, "_");
		b += strspn(b, "_");
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

static json_t *find_member(json_t *value, const char *part, size_t *ret_index)
{
	const char *key;
	json_t *member;
	size_t index = 0;
	json_object_foreach(value, key, member)
	{
		if (same_name(key, part)) {
			*ret_index = index;
			return member;
		}
		index++;
	}
	json_array_foreach(value, index, member)
	{
		char number[24];
		snprintf(number, sizeof(number), "%zu", index);
		if (streq(number, part)) {
			*ret_index = index;
			return member;
		}
	}
	return NULL;
}

unsigned yaml_position(const struct yaml_text *yaml, size_t document, const char *pointer,
		       unsigned *ret_column)
{
	json_t *value = yaml->documents[document].root;
	const struct position *position = &yaml->documents[document].position;
	_cleanup_strv_ char **parts = NULL;

	if (json_pointer_split(pointer, &parts)) {
		for (size_t i = 0; parts && parts[i]; i++) {
			size_t index;
			value = find_member(value, parts[i], &index);
			if (!value || index >= position->count)
				break;
			position = &position->children[index];
		}
	}
	if (ret_column)
		*ret_column = position->column;
	return position->line;
}

int yaml_parse_one(const char *text, size_t size, json_t **ret, struct error **err)
{
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	int r = yaml_parse(text, size, &yaml, err);
	if (r < 0)
		return r;
	if (yaml->count != 1)
		return error_set(err, ERROR_INVALID_ARGUMENT, "one document expected, not %zu",
				 yaml->count);
	*ret = json_incref(yaml->documents[0].root);
	return 0;
}
