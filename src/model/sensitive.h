/* Taking secret values out of a document and putting others in their place. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "base/alloc.h"

#define SENSITIVE_MASK	  "(sensitive)"
#define SENSITIVE_CHANGED "(sensitive, changed)" /* in diffs */

/* Every value that a pattern meets: {pointer: value} with concrete pointers. patterns are pointers
 * in which a part "*" stands for every member or element; NULL-terminated, may be NULL. null values
 * are left out. Caller owns. */
json_t *sensitive_collect(const json_t *root, char *const *patterns);
/* Puts each value of {pointer: value} in its place in root (in place); pointers to nothing are
 * passed over. */
void sensitive_replace(json_t *root, const json_t *values);
/* Every met value becomes SENSITIVE_MASK, in place; references ("$secret/…", {valueFrom}) are no
 * secrets and stay. */
void sensitive_mask(json_t *root, char *const *patterns);
/* Is it a value worth sealing: neither null, a reference, nor sealed already? */
bool sensitive_is_clear(const json_t *value);

/* The marker of a sealed value, {"$sealed": text}. Manifests of users may not hold that key
 * (manifest_parse()). */
#define SEALED_KEY "$sealed"
json_t *sealed_marker_new(const char *text);
/* Its text, borrowed; NULL when value is no marker. */
const char *sealed_marker_text(const json_t *value);
/* Each value of {pointer: text} (or any) by fn: a new object of pointer -> fn(value). fn returns a
 * new reference, or NULL to stop; then NULL. */
json_t *sensitive_map(const json_t *values,
		      json_t *(*fn)(const char *pointer, const json_t *value, void *ctx),
		      void *ctx);
/* {pointer: marker} for every sealed marker anywhere in root. Caller owns. */
json_t *sealed_collect(const json_t *root);
