/* RFC 6901, and the deep copy that tells its callback where it is. */
#include <errno.h>
#include <string.h>

#include "base/parse.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "model/json.h"

bool json_pointer_split(const char *pointer, char ***ret_parts)
{
	_cleanup_strv_ char **parts = NULL;

	while (*pointer) {
		if (*pointer++ != '/')
			return false;
		_cleanup_strbuf_ struct strbuf part = STRBUF_INIT;
		for (; *pointer && *pointer != '/'; pointer++) {
			if (*pointer != '~') {
				strbuf_addch(&part, *pointer);
				continue;
			}
			pointer++;
			if (*pointer != '0' && *pointer != '1')
				return false;
			strbuf_addch(&part, *pointer == '0' ? '~' : '/');
		}
		strv_take(&parts, strbuf_detach(&part, NULL));
	}
	*ret_parts = TAKE_PTR(parts);
	return true;
}

static bool parse_index(const char *part, size_t *ret)
{
	uint64_t index;
	if ((part[0] == '0' && part[1]) || parse_u64(part, &index) < 0)
		return false;
	*ret = (size_t)index;
	return true;
}

static json_t *step(const json_t *at, const char *part)
{
	size_t index;
	if (json_is_object(at))
		return json_object_get(at, part);
	if (json_is_array(at) && parse_index(part, &index))
		return json_array_get(at, index);
	return NULL;
}

/* The value that `count` parts lead to. */
static json_t *walk(const json_t *root, char *const *parts, size_t count)
{
	const json_t *at = root;
	for (size_t i = 0; at && i < count; i++)
		at = step(at, parts[i]);
	return (json_t *)at;
}

json_t *json_pointer_get(const json_t *root, const char *pointer)
{
	_cleanup_strv_ char **parts = NULL;
	if (!json_pointer_split(pointer, &parts))
		return NULL;
	return walk(root, parts, strv_length(parts));
}

int json_pointer_set(json_t *root, const char *pointer, json_t *value)
{
	_cleanup_json_ json_t *owned = value;
	_cleanup_strv_ char **parts = NULL;
	if (!json_pointer_split(pointer, &parts) || !parts)
		return -EINVAL;

	size_t last = strv_length(parts) - 1;
	json_t *parent = walk(root, parts, last);
	if (!parent)
		return -ENOENT;
	if (json_is_object(parent)) {
		json_set_value(parent, parts[last], TAKE_PTR(owned));
		return 0;
	}
	if (!json_is_array(parent))
		return -EINVAL;
	if (streq(parts[last], "-")) {
		json_append_value(parent, TAKE_PTR(owned));
		return 0;
	}
	size_t index;
	if (!parse_index(parts[last], &index))
		return -EINVAL;
	return json_array_set_new(parent, index, TAKE_PTR(owned)) < 0 ? -ENOENT : 0;
}

int json_pointer_remove(json_t *root, const char *pointer)
{
	_cleanup_strv_ char **parts = NULL;
	if (!json_pointer_split(pointer, &parts) || !parts)
		return -EINVAL;

	size_t last = strv_length(parts) - 1;
	json_t *parent = walk(root, parts, last);
	size_t index;
	if (json_is_object(parent))
		return json_object_del(parent, parts[last]) < 0 ? -ENOENT : 0;
	if (json_is_array(parent) && parse_index(parts[last], &index))
		return json_array_remove(parent, index) < 0 ? -ENOENT : 0;
	return -ENOENT;
}

static void add_escaped(struct strbuf *buffer, const char *key)
{
	strbuf_addch(buffer, '/');
	for (; *key; key++) {
		if (*key == '~')
			strbuf_addstr(buffer, "~0");
		else if (*key == '/')
			strbuf_addstr(buffer, "~1");
		else
			strbuf_addch(buffer, *key);
	}
}

char *json_pointer_append(const char *base, const char *key)
{
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	strbuf_addstr(&buffer, base);
	add_escaped(&buffer, key);
	return strbuf_detach(&buffer, NULL);
}

char *json_pointer_append_index(const char *base, size_t index)
{
	return xasprintf("%s/%zu", base, index);
}

char *json_pointer_to_path(const char *pointer)
{
	_cleanup_strv_ char **parts = NULL;
	if (!json_pointer_split(pointer, &parts))
		return xstrdup(pointer);
	if (!parts)
		return xstrdup("(document)");

	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	for (size_t i = 0; parts[i]; i++) {
		size_t index;
		if (i > 0 && parse_index(parts[i], &index)) {
			strbuf_addf(&path, "[%zu]", index);
		} else if (strcspn(parts[i], "./ \"") != strlen(parts[i]) || !*parts[i]) {
			strbuf_addf(&path, "[\"%s\"]", parts[i]);
		} else {
			if (i > 0)
				strbuf_addch(&path, '.');
			strbuf_addstr(&path, parts[i]);
		}
	}
	return strbuf_detach(&path, NULL);
}

struct copy {
	json_t *(*fn)(const char *pointer, const json_t *value, void *ctx);
	void *ctx;
	struct strbuf pointer;
};

static json_t *copy_value(struct copy *copy, const json_t *value)
{
	json_t *replaced = copy->fn(copy->pointer.data, value, copy->ctx);
	if (replaced)
		return replaced;

	size_t length = copy->pointer.size;
	size_t i;
	const char *key;
	json_t *member;
	if (json_is_object(value)) {
		json_t *object = json_new_object();
		json_object_foreach((json_t *)value, key, member)
		{
			add_escaped(&copy->pointer, key);
			json_set_value(object, key, copy_value(copy, member));
			strbuf_set_size(&copy->pointer, length);
		}
		return object;
	}
	if (json_is_array(value)) {
		json_t *array = json_new_array();
		json_array_foreach(value, i, member)
		{
			strbuf_addf(&copy->pointer, "/%zu", i);
			json_append_value(array, copy_value(copy, member));
			strbuf_set_size(&copy->pointer, length);
		}
		return array;
	}
	json_t *scalar = json_deep_copy(value);
	if (!scalar)
		out_of_memory();
	return scalar;
}

json_t *json_copy_with(const json_t *value,
		       json_t *(*fn)(const char *pointer, const json_t *value, void *ctx),
		       void *ctx)
{
	struct copy copy = {.fn = fn, .ctx = ctx, .pointer = STRBUF_INIT};
	json_t *result = copy_value(&copy, value);
	strbuf_release(&copy.pointer);
	return result;
}
