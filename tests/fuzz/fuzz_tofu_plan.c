/* A plan shown as JSON: read element by element, never past its end, and nothing sensitive comes
 * out. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "engines/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int look(json_t *payload, void *userdata)
{
	(void)userdata;
	assert(json_is_string(json_object_get(payload, "address")));
	char *text = json_dumps(payload, JSON_COMPACT);
	assert(text);
	free(text);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct error *error = NULL;
	/* A copy of exactly this size, so that a sanitizer sees a read past its end. */
	char *copy = xmalloc(size ? size : 1);
	memcpy(copy, data, size);
	(void)tofu_engine.read_plan(copy, size, look, NULL, &error);
	error_free(error);
	free(copy);
	return 0;
}
