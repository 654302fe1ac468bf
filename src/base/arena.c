/* Chunks of growing size, filled from the front. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define FIRST_CHUNK 4096
#define LAST_CHUNK  65536
#define ALIGNMENT   _Alignof(max_align_t)

struct chunk {
	struct chunk *older;
	size_t size;
	size_t used;
	_Alignas(max_align_t) char data[];
};

struct arena {
	struct chunk *newest;
	size_t next_chunk;
	size_t used;
};

struct arena *arena_new(void)
{
	struct arena *arena = xcalloc(1, sizeof(*arena));
	arena->next_chunk = FIRST_CHUNK;
	return arena;
}

void arena_free(struct arena *arena)
{
	if (!arena)
		return;
	for (struct chunk *chunk = arena->newest; chunk;) {
		struct chunk *older = chunk->older;
		free(chunk);
		chunk = older;
	}
	free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	if (size > SIZE_MAX / 2)
		out_of_memory();
	size = (MAX(size, (size_t)1) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

	struct chunk *chunk = arena->newest;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t chunk_size = MAX(size, arena->next_chunk);
		chunk = xcalloc(1, sizeof(*chunk) + chunk_size);
		chunk->size = chunk_size;
		chunk->older = arena->newest;
		arena->newest = chunk;
		arena->next_chunk = MIN(arena->next_chunk * 2, (size_t)LAST_CHUNK);
	}
	void *pointer = chunk->data + chunk->used;
	chunk->used += size;
	arena->used += size;
	return pointer;
}

void *arena_allocarray(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		out_of_memory();
	return arena_alloc(arena, total);
}

char *arena_strndup(struct arena *arena, const char *string, size_t max)
{
	size_t length = strnlen(string, max);
	char *copy = arena_alloc(arena, length + 1);
	memcpy(copy, string, length);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *string)
{
	return arena_strndup(arena, string, SIZE_MAX - 1);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *text = xvasprintf(format, arguments);
	va_end(arguments);
	return arena_strdup(arena, text);
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}
