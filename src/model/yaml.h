/*
 * YAML or JSON text to JSON values, and back.
 *
 * Reading follows the YAML 1.2 core schema, by libyaml's events, for what JSON can hold: `no`,
 * `yes`, `on`, dates and 1_000 are strings; a number with a leading zero (0123, a postcode or a
 * file mode) is a string, too; .inf and .nan are refused. Quoted and block scalars are strings.
 * Keys are scalars and are taken as written. Merge keys (<<), complex keys, unknown tags, duplicate
 * keys, NUL and invalid UTF-8 are errors, with line and column.
 */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#define YAML_MAX_SIZE	 ((size_t)4 << 20)
#define YAML_MAX_NESTING 64
#define YAML_MAX_VALUES	 100000 /* in the whole text, copies made by aliases included */
#define YAML_MAX_EXPANSION \
	((size_t)16 << 20) /* bytes of strings, copies made by aliases included */
#define YAML_MAX_DOCUMENTS 1000

struct yaml_text;

/* Every document of the text; empty ones are left out, so there may be none.
 * ERROR_INVALID_ARGUMENT, ERROR_TOO_LARGE. */
int yaml_parse(const char *text, size_t size, struct yaml_text **ret, struct error **err);
void yaml_text_free(struct yaml_text *yaml);

DEFINE_CLEANUP(struct yaml_text *, yaml_text_free);
#define _cleanup_yaml_text_ _cleanup_(yaml_text_free_p)

size_t yaml_count(const struct yaml_text *yaml);
/* Borrowed. */
json_t *yaml_root(const struct yaml_text *yaml, size_t document);

/*
 * Where the value (for a member: its key) of that pointer begins, counted from 1; for a pointer to
 * something absent the nearest parent that is there. Keys are compared as written, so snake_case in
 * the source answers to camelCase, too. Returns the line, or 0 when it is not known. ret_column may
 * be NULL.
 */
unsigned yaml_position(const struct yaml_text *yaml, size_t document, const char *pointer,
		       unsigned *ret_column);

/* The only document of a text; more or none is an error. The caller owns *ret. */
int yaml_parse_one(const char *text, size_t size, json_t **ret, struct error **err);

/* Appends one document, without "---": keys in their order, text of several lines as literal
 * blocks, quotes only where a reader (of YAML 1.1 or 1.2) would see another value. Reading it back
 * gives an equal value. */
void yaml_write(struct strbuf *buffer, const json_t *value);
/* Caller frees. */
char *yaml_to_text(const json_t *value);
