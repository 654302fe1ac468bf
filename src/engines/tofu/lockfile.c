/* The providers that a dependency lock file names. */
#include <stdio.h>
#include <string.h>

#include "base/strutil.h"
#include "engines/tofu/tofu.h"

/* The text between the first two double quotes of a line, or NULL; caller frees. */
static char *quoted(const char *line, size_t size)
{
	const char *begin = memchr(line, '"', size);
	if (!begin)
		return NULL;
	begin++;
	const char *end = memchr(begin, '"', size - (size_t)(begin - line));
	return end ? xstrndup(begin, (size_t)(end - begin)) : NULL;
}

json_t *tofu_read_providers(const char *lock_content)
{
	json_t *providers = json_array();
	_cleanup_free_ char *source = NULL;

	for (const char *line = lock_content; *line;) {
		size_t size = strcspn(line, "\n");
		const char *text = line + strspn(line, " \t");
		size_t rest = size - (size_t)(text - line);

		if (startswith(text, "provider ")) {
			free(source);
			source = quoted(text, rest);
		} else if (source && startswith(text, "version ")) {
			_cleanup_free_ char *version = quoted(text, rest);
			if (version)
				json_array_append_new(providers,
						      json_pack("{s:s s:s}", "source", source,
								"version", version));
			source = (free(source), NULL);
		}
		line += size;
		line += *line == '\n';
	}
	return providers;
}
