/* What a compiled schema is; for schema*.c alone. */
#pragma once

#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/schema.h"

/* One bit for each type; an integer is a number, too. */
enum schema_type {
	TYPE_NULL = 1 << 0,
	TYPE_BOOLEAN = 1 << 1,
	TYPE_INTEGER = 1 << 2,
	TYPE_NUMBER = 1 << 3,
	TYPE_STRING = 1 << 4,
	TYPE_ARRAY = 1 << 5,
	TYPE_OBJECT = 1 << 6,
};

struct schema_property {
	char *name;
	char *snake;
	struct schema *schema;
	bool required;
};

struct schema {
	json_t *json;
	unsigned types; /* 0: any */
	struct schema_property *properties;
	size_t n_properties;
	char **required;	   /* names without a property of their own included */
	bool closed;		   /* additionalProperties: false */
	struct schema *additional; /* additionalProperties: {...} */
	struct schema *items;
	const json_t *one_of; /* enum; in json */
	const json_t *constant;
	const json_t *default_value;
	regex_t *pattern;
	const char *pattern_text;
	int64_t min_length, max_length, min_items, max_items; /* max: -1 for none */
	const json_t *minimum, *maximum;
	bool unique;
};

const char *schema_type_name(unsigned type);
/* The property of that name, in camelCase or (when snake is true, too) snake_case; NULL when there
 * is none. */
const struct schema_property *schema_find_property(const struct schema *schema, const char *name,
						   bool snake);
