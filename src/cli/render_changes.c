/* Changes, diagnostics and outputs as lines. */
#include <string.h>

#include "base/strutil.h"
#include "cli/jsonpath.h"
#include "cli/text.h"
#include "cli/view.h"
#include "model/json.h"

#define VALUE_COLUMNS	60
#define INLINE_CHANGES	3
#define ADDRESS_COLUMNS 48

static const struct {
	const char *action, *symbol, *done, *planned;
	enum style style;
} actions[] = {
	{"create", "+", "created", "to create", STYLE_GREEN},
	{"update", "~", "updated", "to update", STYLE_YELLOW},
	{"delete", "-", "deleted", "to delete", STYLE_RED},
	{"replace", "-/+", "replaced", "to replace", STYLE_RED},
	{"import", "<-", "imported", "to import", STYLE_CYAN},
	{"forget", "x", "forgotten", "to forget", STYLE_YELLOW},
	{"read", "<=", "read", "to read", STYLE_CYAN},
};

const char *action_symbol(const char *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (streq_null(actions[i].action, action))
			return actions[i].symbol;
	return " ";
}

enum style action_style(const char *action)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (streq_null(actions[i].action, action))
			return actions[i].style;
	return STYLE_NONE;
}

void counts_add(struct strbuf *out, const json_t *counts, bool planned)
{
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		int64_t n = streq(actions[i].action, "read")
				    ? 0
				    : json_get_int(counts, actions[i].action, 0);
		if (n <= 0)
			continue;
		strbuf_addf(out, "%s%lld %s", any ? ", " : "", (long long)n,
			    planned ? actions[i].planned : actions[i].done);
		any = true;
	}
	if (!any)
		strbuf_addstr(out, "no changes");
}

/* One value, cut. */
static void add_value(struct strbuf *out, const json_t *change, const char *side)
{
	_cleanup_strbuf_ struct strbuf plain = STRBUF_INIT, safe = STRBUF_INIT;
	const json_t *value = json_object_get(change, side);
	if (json_get_bool(change, "sensitive", false)) {
		strbuf_addstr(out, "(sensitive)");
	} else if (streq(side, "after") && json_get_bool(change, "unknown", false)) {
		strbuf_addstr(out, "(known after apply)");
	} else {
		if (value)
			json_write(&plain, value, JSON_WRITE_COMPACT);
		else
			strbuf_addstr(&plain, "null");
		text_add(&safe, plain.data);
		text_add_cut(out, safe.data, safe.size, VALUE_COLUMNS);
	}
}

static void add_path(struct strbuf *out, const json_t *change)
{
	const json_t *path = json_object_get(change, "path");
	size_t i;
	json_t *part;
	if (json_is_string(path))
		text_add(out, json_string_value(path));
	json_array_foreach((json_t *)path, i, part)
	{
		_cleanup_strbuf_ struct strbuf plain = STRBUF_INIT;
		json_add_plain(&plain, part);
		if (json_is_integer(part))
			strbuf_addf(out, "[%s]", plain.data);
		else if (i)
			strbuf_addch(out, '.');
		if (!json_is_integer(part))
			text_add(out, plain.data);
	}
}

static void add_change(struct strbuf *out, const json_t *change, const char *separator)
{
	add_path(out, change);
	strbuf_addstr(out, separator);
	if (json_get_bool(change, "sensitive", false)) {
		strbuf_addstr(out, "(sensitive)");
		return;
	}
	add_value(out, change, "before");
	strbuf_addstr(out, " → ");
	add_value(out, change, "after");
}

char *diff_inline(const json_t *diff)
{
	const json_t *changes = json_object_get(diff, "changes");
	size_t count = json_array_size(changes);
	const char *action = json_get_str(diff, "action");
	if (!count || streq_null(action, "create") || streq_null(action, "delete"))
		return NULL;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	for (size_t i = 0; i < MIN(count, (size_t)INLINE_CHANGES); i++) {
		if (i)
			strbuf_addstr(&out, ", ");
		add_change(&out, json_array_get(changes, i), " ");
	}
	if (count > INLINE_CHANGES)
		strbuf_addf(&out, ", and %zu more", count - INLINE_CHANGES);
	return strbuf_detach(&out, NULL);
}

void diff_block(const struct job_view *v, const json_t *diff, struct strbuf *out)
{
	size_t i;
	json_t *change;
	const char *action = json_get_str(diff, "action");
	json_array_foreach(json_object_get(diff, "changes"), i, change)
	{
		view_begin(v, out);
		_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
		if (streq_null(action, "create") || streq_null(action, "delete")) {
			add_path(&text, change);
			strbuf_addstr(&text, " = ");
			add_value(&text, change, streq(action, "create") ? "after" : "before");
		} else {
			add_change(&text, change, ": ");
		}
		strbuf_addf(out, "      %s\n", text.data);
	}
}

