/*
 * OpenTofu's machine-readable UI (`-json`): one object a line, with @level,
 * @message and, save on most lines of init, a type. Whatever is not such an
 * object is passed on as it is.
 */
#include <stdio.h>
#include <string.h>

#include "base/strutil.h"
#include "base/utf8.h"
#include "engines/tofu/tofu.h"

#define MAX_DETAIL ((size_t)64 << 10)

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void set_string(json_t *object, const char *key, const json_t *value)
{
	if (json_is_string(value) && json_string_length(value) > 0)
		json_object_set(object, key, (json_t *)value);
}

/* The engine's word for what happens to a resource, in ours. */
static const char *action_of(const char *word)
{
	static const struct {
		const char *theirs, *ours;
	} words[] = {
		{"create", "create"},	{"update", "update"}, {"delete", "delete"},
		{"replace", "replace"}, {"read", "read"},     {"import", "import"},
		{"forget", "forget"},	{"remove", "forget"}, {"noop", "noop"},
		{"move", "noop"},
	};

	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++)
		if (streq(words[i].theirs, word))
			return words[i].ours;
	return NULL;
}

static bool set_resource(struct engine_line *line, const json_t *holder, const char *action,
			 const char *phase)
{
	const json_t *resource = json_object_get(holder, "resource");
	const char *address = text_of(resource, "addr");
	if (!address || !action)
		return false;

	line->type = EVENT_RESOURCE;
	line->payload =
		json_pack("{s:s s:s s:s}", "address", address, "action", action, "phase", phase);
	if (!line->payload)
		return false;
	set_string(line->payload, "type", json_object_get(resource, "resource_type"));
	set_string(line->payload, "name", json_object_get(resource, "resource_name"));
	set_string(line->payload, "provider", json_object_get(resource, "implied_provider"));
	set_string(line->payload, "idKey", json_object_get(holder, "id_key"));
	set_string(line->payload, "idValue", json_object_get(holder, "id_value"));
	const json_t *elapsed = json_object_get(holder, "elapsed_seconds");
	if (json_is_number(elapsed))
		json_object_set_new(line->payload, "elapsedMs",
				    json_integer((json_int_t)(json_number_value(elapsed) * 1000)));
	snprintf(line->action, sizeof(line->action), "%s", action);
	return true;
}

static void on_planned(struct engine_line *line, const json_t *root)
{
	const json_t *change = json_object_get(root, "change");
	const char *action = action_of(text_of(change, "action"));

	if (action && streq(action, "noop") && json_object_get(change, "importing"))
		action = "import";
	line->mark = ENGINE_MARK_PLANNED;
	set_resource(line, change, action, "planned");
}

static void on_drift(struct engine_line *line, const json_t *root)
{
	const json_t *change = json_object_get(root, "change");
	const char *action = action_of(text_of(change, "action"));

	/* A resource that only moved in the configuration is no change of the world. */
	if (!action || streq(action, "noop"))
		return;
	if (set_resource(line, change, action, "drift"))
		line->mark = ENGINE_MARK_DRIFT;
}

static void on_hook(struct engine_line *line, const json_t *root, const char *type)
{
	const json_t *hook = json_object_get(root, "hook");
	const char *action = action_of(text_of(hook, "action"));

	if (streq(type, "apply_start")) {
		set_resource(line, hook, action, "started");
	} else if (streq(type, "apply_progress")) {
		set_resource(line, hook, action, "progress");
	} else if (streq(type, "apply_complete")) {
		if (set_resource(line, hook, action, "done"))
			line->mark = ENGINE_MARK_APPLIED;
	} else if (streq(type, "apply_errored")) {
		set_resource(line, hook, action, "failed");
	} else if (streq(type, "refresh_start")) {
		set_resource(line, hook, "refresh", "started");
		line->mark = ENGINE_MARK_REFRESH_STARTED;
	} else if (streq(type, "refresh_complete")) {
		set_resource(line, hook, "refresh", "done");
		line->mark = ENGINE_MARK_REFRESH_COMPLETE;
	}
}

static uint32_t count(const json_t *changes, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(changes, key));
	return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static void on_summary(struct engine_line *line, const json_t *root)
{
	const json_t *changes = json_object_get(root, "changes");
	const char *operation = text_of(changes, "operation");

	line->counts = (struct engine_counts){
		.create = count(changes, "add"),
		.update = count(changes, "change"),
		.delete = count(changes, "remove"),
		.import = count(changes, "import"),
		.forget = count(changes, "forget"),
	};
	line->mark = operation && streq(operation, "plan") ? ENGINE_MARK_PLAN_SUMMARY
							   : ENGINE_MARK_APPLY_SUMMARY;
}

