/*
 * ULIDs in lower case: 48 bits of milliseconds, 80 of randomness, Crockford's
 * base32. Those of one process sort in the order in which they were made.
 */
#pragma once

#include <stdbool.h>

#define ULID_LENGTH 26
#define ULID_SIZE   (ULID_LENGTH + 1)

/* Thread-safe. */
void ulid_new(char ret[ULID_SIZE]);
bool ulid_is_valid(const char *string);
/* "<prefix>_<ulid>"; caller frees. */
char *id_new(const char *prefix);
/* Is it that prefix, "_" and a ULID? */
bool id_is_valid(const char *string, const char *prefix);
