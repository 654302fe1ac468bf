/* The part of kubectl's JSONPath that people use: {.a.b[0].c}, {.items[*].x}, {['a.b']}, {"\n"},
 * text between. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Appends what the template gives for value; several results of one path are joined by a space.
 * ERROR_INVALID_ARGUMENT for a malformed template; a path that leads nowhere gives nothing. */
int jsonpath_write(struct strbuf *out, const char *template, const json_t *value,
		   struct error **err);
/* The first result of a path without braces (".status.result", "a.b[0]"), or NULL. Borrowed. */
const json_t *jsonpath_first(const json_t *value, const char *path);
/* Scalars as text without quotes, anything else as compact JSON; null is nothing. */
void json_add_plain(struct strbuf *out, const json_t *value);