/* What a plan does to outputs. Those of an apply are not taken from here: the server has them from
 * the state. */
static void on_outputs(struct engine_line *line, const json_t *root)
{
	const char *name;
	json_t *output;

	json_object_foreach(json_object_get(root, "outputs"), name, output)
	{
		const char *action = text_of(output, "action");
		if (!action)
			continue;
		line->mark = ENGINE_MARK_PLANNED;
		if (!streq(action, "noop"))
			snprintf(line->action, sizeof(line->action), "outputs");
	}
}

static void add_position(struct engine_line *line, const json_t *diagnostic)
{
	const json_t *range = json_object_get(diagnostic, "range");
	const json_t *start = json_object_get(range, "start");
	const char *file = text_of(range, "filename");
	const char *context = text_of(json_object_get(diagnostic, "snippet"), "context");
	const char *address = text_of(diagnostic, "address");

	set_string(line->payload, "address", json_object_get(diagnostic, "address"));
	if (file) {
		json_int_t number = json_integer_value(json_object_get(start, "line"));
		json_int_t column = json_integer_value(json_object_get(start, "column"));
		json_object_set_new(
			line->payload, "source",
			json_pack("{s:s s:I s:I}", "file", file, "line", number, "column", column));
		strbuf_addf(&line->text, "\n  on %s line %lld", file, (long long)number);
		if (context)
			strbuf_addf(&line->text, ", in %s", context);
	} else if (address) {
		strbuf_addf(&line->text, "\n  with %s", address);
	}
}

static void add_detail(struct strbuf *text, const char *detail)
{
	while (*detail) {
		size_t size = strcspn(detail, "\n");
		strbuf_addstr(text, size > 0 ? "\n  " : "\n");
		strbuf_add(text, detail, size);
		detail += size;
		detail += *detail == '\n';
	}
}

/* Of no use to anybody here: lock files are made anew for each job. */
static bool is_noise(const char *summary)
{
	return streq(summary, "Incomplete lock file information for providers");
}

/* The detail, no longer than anybody reads; NULL when there is none. */
static json_t *detail_of(const json_t *diagnostic)
{
	const json_t *detail = json_object_get(diagnostic, "detail");
	if (!json_is_string(detail))
		return NULL;
	return json_stringn(
		json_string_value(detail),
		utf8_truncate(json_string_value(detail), json_string_length(detail), MAX_DETAIL));
}

static void on_diagnostic(struct engine_line *line, const json_t *root)
{
	const json_t *diagnostic = json_object_get(root, "diagnostic");
	const char *severity = text_of(diagnostic, "severity");
	const char *summary = text_of(diagnostic, "summary");

	if (!summary || !severity)
		return;
	json_t *shortened = detail_of(diagnostic);
	const char *detail = json_string_value(shortened);
	bool is_error = streq(severity, "error");
	line->payload = json_pack("{s:s s:s s:s}", "severity", is_error ? "error" : "warning",
				  "summary", summary, "detail", detail ? detail : "");
	if (!line->payload) {
		json_decref(shortened);
		return;
	}
	line->type = EVENT_DIAGNOSTIC;
	add_position(line, diagnostic);
	if (detail)
		add_detail(&line->text, detail);
	if (is_error)
		line->mark = ENGINE_MARK_ERROR;
	if (is_noise(summary)) {
		json_decref(line->payload);
		line->payload = NULL;
		line->type = _EVENT_TYPE_INVALID;
	}
	json_decref(shortened);
}

void tofu_parse_line(const char *data, size_t size, struct engine_line *ret)
{
	json_t *root = size > 1 && data[0] == '{' ? json_loadb(data, size, 0, NULL) : NULL;
	const json_t *message = json_object_get(root, "@message");

	if (!json_is_string(message)) {
		json_decref(root);
		strbuf_add(&ret->text, data, size);
		return;
	}
	strbuf_add(&ret->text, json_string_value(message), json_string_length(message));

	const char *type = text_of(root, "type");
	if (!type)
		;
	else if (streq(type, "planned_change"))
		on_planned(ret, root);
	else if (streq(type, "resource_drift"))
		on_drift(ret, root);
	else if (streq(type, "change_summary"))
		on_summary(ret, root);
	else if (streq(type, "outputs"))
		on_outputs(ret, root);
	else if (streq(type, "diagnostic"))
		on_diagnostic(ret, root);
	else
		on_hook(ret, root, type);
	json_decref(root);
}
