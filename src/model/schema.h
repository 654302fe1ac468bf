/*
 * The part of JSON Schema that describes a kind's spec: type (one or a list), properties, required,
 * additionalProperties, items, enum, const, pattern (POSIX extended, a search), minLength,
 * maxLength (characters), minimum, maximum, minItems, maxItems, uniqueItems, default; title,
 * description, format, examples are for people. Anything else, $ref included, is refused when
 * compiled: an ignored constraint is worse than none.
 *
 * Property names are camelCase in schemas. A compiled schema is immutable and may be shared by
 * threads.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/issue.h"

struct schema;

/* The error's field is a pointer into the schema. */
int schema_compile(const json_t *json, struct schema **ret, struct error **err);
void schema_free(struct schema *schema);

DEFINE_CLEANUP(struct schema *, schema_free);
#define _cleanup_schema_ _cleanup_(schema_free_p)

/* As it was given; borrowed. */
const json_t *schema_json(const struct schema *schema);

/*
 * A copy in which declared properties that were written in snake_case are in camelCase. Keys that
 * the schema does not declare (maps) stay verbatim. Both spellings of one property in one object
 * are an issue. pointer is the place of the value in the document ("/spec"). The caller owns the
 * result.
 */
json_t *schema_normalise(const struct schema *schema, const json_t *value, const char *pointer,
			 struct issues *issues);
/* The opposite: declared properties in snake_case. */
json_t *schema_to_snake_case(const struct schema *schema, const json_t *value);

enum schema_flags {
	/* Where the schema allows no object, {valueFrom: {kind, env?, name, fieldPath}} passes and
	   {value: x} is checked as x. */
	SCHEMA_REFERENCES = 1 << 0,
};

/* Adds everything that is wrong. True when nothing was. */
bool schema_validate(const struct schema *schema, const json_t *value, const char *pointer,
		     unsigned flags, struct issues *issues);

/* Adds absent properties that have a default, in place; objects that are absent and have none are
 * not made. */
void schema_apply_defaults(const struct schema *schema, json_t *value);

/* "connectionLimit" is "connection_limit", "HTTPPort" is "http_port"; caller frees. */
char *camel_to_snake(const char *name);
char *snake_to_camel(const char *name);
