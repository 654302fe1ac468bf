/* Data on stdout in the format that was asked for. */
#pragma once

#include <jansson.h>

#include "cli/session.h"

extern const char *const format_names[];
/* "jsonpath={.metadata.id}" and the plain names. */
int format_parse(const char *text, enum format *ret, const char **ret_jsonpath, struct error **err);

enum column_type {
	COLUMN_TEXT,
	COLUMN_AGE,
	COLUMN_DURATION,
	COLUMN_STATUS,
	COLUMN_CHANGES,
	COLUMN_BYTES,
	COLUMN_LAST_JOB, /* what it left: its result, or that it destroyed */
	COLUMN_BELOW	 /* a list of texts, each whole on a line below the row */
};

struct column {
	const char *title;
	const char *path; /* jsonpath_first(); alternatives separated by '|' */
	enum column_type type;
	bool wide; /* only with -o wide */
};

/* Items as a table, or {"items"} in another format. columns ends with a NULL title. name is the
 * path of -o name. */
int print_list(struct cli *cli, const json_t *list, const struct column *columns, const char *name,
	       struct error **err);
/* One object; as a table it is a row. */
int print_object(struct cli *cli, const json_t *object, const struct column *columns,
		 const char *name, struct error **err);
/* Any value in a format that is not a table: JSON, YAML, jsonpath. */
int print_value(struct cli *cli, const json_t *value, struct error **err);
bool format_is_table(const struct cli *cli);

/* The whole of it on stdout. Ends the process quietly when nobody reads. */
void print_out(const struct strbuf *text);
/* A message on stderr; a newline is added. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
