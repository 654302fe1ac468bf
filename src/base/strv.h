/* Vectors of strings that end with NULL; a NULL vector is an empty one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"

size_t strv_length(char *const *vector);
/* Adds a copy of the string; *vector may move. */
void strv_add(char ***vector, const char *string);
/* Adds the string itself, which the vector then owns. */
void strv_take(char ***vector, char *string);
void strv_addf(char ***vector, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool strv_contains(char *const *vector, const char *string);
char **strv_copy(char *const *vector);
/* Parts between separators, empty parts included; "" gives an empty vector. */
char **strv_split(const char *string, char separator);
/* Caller frees; "" for an empty vector. */
char *strv_join(char *const *vector, const char *separator);
void strv_free(char **vector);

DEFINE_CLEANUP(char **, strv_free);
#define _cleanup_strv_ _cleanup_(strv_free_p)
