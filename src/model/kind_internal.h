/* What kind.c and provider.c share: reading catalogue files member by member. */
#pragma once

#include <jansson.h>

#include "model/issue.h"

/* Checks apiVersion, kind and metadata.name of a catalogue file; returns its spec, or NULL after an
 * issue. */
const json_t *catalog_document_spec(const json_t *document, const char *kind,
				    struct issues *issues);
/* Members of object that are not in words (NULL-terminated) are issues. */
void refuse_unknown_members(const json_t *object, const char *pointer, const char *const *words,
			    struct issues *issues);
/* A copy of a member's text; NULL when it is absent or "". Anything else than text is an issue.
 * Caller frees. */
char *read_member(const json_t *object, const char *pointer, const char *key,
		  struct issues *issues);
/* The same, and its absence is an issue. */
char *read_required_member(const json_t *object, const char *pointer, const char *key,
			   struct issues *issues);
/* A list of texts, NULL-terminated; NULL when it is absent or empty. */
char **read_texts(const json_t *object, const char *pointer, const char *key,
		  struct issues *issues);
