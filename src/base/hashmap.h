/*
 * A map from strings to pointers. Keys are copied. Hashing is keyed per
 * process, so chosen keys cannot make it slow. Not thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"

struct hashmap;

/* free_value (may be NULL) is called on values that are replaced, removed or left at the end. */
struct hashmap *hashmap_new(void (*free_value)(void *value));
void hashmap_free(struct hashmap *map);

DEFINE_CLEANUP(struct hashmap *, hashmap_free);
#define _cleanup_hashmap_ _cleanup_(hashmap_free_p)

/* Adds or replaces; true when the key is new. */
bool hashmap_put(struct hashmap *map, const char *key, void *value);
/* NULL when there is none. */
void *hashmap_get(const struct hashmap *map, const char *key);
bool hashmap_contains(const struct hashmap *map, const char *key);
/* True when the key was there. */
bool hashmap_remove(struct hashmap *map, const char *key);
/* Removes without freeing, and returns the value; NULL when there is none. */
void *hashmap_steal(struct hashmap *map, const char *key);
size_t hashmap_count(const struct hashmap *map);

/*
 * In no order; the map must not change meanwhile. Outputs may be NULL.
 *     for (size_t i = 0; hashmap_next(map, &i, &key, &value);)
 */
bool hashmap_next(const struct hashmap *map, size_t *position, const char **ret_key,
		  void **ret_value);
