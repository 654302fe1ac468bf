/* Tables and the other formats. */
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "cli/jsonpath.h"
#include "cli/style.h"
#include "cli/text.h"
#include "model/json.h"
#include "model/yaml.h"

#define COLUMNS_MAX 24
#define CELL_MAX    60

const char *const format_names[] = {"table", "wide",	  "json",  "yaml",
				    "name",  "jsonpath=", "jsonl", NULL};

int format_parse(const char *text, enum format *ret, const char **ret_jsonpath, struct error **err)
{
	*ret_jsonpath = startswith(text, "jsonpath=");
	if (*ret_jsonpath) {
		*ret = FORMAT_JSONPATH;
		return 0;
	}
	for (unsigned i = 0; format_names[i]; i++)
		if (i != FORMAT_JSONPATH && streq(format_names[i], text)) {
			*ret = (enum format)i;
			return 0;
		}
	int r = error_set(
		err, ERROR_INVALID_ARGUMENT,
		"--output: \"%s\" is none of table, wide, json, yaml, name, jsonpath=…, jsonl",
		text);
	const char *near = string_suggest(text, format_names);
	if (near)
		error_hint(err, "did you mean %s?", near);
	return r;
}

bool format_is_table(const struct cli *cli)
{
	return cli->format == FORMAT_TABLE || cli->format == FORMAT_WIDE;
}

void print_out(const struct strbuf *text)
{
	int r = write_all(STDOUT_FILENO, text->data, text->size);
	if (r == -EPIPE)
		_exit(EXIT_CODE_OK);
	if (r < 0) {
		fprintf(stderr, "error: cannot write to stdout: %s\n", strerror(-r));
		_exit(EXIT_CODE_ERROR);
	}
}

void say(const char *format, ...)
{
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	va_list arguments;
	va_start(arguments, format);
	strbuf_addvf(&line, format, arguments);
	va_end(arguments);
	strbuf_addch(&line, '\n');
	(void)write_all(STDERR_FILENO, line.data, line.size);
}

int print_value(struct cli *cli, const json_t *value, struct error **err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	int r = 0;
	switch (cli->format) {
	case FORMAT_YAML:
		yaml_write(&text, value);
		break;
	case FORMAT_JSONPATH:
		r = jsonpath_write(&text, cli->jsonpath, value, err);
		strbuf_addch(&text, '\n');
		break;
	case FORMAT_JSONL:
		json_write(&text, value, JSON_WRITE_COMPACT);
		strbuf_addch(&text, '\n');
		break;
	default:
		json_write(&text, value, JSON_WRITE_INDENT);
		strbuf_addch(&text, '\n');
	}
	if (r >= 0)
		print_out(&text);
	return r;
}

static const json_t *cell_value(const json_t *item, const char *paths)
{
	_cleanup_strv_ char **alternatives = strv_split(paths, '|');
	for (char **path = alternatives; path && *path; path++) {
		const json_t *value = jsonpath_first(item, *path);
		if (value && !json_is_null(value) &&
		    !(json_is_string(value) && !*json_string_value(value)))
			return value;
	}
	return NULL;
}

static void add_changes(struct strbuf *cell, const json_t *counts)
{
	if (json_is_object(counts))
		strbuf_addf(cell, "+%lld ~%lld -%lld",
			    (long long)(json_get_int(counts, "create", 0) +
					json_get_int(counts, "replace", 0)),
			    (long long)json_get_int(counts, "update", 0),
			    (long long)(json_get_int(counts, "delete", 0) +
					json_get_int(counts, "replace", 0)));
}

static void add_bytes(struct strbuf *cell, json_int_t bytes)
{
	if (bytes < 1024)
		strbuf_addf(cell, "%lld B", (long long)bytes);
	else if (bytes < 1024 * 1024)
		strbuf_addf(cell, "%lld.%lld KiB", (long long)bytes / 1024,
			    (long long)bytes % 1024 * 10 / 1024);
	else
		strbuf_addf(cell, "%lld.%lld MiB", (long long)bytes >> 20,
			    ((long long)bytes >> 10) % 1024 * 10 / 1024);
}

static void add_last_job(struct strbuf *cell, const json_t *job)
{
	const char *result = json_get_str(job, "result");
	bool destroyed = streq_null(json_get_str(job, "operation"), "destroy") &&
			 streq_null(result, "succeeded");
	text_add(cell, destroyed ? "destroyed" : result);
}

