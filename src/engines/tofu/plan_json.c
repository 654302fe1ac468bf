/*
 * `tofu show -json PLAN`, read one resource at a time: plans can be tens of
 * megabytes, so only the element at hand becomes a tree. Sensitive values are
 * in clear there; a value goes out only when neither its old nor its new side
 * is marked.
 */
#include <stdio.h>
#include <string.h>

#include "base/strutil.h"
#include "base/utf8.h"
#include "engines/tofu/tofu.h"

#define HIDDEN	    "(sensitive)"
#define MAX_DEPTH   128
#define MAX_CHANGES 500
#define MAX_STRING  4096
#define MAX_DIFF    (256 << 10)
#define MAX_PATH    1024

/* ---- Scanning ---- */

struct scanner {
	const char *at, *end;
};

static void skip_blank(struct scanner *s)
{
	while (s->at < s->end && memchr(" \t\r\n", *s->at, 4))
		s->at++;
}

/* Past the closing quote; false when there is none. */
static bool skip_string(struct scanner *s)
{
	for (s->at++; s->at < s->end; s->at++) {
		if (*s->at == '\\')
			s->at++;
		else if (*s->at == '"')
			return s->at++, true;
	}
	return false;
}

/* Past one value of any kind, by counting brackets. */
static bool skip_value(struct scanner *s)
{
	int depth = 0;

	do {
		skip_blank(s);
		if (s->at >= s->end)
			return false;
		char c = *s->at;
		if (c == '"') {
			if (!skip_string(s))
				return false;
		} else if (c == '{' || c == '[') {
			depth++, s->at++;
		} else if (c == '}' || c == ']') {
			depth--, s->at++;
		} else if (c == ',' || c == ':') {
			s->at++;
		} else {
			while (s->at < s->end && !memchr(",:]}\"[{ \t\r\n", *s->at, 11))
				s->at++;
		}
	} while (depth > 0);
	return depth == 0;
}

