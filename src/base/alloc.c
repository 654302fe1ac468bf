/* Allocation that aborts instead of failing. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void out_of_memory(void)
{
	static const char message[] = "level=error msg=\"out of memory\"\n";
	ssize_t written = write(STDERR_FILENO, message, sizeof(message) - 1);
	(void)written;
	abort();
}

void *xmalloc(size_t size)
{
	void *pointer = malloc(size ? size : 1);
	if (!pointer)
		out_of_memory();
	return pointer;
}

void *xcalloc(size_t count, size_t size)
{
	void *pointer = count && size ? calloc(count, size) : calloc(1, 1);
	if (!pointer)
		out_of_memory();
	return pointer;
}

void *xrealloc(void *pointer, size_t size)
{
	pointer = realloc(pointer, size ? size : 1);
	if (!pointer)
		out_of_memory();
	return pointer;
}

void *xreallocarray(void *pointer, size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		out_of_memory();
	return xrealloc(pointer, total);
}

void *xmemdup(const void *data, size_t size)
{
	if (size == SIZE_MAX)
		out_of_memory();
	char *copy = xmalloc(size + 1);
	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

char *xstrdup(const char *string)
{
	return xmemdup(string, strlen(string));
}

char *xstrndup(const char *string, size_t max)
{
	return xmemdup(string, strnlen(string, max));
}

char *xstrdup_null(const char *string)
{
	return string ? xstrdup(string) : NULL;
}

char *xvasprintf(const char *format, va_list arguments)
{
	char *string;
	if (vasprintf(&string, format, arguments) < 0)
		out_of_memory();
	return string;
}

char *xasprintf(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *string = xvasprintf(format, arguments);
	va_end(arguments);
	return string;
}

void replace_string(char **target, const char *value)
{
	char *copy = xstrdup_null(value);
	free(*target);
	*target = copy;
}
