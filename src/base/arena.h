/*
 * Memory that lives as long as one request: allocate freely, free all at once.
 * Not thread-safe. Aborts when memory runs out.
 */
#pragma once

#include <stddef.h>

#include "base/alloc.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

DEFINE_CLEANUP(struct arena *, arena_free);
#define _cleanup_arena_ _cleanup_(arena_free_p)

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
void *arena_allocarray(struct arena *arena, size_t count, size_t size)
	__attribute__((malloc, returns_nonnull));
char *arena_strdup(struct arena *arena, const char *string);
char *arena_strndup(struct arena *arena, const char *string, size_t max);
char *arena_printf(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Bytes handed out so far, for limits. */
size_t arena_used(const struct arena *arena);
