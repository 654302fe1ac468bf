/* NULL-terminated vectors of strings. */
#include "base/strv.h"

#include <stdarg.h>
#include <string.h>

#include "base/strbuf.h"

size_t strv_length(char *const *vector)
{
	size_t length = 0;
	while (vector && vector[length])
		length++;
	return length;
}

void strv_take(char ***vector, char *string)
{
	size_t length = strv_length(*vector);
	*vector = xreallocarray(*vector, length + 2, sizeof(char *));
	(*vector)[length] = string;
	(*vector)[length + 1] = NULL;
}

void strv_add(char ***vector, const char *string)
{
	strv_take(vector, xstrdup(string));
}

void strv_addf(char ***vector, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	strv_take(vector, xvasprintf(format, arguments));
	va_end(arguments);
}

bool strv_contains(char *const *vector, const char *string)
{
	for (; vector && *vector; vector++)
		if (strcmp(*vector, string) == 0)
			return true;
	return false;
}

char **strv_copy(char *const *vector)
{
	size_t length = strv_length(vector);
	char **copy = xcalloc(length + 1, sizeof(char *));
	for (size_t i = 0; i < length; i++)
		copy[i] = xstrdup(vector[i]);
	return copy;
}

char **strv_split(const char *string, char separator)
{
	size_t parts = *string ? 1 : 0;
	for (const char *c = string; *c; c++)
		parts += *c == separator;

	char **vector = xcalloc(parts + 1, sizeof(char *));
	for (size_t i = 0; i < parts; i++) {
		const char *end = strchrnul(string, separator);
		vector[i] = xstrndup(string, (size_t)(end - string));
		string = *end ? end + 1 : end;
	}
	return vector;
}

char *strv_join(char *const *vector, const char *separator)
{
	_cleanup_strbuf_ struct strbuf joined = STRBUF_INIT;
	for (size_t i = 0; vector && vector[i]; i++) {
		if (i > 0)
			strbuf_addstr(&joined, separator);
		strbuf_addstr(&joined, vector[i]);
	}
	return strbuf_detach(&joined, NULL);
}

void strv_free(char **vector)
{
	for (size_t i = 0; vector && vector[i]; i++)
		free(vector[i]);
	free(vector);
}
