/* The growable buffer; see the header for what holds at all times. */
#include "base/strbuf.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What an empty buffer points to. Nothing ever writes to it. */
char strbuf_empty[1];

void strbuf_init(struct strbuf *buffer)
{
	*buffer = (struct strbuf)STRBUF_INIT;
}

void strbuf_release(struct strbuf *buffer)
{
	if (buffer->capacity)
		free(buffer->data);
	strbuf_init(buffer);
}

void strbuf_release_secret(struct strbuf *buffer)
{
	if (buffer->capacity)
		explicit_bzero(buffer->data, buffer->capacity);
	strbuf_release(buffer);
}

void strbuf_grow(struct strbuf *buffer, size_t extra)
{
	size_t needed;
	if (__builtin_add_overflow(buffer->size, extra, &needed) || needed >= SIZE_MAX / 2)
		out_of_memory();
	needed++;
	if (needed <= buffer->capacity)
		return;

	size_t capacity = MAX(buffer->capacity + buffer->capacity / 2, MAX(needed, (size_t)64));
	buffer->data = xrealloc(buffer->capacity ? buffer->data : NULL, capacity);
	buffer->capacity = capacity;
	buffer->data[buffer->size] = '\0';
}

void strbuf_set_size(struct strbuf *buffer, size_t size)
{
	assert(size < buffer->capacity || size == 0);
	buffer->size = size;
	if (buffer->capacity)
		buffer->data[size] = '\0';
}

void strbuf_reset(struct strbuf *buffer)
{
	strbuf_set_size(buffer, 0);
}

void strbuf_add(struct strbuf *buffer, const void *data, size_t size)
{
	if (size == 0)
		return;
	strbuf_grow(buffer, size);
	memcpy(buffer->data + buffer->size, data, size);
	strbuf_set_size(buffer, buffer->size + size);
}

void strbuf_addstr(struct strbuf *buffer, const char *string)
{
	strbuf_add(buffer, string, strlen(string));
}

void strbuf_addch(struct strbuf *buffer, char byte)
{
	strbuf_add(buffer, &byte, 1);
}

void strbuf_addvf(struct strbuf *buffer, const char *format, va_list arguments)
{
	va_list again;
	va_copy(again, arguments);
	size_t room = buffer->capacity ? buffer->capacity - buffer->size : 0;
	int length = vsnprintf(room ? buffer->data + buffer->size : NULL, room, format, arguments);
	if (length < 0)
		out_of_memory();
	if ((size_t)length >= room) {
		strbuf_grow(buffer, (size_t)length);
		vsnprintf(buffer->data + buffer->size, (size_t)length + 1, format, again);
	}
	va_end(again);
	buffer->size += (size_t)length;
}

void strbuf_addf(struct strbuf *buffer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	strbuf_addvf(buffer, format, arguments);
	va_end(arguments);
}

void strbuf_consume(struct strbuf *buffer, size_t count)
{
	assert(count <= buffer->size);
	if (count == 0)
		return;
	memmove(buffer->data, buffer->data + count, buffer->size - count);
	strbuf_set_size(buffer, buffer->size - count);
}

char *strbuf_detach(struct strbuf *buffer, size_t *ret_size)
{
	if (buffer->capacity == 0)
		strbuf_grow(buffer, 0);
	char *data = buffer->data;
	if (ret_size)
		*ret_size = buffer->size;
	strbuf_init(buffer);
	return data;
}
