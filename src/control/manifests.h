/*
 * Manifests at rest: secret values sealed one by one, each bound to the id of its resource; opened,
 * compared and masked. Private to control/.
 */
#pragma once

#include <jansson.h>

#include "control/work.h"
#include "model/manifest.h"

/* Where the secrets of a manifest are: pointers from its root, with "*" parts. Caller frees with
 * strv_free(). */
char **manifest_secret_patterns(const struct control *c, enum resource_type type, const char *kind,
				const json_t *document);

/* In place: each clear secret value becomes {"$sealed": text}. */
void manifest_seal(const struct control *c, const char *resource_id, char *const *patterns,
		   json_t *document);
/* A copy with every sealed value opened. The caller drops it soon. */
int manifest_open(const struct control *c, const char *resource_id, const json_t *document,
		  json_t **ret, struct error **err);
/* One sealed value. */
int manifest_open_value(const struct control *c, const char *resource_id, const char *sealed,
			json_t **ret, struct error **err);
/* A copy for people: sealed values are "(sensitive)". */
json_t *manifest_masked(const json_t *document);