static bool accept(struct scanner *s, char c)
{
	skip_blank(s);
	if (s->at >= s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* ---- Redaction ---- */

static const json_t *child(const json_t *mask, const char *key)
{
	return json_is_true(mask) ? mask : json_object_get(mask, key);
}

static const json_t *element(const json_t *mask, size_t index)
{
	return json_is_true(mask) ? mask : json_array_get(mask, index);
}

static json_t *shortened(const json_t *string)
{
	size_t size = json_string_length(string);
	if (size <= MAX_STRING)
		return json_incref((json_t *)string);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	strbuf_add(&text, json_string_value(string),
		   utf8_truncate(json_string_value(string), size, MAX_STRING));
	strbuf_addf(&text, "… (%zu bytes)", size);
	return json_stringn(text.data, text.size);
}

/* A copy without what either mask hides. */
static json_t *redact(const json_t *value, const json_t *mask, const json_t *other, int depth)
{
	if (json_is_null(value))
		return json_null();
	if (json_is_true(mask) || json_is_true(other) || depth > MAX_DEPTH)
		return json_string(HIDDEN);
	if (json_is_string(value))
		return shortened(value);
	if (json_is_object(value)) {
		json_t *copy = json_object();
		const char *key;
		json_t *item;
		json_object_foreach((json_t *)value, key, item) json_object_set_new(
			copy, key, redact(item, child(mask, key), child(other, key), depth + 1));
		return copy;
	}
	if (json_is_array(value)) {
		json_t *copy = json_array();
		size_t i;
		json_t *item;
		json_array_foreach(value, i, item) json_array_append_new(
			copy, redact(item, element(mask, i), element(other, i), depth + 1));
		return copy;
	}
	return json_incref((json_t *)value);
}

/* ---- Comparison ---- */

struct side {
	const json_t *value, *sensitive;
};

struct comparison {
	json_t *changes;
	char path[MAX_PATH];
};

static json_t *shown(const json_t *value, bool hidden, const struct side *one,
		     const struct side *other)
{
	if (!value || json_is_null(value))
		return json_null();
	return hidden ? json_string(HIDDEN) : redact(value, one->sensitive, other->sensitive, 0);
}

static void add_change(struct comparison *c, const struct side *before, const struct side *after,
		       const json_t *unknown)
{
	if (json_array_size(c->changes) >= MAX_CHANGES)
		return;
	bool hidden = json_is_true(before->sensitive) || json_is_true(after->sensitive);
	bool is_unknown = json_is_true(unknown);
	json_array_append_new(
		c->changes,
		json_pack("{s:s s:o s:o s:b s:b}", "path", c->path, "before",
			  shown(before->value, hidden, before, after), "after",
			  is_unknown ? json_null() : shown(after->value, hidden, after, before),
			  "sensitive", hidden, "unknown", is_unknown));
}

static size_t push_key(struct comparison *c, const char *key)
{
	size_t length = strlen(c->path);
	snprintf(c->path + length, sizeof(c->path) - length, "%s%s", length ? "." : "", key);
	return length;
}

static size_t push_index(struct comparison *c, size_t index)
{
	size_t length = strlen(c->path);
	snprintf(c->path + length, sizeof(c->path) - length, "[%zu]", index);
	return length;
}

static bool has_unknown(const json_t *unknown, int depth)
{
	const char *key;
	size_t i;
	json_t *item;

	if (json_is_true(unknown))
		return true;
	if (depth > MAX_DEPTH)
		return false;
	json_object_foreach((json_t *)unknown, key,
			    item) if (has_unknown(item, depth + 1)) return true;
	json_array_foreach(unknown, i, item) if (has_unknown(item, depth + 1)) return true;
	return false;
}

static void compare(struct comparison *c, struct side before, struct side after,
		    const json_t *unknown, int depth);

static void compare_key(struct comparison *c, const char *key, const struct side *before,
			const struct side *after, const json_t *unknown, int depth)
{
	size_t length = push_key(c, key);
	compare(c,
		(struct side){json_object_get(before->value, key), child(before->sensitive, key)},
		(struct side){json_object_get(after->value, key), child(after->sensitive, key)},
		child(unknown, key), depth + 1);
	c->path[length] = '\0';
}

static void compare_objects(struct comparison *c, const struct side *before,
			    const struct side *after, const json_t *unknown, int depth)
{
	const char *key;
	json_t *item;

	json_object_foreach((json_t *)before->value, key, item)
		compare_key(c, key, before, after, unknown, depth);
	json_object_foreach((json_t *)after->value, key,
			    item) if (!json_object_get(before->value, key))
		compare_key(c, key, before, after, unknown, depth);
	json_object_foreach((json_t *)unknown, key,
			    item) if (!json_object_get(before->value, key) &&
				      !json_object_get(after->value, key) && has_unknown(item, 0))
		compare_key(c, key, before, after, unknown, depth);
}

static void compare_arrays(struct comparison *c, const struct side *before,
			   const struct side *after, const json_t *unknown, int depth)
{
	size_t count = MAX(json_array_size(before->value), json_array_size(after->value));
	count = MAX(count, json_array_size(unknown));

	for (size_t i = 0; i < count; i++) {
		size_t length = push_index(c, i);
		compare(c,
			(struct side){json_array_get(before->value, i),
				      element(before->sensitive, i)},
			(struct side){json_array_get(after->value, i),
				      element(after->sensitive, i)},
			element(unknown, i), depth + 1);
		c->path[length] = '\0';
	}
}

static bool is_absent(const json_t *value)
{
	return !value || json_is_null(value);
}

static void compare(struct comparison *c, struct side before, struct side after,
		    const json_t *unknown, int depth)
{
	bool hidden = json_is_true(before.sensitive) || json_is_true(after.sensitive);

	if (json_is_true(unknown)) {
		add_change(c, &before, &after, unknown);
		return;
	}
	if (!has_unknown(unknown, depth) &&
	    (is_absent(before.value)
		     ? is_absent(after.value)
		     : after.value && json_equal((json_t *)before.value, (json_t *)after.value)))
		return;
	if (!hidden && depth < MAX_DEPTH) {
		bool objects = (is_absent(before.value) || json_is_object(before.value)) &&
			       (json_is_object(after.value) || json_is_object(unknown) ||
				(is_absent(after.value) && json_is_object(before.value)));
		if (objects &&
		    (depth == 0 || (json_is_object(before.value) && json_is_object(after.value)))) {
			compare_objects(c, &before, &after, unknown, depth);
			return;
		}
		if (json_is_array(before.value) && json_is_array(after.value)) {
			compare_arrays(c, &before, &after, unknown, depth);
			return;
		}
	}
	if (has_unknown(unknown, depth) && is_absent(before.value) && is_absent(after.value))
		unknown = json_true();
	add_change(c, &before, &after, unknown);
}

/* ---- Resources ---- */

static const char *action_of(const json_t *change)
{
	const json_t *actions = json_object_get(change, "actions");
	const char *first = json_string_value(json_array_get(actions, 0));

	if (!first)
		return NULL;
	if (json_array_size(actions) == 2)
		return streq(first, "forget") ||
				       streq_null(json_string_value(json_array_get(actions, 1)),
						  "forget")
			       ? "forget"
			       : "replace";
	if (streq(first, "no-op"))
		return json_object_get(change, "importing") ? "import" : NULL;
	return first;
}

static json_t *make_diff(const json_t *resource, bool drift)
{
	const json_t *change = json_object_get(resource, "change");
	const char *address = json_string_value(json_object_get(resource, "address"));
	const char *action = action_of(change);
	if (!address || !action)
		return NULL;

	struct side before = {json_object_get(change, "before"),
			      json_object_get(change, "before_sensitive")};
	struct side after = {json_object_get(change, "after"),
			     json_object_get(change, "after_sensitive")};
	const json_t *unknown = json_object_get(change, "after_unknown");
	struct comparison c = {.changes = json_array()};
	compare(&c, before, after, unknown, 0);

	json_t *diff = json_pack("{s:s s:s s:o s:o s:O* s:o}", "address", address, "action", action,
				 "before", shown(before.value, false, &before, &after), "after",
				 shown(after.value, false, &after, &before), "unknown",
				 has_unknown(unknown, 0) ? unknown : NULL, "changes", c.changes);
	if (diff && drift)
		json_object_set_new(diff, "drift", json_true());
	if (diff && json_dumpb(diff, NULL, 0, JSON_COMPACT) > MAX_DIFF) {
		json_object_set_new(diff, "before", json_null());
		json_object_set_new(diff, "after", json_null());
		json_object_del(diff, "unknown");
		json_object_set_new(diff, "changes", json_array());
		json_object_set_new(diff, "truncated", json_true());
	}
	return diff;
}

/* One element of resource_changes or resource_drift; non-zero stops. */
typedef int resource_visitor(const json_t *resource, bool drift, void *userdata);

static int read_resources(struct scanner *s, bool drift, resource_visitor *visit, void *userdata,
			  struct error **err)
{
	if (!accept(s, '['))
		return error_set(err, ERROR_UNPROCESSABLE,
				 "the plan is no JSON that this version understands");
	while (!accept(s, ']')) {
		skip_blank(s);
		const char *begin = s->at;
		if (!skip_value(s))
			return error_set(err, ERROR_UNPROCESSABLE, "the plan's JSON is cut off");
		json_error_t problem;
		json_t *resource = json_loadb(begin, (size_t)(s->at - begin), 0, &problem);
		if (!resource)
			return error_set(err, ERROR_UNPROCESSABLE, "the plan's JSON: %s",
					 problem.text);
		int r = visit(resource, drift, userdata);
		json_decref(resource);
		if (r)
			return r;
		accept(s, ',');
	}
	return 0;
}

static bool key_is(const char *begin, const char *end, const char *key)
{
	return (size_t)(end - begin) == strlen(key) + 2 && memcmp(begin + 1, key, strlen(key)) == 0;
}

static int visit_resources(const char *json, size_t size, resource_visitor *visit, void *userdata,
			   struct error **err)
{
	struct scanner s = {json, json + size};

	if (!accept(&s, '{'))
		return error_set(err, ERROR_UNPROCESSABLE, "the plan is no JSON");
	while (!accept(&s, '}')) {
		skip_blank(&s);
		const char *key = s.at;
		if (s.at >= s.end || *s.at != '"' || !skip_string(&s))
			return error_set(err, ERROR_UNPROCESSABLE, "the plan's JSON is cut off");
		const char *key_end = s.at;
		if (!accept(&s, ':'))
			return error_set(err, ERROR_UNPROCESSABLE, "the plan's JSON is cut off");

		bool drift = key_is(key, key_end, "resource_drift");
		int r = 0;
		if (drift || key_is(key, key_end, "resource_changes"))
			r = read_resources(&s, drift, visit, userdata, err);
		else if (!skip_value(&s))
			r = error_set(err, ERROR_UNPROCESSABLE, "the plan's JSON is cut off");
		if (r)
			return r;
		accept(&s, ',');
	}
	return 0;
}

struct diff_visit {
	engine_diff_callback *callback;
	void *userdata;
};

static int visit_diff(const json_t *resource, bool drift, void *userdata)
{
	const struct diff_visit *v = userdata;
	json_t *diff = make_diff(resource, drift);
	int r = diff ? v->callback(diff, v->userdata) : 0;
	json_decref(diff);
	return r;
}

int tofu_read_plan(const char *json, size_t size, engine_diff_callback *callback, void *userdata,
		   struct error **err)
{
	struct diff_visit v = {callback, userdata};
	return visit_resources(json, size, visit_diff, &v, err);
}

/* ---- Secrets ---- */

static void collect_marked(const json_t *value, const json_t *mask, json_t *secrets, int depth)
{
	const char *key;
	size_t i;
	json_t *item;

	if (depth > MAX_DEPTH || json_is_null(value))
		return;
	if (json_is_true(mask)) {
		json_array_append(secrets, (json_t *)value);
		return;
	}
	if (json_is_object(mask)) {
		json_object_foreach((json_t *)value, key, item)
			collect_marked(item, child(mask, key), secrets, depth + 1);
	} else if (json_is_array(mask)) {
		json_array_foreach(value, i, item)
			collect_marked(item, element(mask, i), secrets, depth + 1);
	}
}

static int visit_secrets(const json_t *resource, bool drift, void *userdata)
{
	(void)drift;
	const json_t *change = json_object_get(resource, "change");
	collect_marked(json_object_get(change, "before"),
		       json_object_get(change, "before_sensitive"), userdata, 0);
	collect_marked(json_object_get(change, "after"), json_object_get(change, "after_sensitive"),
		       userdata, 0);
	return 0;
}

int tofu_plan_secrets(const char *json, size_t size, json_t *ret_secrets, struct error **err)
{
	return visit_resources(json, size, visit_secrets, ret_secrets, err);
}
