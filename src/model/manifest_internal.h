/* What manifest.c and flow_control.c share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "model/issue.h"

/* words end with NULL. */
bool word_is_known(const char *word, const char *const *words);
/* A copy (one level; members are shared) with known keys in camelCase; anything else is an issue.
 * Never NULL. */
json_t *normalise_keys(const json_t *object, const char *pointer, const char *const *known,
		       struct issues *issues);
/* The member's text, borrowed; NULL when it is absent, null, empty, or (an issue) no text or longer
 * than max bytes. */
const char *check_text(const json_t *object, const char *pointer, const char *key, size_t max,
		       struct issues *issues);
