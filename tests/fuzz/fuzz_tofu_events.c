/* Lines of OpenTofu's, whole and as their progress is restored: whatever they hold, the engine's
 * reader and the events stay sane. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "engines/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_engine_line_ struct engine_line line = ENGINE_LINE_INIT;
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *stop = newline ? newline : end;
		engine_line_reset(&line);
		tofu_engine.parse_line(at, (size_t)(stop - at), &line);
		assert((line.payload != NULL) == (line.type != _EVENT_TYPE_INVALID));
		assert(line.text.data[line.text.size] == '\0');
		at = stop + (newline ? 1 : 0);
	}
	return 0;
}