static void row_show(const struct job_view *v, const struct row *row, const json_t *diff,
		     const char *note, size_t column, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf address = STRBUF_INIT;
	_cleanup_free_ char *changes = v->o.diff ? NULL : diff_inline(diff);
	text_add(&address, row->address);
	view_begin(v, out);
	const char *symbol = action_symbol(row->action);
	enum style style = action_style(row->action);
	strbuf_addf(out, "  %s%s %s%s", style_on(v->o.colour, style), symbol, address.data,
		    style_off(v->o.colour, style));
	const char *rest = changes ? changes : note;
	if (rest) {
		size_t width = text_width(address.data, address.size) + strlen(symbol) - 1;
		text_add_spaces(out, (column > width ? column - width : 0) + 3);
		strbuf_addstr(out, rest);
	}
	strbuf_addch(out, '\n');
	if (v->o.diff && diff)
		diff_block(v, diff, out);
}

void rows_show(const struct job_view *v, const struct rows *rows, const struct hashmap *diffs,
	       const char *note, struct strbuf *out)
{
	size_t column = 0;
	for (size_t i = 0; i < rows->count; i++)
		column = MAX(column, strlen(rows->items[i].address));
	for (size_t i = 0; i < rows->count; i++)
		row_show(v, &rows->items[i], hashmap_get(diffs, rows->items[i].address), note,
			 MIN(column, (size_t)ADDRESS_COLUMNS), out);
}

static void add_indented(const struct job_view *v, struct strbuf *out, const char *text)
{
	while (text && *text) {
		size_t n = strcspn(text, "\n");
		view_begin(v, out);
		strbuf_addstr(out, "    ");
		text_add_safe(out, text, n, v->o.colour);
		strbuf_addch(out, '\n');
		text += n + (text[n] == '\n');
	}
}

void diagnostic_show(struct job_view *v, const json_t *payload, struct strbuf *out)
{
	const char *severity = json_get_str(payload, "severity");
	bool is_error = !streq_null(severity, "warning");
	v->diagnosed |= is_error;
	enum style style = is_error ? STYLE_BOLD_RED : STYLE_YELLOW;
	_cleanup_strbuf_ struct strbuf summary = STRBUF_INIT, place = STRBUF_INIT;
	text_add(&summary, json_get_str(payload, "summary"));
	view_begin(v, out);
	strbuf_addf(out, "%s%s %s:%s %s\n", style_on(v->o.colour, style), is_error ? "✗" : "!",
		    is_error ? "error" : "warning", style_off(v->o.colour, style), summary.data);

	text_add(&place, json_get_str(payload, "address"));
	const char *file = json_get_str(payload, "source.file");
	if (file) {
		strbuf_addstr(&place, place.size ? " at " : "");
		text_add(&place, file);
		int64_t line = json_get_int(payload, "source.line", 0);
		if (line)
			strbuf_addf(&place, ":%lld", (long long)line);
	}
	add_indented(v, out, place.data);
	add_indented(v, out, json_get_str(payload, "detail"));
}

static void add_output(struct strbuf *out, const char *name, const json_t *output, size_t columns)
{
	_cleanup_strbuf_ struct strbuf value = STRBUF_INIT, safe = STRBUF_INIT;
	const json_t *given = json_object_get(output, "value");
	text_add(&safe, name);
	strbuf_addstr(&safe, " = ");
	if (json_get_bool(output, "sensitive", false))
		strbuf_addstr(&value, "(sensitive)");
	else if (given)
		json_write(&value, given, JSON_WRITE_COMPACT);
	text_add(&safe, value.data);
	text_add_cut(out, safe.data, safe.size, columns);
}

void outputs_show(const struct job_view *v, struct strbuf *out)
{
	size_t count = json_object_size(v->outputs);
	const char *name;
	json_t *output;
	if (!count)
		return;
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	strbuf_addstr(&line, "Outputs:");
	size_t i = 0;
	json_object_foreach(v->outputs, name, output)
	{
		strbuf_addstr(&line, i++ ? "   " : " ");
		add_output(&line, name, output, SIZE_MAX);
	}
	if (text_width(line.data, line.size) <= v->o.width) {
		view_begin(v, out);
		strbuf_addf(out, "%s\n", line.data);
		return;
	}
	view_begin(v, out);
	strbuf_addstr(out, "Outputs:\n");
	json_object_foreach(v->outputs, name, output)
	{
		view_begin(v, out);
		strbuf_addstr(out, "  ");
		add_output(out, name, output, v->o.stamps ? SIZE_MAX : v->o.width);
		strbuf_addch(out, '\n');
	}
}
