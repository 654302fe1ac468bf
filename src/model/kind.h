/* Cloud resource kinds and provider types: what the catalogue's files say, parsed and checked. No
 * I/O. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/enums.h"
#include "model/issue.h"
#include "model/schema.h"

#define CATALOG_API_VERSION "catalog.planton.dev/v1"

struct cloud_resource_kind {
	char *name;
	char *group, *version; /* a manifest's apiVersion is "<group>/<version>" */
	char *api_version;
	char *provider; /* a provider type, or NULL when the kind needs none */
	char *description;
	char **sensitive; /* pointers into spec ("/password"); a "*" part is every element or member
			   */
	char *default_output; /* the output of a reference without fieldPath, or NULL */
	enum provisioner default_provisioner;
	char *module_directory[_PROVISIONER_MAX]; /* relative to the kind's folder; NULL: no such
						     module */
	struct schema *schema;
};

/* document: a kind.yaml as JSON. Errors name the field by pointer. The caller frees. */
int cloud_resource_kind_parse(const json_t *document, struct cloud_resource_kind **ret,
			      struct error **err);
void cloud_resource_kind_free(struct cloud_resource_kind *kind);

DEFINE_CLEANUP(struct cloud_resource_kind *, cloud_resource_kind_free);
#define _cleanup_kind_ _cleanup_(cloud_resource_kind_free_p)

/*
 * A spec as users write it, to the one that is stored and run: camelCase, validated (references
 * allowed), defaults applied. api_version may be NULL (not checked). Issues have pointers under
 * "/spec". NULL when there were any; else the caller owns the result.
 */
json_t *cloud_resource_kind_check(const struct cloud_resource_kind *kind, const char *api_version,
				  const json_t *spec, struct issues *issues);

enum provider_map {
	PROVIDER_MAP_NONE,  /* one value */
	PROVIDER_MAP_ENV,   /* name of a variable -> its value */
	PROVIDER_MAP_FILES, /* name of a variable -> content of the file whose path it gets */
};

struct provider_field {
	char *name; /* camelCase */
	char **env; /* variables that carry the value (or the file's path); empty for a map */
	bool file;  /* the value is the content of a private file */
	enum provider_map map;
	bool required, sensitive;
	char *default_value; /* or NULL */
	char **values;	     /* the only values allowed; NULL: any */
	char *description;
};

struct provider_type {
	char *name;
	char *description;
	struct provider_field *fields;
	size_t n_fields;
};

/* document: a providers/<name>.yaml as JSON. */
int provider_type_parse(const json_t *document, struct provider_type **ret, struct error **err);
void provider_type_free(struct provider_type *type);

DEFINE_CLEANUP(struct provider_type *, provider_type_free);
#define _cleanup_provider_type_ _cleanup_(provider_type_free_p)

/*
 * A connection's `fields` as users write them (camelCase or snake_case), checked; numbers and
 * booleans become text. Issues have pointers under `pointer`. NULL when there were any.
 */
json_t *provider_type_check(const struct provider_type *type, const json_t *fields,
			    const char *pointer, struct issues *issues);
/* Patterns for sensitive_collect(), relative to `fields`: "/password"; of a map every member.
 * Caller frees with strv_free(). */
char **provider_type_sensitive(const struct provider_type *type);

/*
 * What an engine gets: {"env": {NAME: value}, "files": [{"env": [NAME...], "name": field,
 * "content": text}]}. Each file is to be written 0600 in a private folder (its "name" is a safe
 * file name) and its path put in every variable of "env". fields have passed provider_type_check()
 * and are in the clear. The caller owns the result.
 */
json_t *connection_to_env(const struct provider_type *type, const json_t *fields);
