/* A small JSONPath: paths become lists of values step by step. */
#include "cli/jsonpath.h"

#include <stdint.h>
#include <string.h>

#include "base/parse.h"
#include "base/strutil.h"
#include "model/json.h"

struct values {
	const json_t **items;
	size_t count;
};

static void values_release(struct values *v)
{
	free(v->items);
}

static void values_add(struct values *v, const json_t *value)
{
	if (!value)
		return;
	v->items = xreallocarray(v->items, v->count + 1, sizeof(*v->items));
	v->items[v->count++] = value;
}

static void add_all_members(struct values *to, const json_t *value)
{
	size_t i;
	const char *key;
	json_t *member;
	json_array_foreach((json_t *)value, i, member) values_add(to, member);
	json_object_foreach((json_t *)value, key, member) values_add(to, member);
}

static const json_t *element(const json_t *value, int64_t index)
{
	int64_t size = (int64_t)json_array_size(value);
	if (index < 0)
		index += size;
	return index >= 0 && index < size ? json_array_get(value, (size_t)index) : NULL;
}

/* Replaces v by what one step leads to: a name, "*" or "[...]". */
static void apply_step(struct values *v, const char *step, size_t size, bool bracket)
{
	_cleanup_free_ char *name = xstrndup(step, size);
	int64_t index;
	struct values next = {0};
	bool quoted = bracket && size >= 2 && (step[0] == '\'' || step[0] == '"');
	if (quoted) {
		name[size - 1] = '\0';
		memmove(name, name + 1, size - 1);
	}
	for (size_t i = 0; i < v->count; i++) {
		if (!quoted && streq(name, "*"))
			add_all_members(&next, v->items[i]);
		else if (bracket && !quoted && parse_i64(name, &index) == 0)
			values_add(&next, element(v->items[i], index));
		else
			values_add(&next, json_object_get(v->items[i], name));
	}
	values_release(v);
	*v = next;
}

static int walk(const char *path, size_t size, const json_t *root, struct values *v,
		struct error **err)
{
	values_add(v, root);
	size_t i = size && path[0] == '$' ? 1 : 0;
	while (i < size) {
		if (path[i] == '[') {
			const char *end = memchr(path + i, ']', size - i);
			if (!end)
				return error_set(err, ERROR_INVALID_ARGUMENT,
						 "jsonpath: \"[\" without \"]\" in %.*s", (int)size,
						 path);
			size_t to = (size_t)(end - path);
			apply_step(v, path + i + 1, to - i - 1, true);
			i = to + 1;
			continue;
		}
		if (path[i] == '.')
			i++;
		size_t from = i;
		while (i < size && path[i] != '.' && path[i] != '[')
			i++;
		if (i > from)
			apply_step(v, path + from, i - from, false);
	}
	return 0;
}

void json_add_plain(struct strbuf *out, const json_t *value)
{
	if (json_is_string(value))
		strbuf_addstr(out, json_string_value(value));
	else if (value && !json_is_null(value))
		json_write(out, value, JSON_WRITE_COMPACT);
}

const json_t *jsonpath_first(const json_t *value, const char *path)
{
	_cleanup_(values_release) struct values v = {0};
	if (walk(path, strlen(path), value, &v, NULL) < 0 || !v.count)
		return NULL;
	return v.items[0];
}

/* {"text"}: JSON's escapes. */
static int write_literal(struct strbuf *out, const char *text, size_t size, struct error **err)
{
	_cleanup_json_ json_t *literal = NULL;
	_cleanup_free_ char *copy = xstrndup(text, size);
	if (copy[0] == '\'' && size >= 2)
		copy[0] = copy[size - 1] = '"';
	literal = json_loads(copy, JSON_DECODE_ANY, NULL);
	if (!json_is_string(literal))
		return error_set(err, ERROR_INVALID_ARGUMENT, "jsonpath: bad text {%s}", copy);
	strbuf_addstr(out, json_string_value(literal));
	return 0;
}

int jsonpath_write(struct strbuf *out, const char *template, const json_t *value,
		   struct error **err)
{
	if (!strchr(template, '{')) {
		_cleanup_free_ char *whole = xasprintf("{%s}", template);
		return jsonpath_write(out, whole, value, err);
	}
	for (const char *p = template; *p;) {
		if (*p != '{') {
			size_t n = strcspn(p, "{");
			strbuf_add(out, p, n);
			p += n;
			continue;
		}
		const char *end = strchr(p, '}');
		if (!end)
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "jsonpath: \"{\" without \"}\" in %s", template);
		size_t size = (size_t)(end - p - 1);
		_cleanup_(values_release) struct values v = {0};
		int r = p[1] == '"' || p[1] == '\'' ? write_literal(out, p + 1, size, err)
						    : walk(p + 1, size, value, &v, err);
		if (r < 0)
			return r;
		for (size_t i = 0; i < v.count; i++) {
			if (i)
				strbuf_addch(out, ' ');
			json_add_plain(out, v.items[i]);
		}
		p = end + 1;
	}
	return 0;
}
