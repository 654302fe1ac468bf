/* Questions about strings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* NULL equals only NULL. */
bool streq_null(const char *a, const char *b);

static inline bool isempty(const char *string)
{
	return !string || !*string;
}

/* Return what follows the prefix (the suffix itself), or NULL. */
const char *startswith(const char *string, const char *prefix);
const char *endswith(const char *string, const char *suffix);

/*
 * Edits (insert, delete, replace, swap of neighbours) between two strings.
 * Longer strings than 64 bytes are not compared: SIZE_MAX.
 */
size_t string_distance(const char *a, const char *b);
/* The candidate near enough to be what was meant, or NULL. candidates ends with NULL. */
const char *string_suggest(const char *given, const char *const *candidates);
