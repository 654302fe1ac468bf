/* Type expressions of OpenTofu variables ("object({a = optional(string, \"x\")})"), as far as
 * values must follow them. */
#pragma once

#include <jansson.h>

/*
 * A copy of value in which, wherever the type says so, {value: x} became x (a primitive type) and x
 * became {value: x} (an object type with the attribute `value`): modules differ in how they declare
 * references. What the type does not describe, and everything when the type is not understood,
 * stays as it is.
 */
json_t *variable_type_adapt(const char *type, const json_t *value);
