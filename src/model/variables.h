/*
 * From a manifest to the variables of an OpenTofu or Terraform module: the content of a
 * .tfvars.json file. Strings in such a file are literal: HCL's JSON evaluates templates only where
 * there is an evaluation context, and variable files have none, so "${" and "%{" are passed as they
 * are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "model/issue.h"
#include "model/schema.h"

struct module_variable {
	const char *name;
	bool required;	  /* declared without a default */
	const char *type; /* the type expression's text, or NULL */
};

/*
 * A module that declares both `metadata` and `spec` gets these two, keys in snake_case where the
 * kind's schema (may be NULL: then spec's keys stay verbatim) declares them, nothing pruned. Any
 * other module gets each top-level key of spec as the variable of that name, in the schema's
 * spelling or in snake_case. {value: x} becomes x, and x becomes {value: x}, where the type asks
 * for it.
 *
 * Issues: required variables without a value (all of them) at "/spec/<name>", and keys of spec for
 * which there is no variable. NULL when there were any; else the caller owns the result.
 */
json_t *variables_build(const struct module_variable *variables, size_t count,
			const struct schema *schema, const json_t *metadata, const json_t *spec,
			struct issues *issues);
