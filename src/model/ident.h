/* Ids ("cr_01jx…") and slugs. */
#pragma once

#include <stdbool.h>

#include "model/enums.h"

#define SLUG_MAX_LENGTH 63

/* Prefixes of ids that are no API resource type of enum resource_type. */
#define ID_PREFIX_STACK_JOB "sj"
#define ID_PREFIX_VERSION   "ver"
#define ID_PREFIX_RUNNER    "rnr"
#define ID_PREFIX_API_KEY   "key"

/* Caller frees. */
char *resource_id_new(enum resource_type type);
/* Has it the form <known prefix>_<ulid>? Prefixes are those of the domain, "sj" and "ver" included.
 */
bool ident_is_valid(const char *id);
/* The type of a resource's id; _RESOURCE_TYPE_INVALID for other ids and for what is no id. */
enum resource_type ident_resource_type(const char *id);

/* Lower case; every run of other characters than [a-z0-9] is one hyphen, none at the ends; at most
 * SLUG_MAX_LENGTH bytes. NULL when nothing is left. Caller frees. */
char *slug_from_name(const char *name);
/* [a-z0-9]+(-[a-z0-9]+)*, 1 to SLUG_MAX_LENGTH bytes. */
bool slug_is_valid(const char *slug);
