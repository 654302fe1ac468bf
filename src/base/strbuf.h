/*
 * A growable buffer of bytes. It may hold NUL bytes and always has one after
 * its last, so data is a C string at any time and never NULL.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/alloc.h"

struct strbuf {
	char *data;
	size_t size;	 /* bytes in use, without the terminating NUL */
	size_t capacity; /* bytes allocated, 0 while data is the shared empty string */
};

extern char strbuf_empty[];

#define STRBUF_INIT                  \
	{                            \
		.data = strbuf_empty \
	}

void strbuf_init(struct strbuf *buffer);
/* Frees the memory and leaves an empty, usable buffer. */
void strbuf_release(struct strbuf *buffer);
/* The same for secrets: overwrites the memory first. */
void strbuf_release_secret(struct strbuf *buffer);
/* Empties it and keeps the memory. */
void strbuf_reset(struct strbuf *buffer);

/* Makes room for extra more bytes, so that adding them does not move data. */
void strbuf_grow(struct strbuf *buffer, size_t extra);
/* Sets the size; size must be less than capacity, or 0. */
void strbuf_set_size(struct strbuf *buffer, size_t size);
void strbuf_add(struct strbuf *buffer, const void *data, size_t size);
void strbuf_addstr(struct strbuf *buffer, const char *string);
void strbuf_addch(struct strbuf *buffer, char byte);
void strbuf_addf(struct strbuf *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_addvf(struct strbuf *buffer, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));
/* Removes count bytes (no more than size) from the front. */
void strbuf_consume(struct strbuf *buffer, size_t count);
/* Gives the bytes to the caller, who frees them; the buffer is empty afterwards. */
char *strbuf_detach(struct strbuf *buffer, size_t *ret_size);

#define _cleanup_strbuf_	_cleanup_(strbuf_release)
#define _cleanup_strbuf_secret_ _cleanup_(strbuf_release_secret)
