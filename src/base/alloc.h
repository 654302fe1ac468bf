/*
 * Memory that cannot fail, and ownership made visible. Running out of memory
 * aborts: cap every size that a user controls before it gets here.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define ALLOC_CAT2(a, b)  a##b
#define ALLOC_CAT(a, b)	  ALLOC_CAT2(a, b)
/* Both evaluate each argument once; the counter keeps nested uses apart. */
#define MIN(a, b) PICK(<, a, b, __COUNTER__)
#define MAX(a, b) PICK(>, a, b, __COUNTER__)
#define PICK(op, a, b, id)                                                                   \
	__extension__({                                                                      \
		__auto_type ALLOC_CAT(pick_a_, id) = (a);                                    \
		__auto_type ALLOC_CAT(pick_b_, id) = (b);                                    \
		ALLOC_CAT(pick_a_, id)                                                       \
		op ALLOC_CAT(pick_b_, id) ? ALLOC_CAT(pick_a_, id) : ALLOC_CAT(pick_b_, id); \
	})

#define container_of(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Hands the value to the caller and leaves NULL (or -1) behind. */
#define TAKE_PTR(pointer)                                \
	__extension__({                                  \
		__typeof__(pointer) *take_ = &(pointer); \
		__typeof__(pointer) taken_ = *take_;     \
		*take_ = NULL;                           \
		taken_;                                  \
	})
#define TAKE_FD(fd)                  \
	__extension__({              \
		int *take_ = &(fd);  \
		int taken_ = *take_; \
		*take_ = -1;         \
		taken_;              \
	})

/* Runs fn(&variable) at the end of the scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Defines fn##_p(), which calls fn() on a pointer that is not NULL; for _cleanup_(fn##_p). */
#define DEFINE_CLEANUP(type, fn)                                         \
	__attribute__((unused)) static inline void fn##_p(type *pointer) \
	{                                                                \
		if (*pointer)                                            \
			fn(*pointer);                                    \
	}                                                                \
	struct fn##_semicolon

static inline void free_p(void *pointer)
{
	free(*(void **)pointer);
}

#define _cleanup_free_ _cleanup_(free_p)

/* The caller owns what these return; free() it. */
void *xmalloc(size_t size) __attribute__((malloc, alloc_size(1), returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, alloc_size(1, 2), returns_nonnull));
void *xrealloc(void *pointer, size_t size) __attribute__((returns_nonnull));
void *xreallocarray(void *pointer, size_t count, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *string) __attribute__((malloc, returns_nonnull));
/* Copies at most max bytes and terminates. */
char *xstrndup(const char *string, size_t max) __attribute__((malloc, returns_nonnull));
/* NULL for NULL. */
char *xstrdup_null(const char *string);
/* A copy of size bytes with one NUL byte after it. */
void *xmemdup(const void *data, size_t size) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
char *xvasprintf(const char *format, va_list arguments)
	__attribute__((format(printf, 1, 0), returns_nonnull));
/* Frees *target and puts a copy of value (or NULL) there. */
void replace_string(char **target, const char *value);

/* Says that memory ran out, and aborts. */
void out_of_memory(void) __attribute__((noreturn));
