/*
 * What jansson leaves out: limits, paths, a writer whose numbers and key order are stable, and
 * copies that change on the way. Strings never hold NUL bytes (the parsers refuse them), so
 * json_string_value() is enough.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/strbuf.h"

#define _cleanup_json_	      _cleanup_(json_decrefp)

#define JSON_DEFAULT_MAX_SIZE ((size_t)4 << 20)
#define JSON_MAX_NESTING      64

/* json_object(), json_array(), ... for callers that cannot do without: abort when memory runs out.
 */
json_t *json_new_object(void) __attribute__((returns_nonnull));
json_t *json_new_array(void) __attribute__((returns_nonnull));
/* text must be valid UTF-8 (else it is repaired with U+FFFD); NULL gives null. */
json_t *json_new_string(const char *text) __attribute__((returns_nonnull));

/*
 * One JSON value of at most max_size bytes and JSON_MAX_NESTING levels; duplicate keys are refused.
 * The error (ERROR_INVALID_ARGUMENT, ERROR_TOO_LARGE) says line and column. The caller owns *ret.
 */
int json_parse(const char *text, size_t size, size_t max_size, json_t **ret, struct error **err);

/* Levels of objects and arrays: 0 for a scalar. Counts all values, containers included. */
unsigned json_nesting(const json_t *value);
size_t json_count_values(const json_t *value);

enum json_write_flags {
	JSON_WRITE_COMPACT = 0,
	JSON_WRITE_SORTED = 1 << 0, /* keys in byte order, at every level */
	JSON_WRITE_INDENT = 1 << 1, /* two spaces a level */
};

/* Appends. Reals are the shortest text that reads back as the same double (0.1, never
 * 0.10000000000000001). */
void json_write(struct strbuf *buffer, const json_t *value, unsigned flags);
/* Caller frees. json_to_canonical() is sorted and compact: equal values give equal bytes. */
char *json_to_text(const json_t *value, unsigned flags);
char *json_to_canonical(const json_t *value);
/* The shortest text that reads back as value, with a point or an exponent; ret takes 32 bytes. */
void json_format_real(double value, char ret[32]);

/* ---- Members by dotted path, "a.b.c": for documents whose keys we know. NULL / fallback when
 * absent or of another type. */
json_t *json_get(const json_t *object, const char *path);
const char *json_get_str(const json_t *object, const char *path);
int64_t json_get_int(const json_t *object, const char *path, int64_t fallback);
bool json_get_bool(const json_t *object, const char *path, bool fallback);

/* ---- Setters; value of NULL is null in the first, leaves the key out in the second. Abort when
 * memory runs out. */
void json_set_string_or_null(json_t *object, const char *key, const char *value);
void json_set_string(json_t *object, const char *key, const char *value);
void json_set_int(json_t *object, const char *key, int64_t value);
void json_set_bool(json_t *object, const char *key, bool value);
/* Steals value. */
void json_set_value(json_t *object, const char *key, json_t *value);
/* Steals value. */
void json_append_value(json_t *array, json_t *value);

/* ---- RFC 6901 pointers: "" is the root, "/a/0/b". ---- */

/* Borrowed; NULL when there is none (or the pointer is malformed). */
json_t *json_pointer_get(const json_t *root, const char *pointer);
/* Steals value, also on failure. The parent must exist; "-" appends to an array. -ENOENT, -EINVAL.
 */
int json_pointer_set(json_t *root, const char *pointer, json_t *value);
/* -ENOENT, -EINVAL. */
int json_pointer_remove(json_t *root, const char *pointer);
/* base + "/" + key, escaped. Caller frees. */
char *json_pointer_append(const char *base, const char *key);
char *json_pointer_append_index(const char *base, size_t index);
/* For people: "/spec/rules/0/port" is "spec.rules[0].port", "" is "(document)". Caller frees. */
char *json_pointer_to_path(const char *pointer);
/* The parts between slashes, unescaped; false when malformed. Caller frees with strv_free(). */
bool json_pointer_split(const char *pointer, char ***ret_parts);

/*
 * A deep copy in which each value may be replaced: fn gets a pointer and a value, returns a new
 * reference that takes its place (and is not descended into), or NULL to keep and descend. The
 * caller owns the result.
 */
json_t *json_copy_with(const json_t *value,
		       json_t *(*fn)(const char *pointer, const json_t *value, void *ctx),
		       void *ctx);