static char *cell_text(const json_t *item, const struct column *c, bool whole)
{
	_cleanup_strbuf_ struct strbuf cell = STRBUF_INIT, plain = STRBUF_INIT, cut = STRBUF_INIT;
	const json_t *value = cell_value(item, c->path);
	switch (c->type) {
	case COLUMN_AGE:
		text_add_age(&cell, json_string_value(value), now_realtime_ms());
		break;
	case COLUMN_DURATION:
		if (json_is_integer(value))
			text_add_duration(&cell, (uint64_t)json_integer_value(value));
		break;
	case COLUMN_BYTES:
		if (json_is_integer(value))
			add_bytes(&cell, json_integer_value(value));
		break;
	case COLUMN_CHANGES:
		add_changes(&cell, value);
		break;
	case COLUMN_LAST_JOB:
		add_last_job(&cell, value);
		break;
	default:
		json_add_plain(&plain, value);
		for (char *end = plain.data; whole && (end = strchr(end, '\n'));)
			*end = ' ';
		text_add_safe(&cell, plain.data, whole ? plain.size : strcspn(plain.data, "\n"),
			      false);
	}
	if (!cell.size)
		strbuf_addch(&cell, '-');
	text_add_cut(&cut, cell.data, cell.size, whole ? SIZE_MAX : CELL_MAX);
	return strbuf_detach(&cut, NULL);
}

static void add_cell(struct strbuf *out, const char *cell, const struct column *c, size_t pad,
		     bool colour)
{
	bool status = c->type == COLUMN_STATUS || c->type == COLUMN_LAST_JOB;
	enum style style = status ? style_of_status(cell) : STYLE_NONE;
	style_add(out, colour, style, cell);
	text_add_spaces(out, pad);
}

static void add_below(struct strbuf *out, const json_t *item, const struct column *c)
{
	size_t i;
	json_t *text;
	json_array_foreach((json_t *)cell_value(item, c->path), i, text)
	{
		strbuf_addstr(out, "  ");
		text_add(out, json_string_value(text));
		strbuf_addch(out, '\n');
	}
}

static void print_table(const struct cli *cli, const json_t *items, const struct column *columns)
{
	const struct column *used[COLUMNS_MAX], *below = NULL;
	size_t n = 0, width[COLUMNS_MAX], i;
	bool wide = cli->format == FORMAT_WIDE, whole = wide || !isatty(STDOUT_FILENO);
	for (const struct column *c = columns; c->title && n < COLUMNS_MAX; c++)
		if (c->type == COLUMN_BELOW)
			below = c;
		else if (wide || !c->wide)
			used[n++] = c;
	_cleanup_strv_ char **cells = NULL;
	json_t *item;
	for (size_t j = 0; j < n; j++)
		width[j] = strlen(used[j]->title);
	json_array_foreach((json_t *)items, i, item) for (size_t j = 0; j < n; j++)
	{
		char *cell = cell_text(item, used[j], whole);
		width[j] = MAX(width[j], text_width(cell, strlen(cell)));
		strv_take(&cells, cell);
	}
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	for (size_t j = 0; j < n; j++) {
		style_add(&out, cli->colour_out, STYLE_BOLD, used[j]->title);
		text_add_spaces(&out, j + 1 < n ? width[j] - strlen(used[j]->title) + 2 : 0);
	}
	strbuf_addch(&out, '\n');
	for (size_t row = 0; row < json_array_size(items); row++) {
		for (size_t j = 0; j < n; j++) {
			const char *cell = cells[row * n + j];
			size_t pad = j + 1 < n ? width[j] - text_width(cell, strlen(cell)) + 2 : 0;
			add_cell(&out, cell, used[j], pad, cli->colour_out);
		}
		strbuf_addch(&out, '\n');
		if (below)
			add_below(&out, json_array_get(items, row), below);
	}
	print_out(&out);
}

static void print_names(const json_t *items, const char *name)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)items, i, item)
	{
		_cleanup_strbuf_ struct strbuf plain = STRBUF_INIT;
		json_add_plain(&plain, cell_value(item, name));
		text_add(&out, plain.data);
		strbuf_addch(&out, '\n');
	}
	print_out(&out);
}

int print_list(struct cli *cli, const json_t *list, const struct column *columns, const char *name,
	       struct error **err)
{
	const json_t *items = json_object_get(list, "items");
	size_t i;
	json_t *item;
	if (cli->format == FORMAT_NAME) {
		print_names(items, name);
	} else if (cli->format == FORMAT_JSONL) {
		json_array_foreach((json_t *)items, i, item)(void) print_value(cli, item, err);
	} else if (!format_is_table(cli)) {
		return print_value(cli, list, err);
	} else if (json_array_size(items)) {
		print_table(cli, items, columns);
	} else {
		say("nothing found");
	}
	return 0;
}

int print_object(struct cli *cli, const json_t *object, const struct column *columns,
		 const char *name, struct error **err)
{
	if (!format_is_table(cli) && cli->format != FORMAT_NAME)
		return print_value(cli, object, err);
	_cleanup_json_ json_t *list = json_new_object();
	json_t *items = json_new_array();
	json_append_value(items, json_incref((json_t *)object));
	json_set_value(list, "items", items);
	return print_list(cli, list, columns, name, err);
}
