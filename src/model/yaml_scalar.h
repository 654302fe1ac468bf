/* What a plain scalar means by the core schema; shared by the reader and the writer's question "may
 * this be plain?". */
#pragma once

#include <stddef.h>

#include <jansson.h>

enum yaml_scalar {
	YAML_SCALAR_STRING,
	YAML_SCALAR_NULL,
	YAML_SCALAR_TRUE,
	YAML_SCALAR_FALSE,
	YAML_SCALAR_INTEGER,
	YAML_SCALAR_REAL,
	YAML_SCALAR_NOT_JSON, /* .inf, .nan */
};

enum yaml_scalar yaml_scalar_kind(const char *text);
/* The value of a text of that kind, -ERANGE when no 64 bits hold it. The caller owns *ret. */
int yaml_scalar_value(const char *text, enum yaml_scalar kind, json_t **ret);
