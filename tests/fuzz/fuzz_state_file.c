/* A file that counts as a state stays one with another serial, with all else the same; whatever it
 * is, reading it ends. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/states.h"
#include "model/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct facts {
	int64_t serial, resources;
	char *lineage;
};

static int parse(const char *bytes, size_t size, struct facts *ret)
{
	_cleanup_error_ struct error *err = NULL;
	int r = state_parse(bytes, size, &ret->serial, &ret->lineage, &ret->resources, &err);
	if ((r < 0) != (err != NULL))
		abort();
	return r;
}

static void check_serial(const char *bytes, size_t size, const struct facts *before)
{
	_cleanup_strbuf_ struct strbuf next = STRBUF_INIT, back = STRBUF_INIT;
	struct facts after = {0};
	if (state_with_serial(bytes, size, 7, &next, NULL) < 0 ||
	    parse(next.data, next.size, &after) < 0)
		abort();
	if (after.serial != 7 || after.resources != before->resources ||
	    strcmp(after.lineage, before->lineage) != 0)
		abort();
	free(after.lineage);
	if (state_with_serial(next.data, next.size, before->serial, &back, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* At the end of its memory, so that reading past it is seen. */
	_cleanup_free_ char *bytes = size > 0 ? xmalloc(size) : NULL;
	if (size > 0)
		memcpy(bytes, data, size);
	_cleanup_json_ json_t *outputs = NULL, *addresses = NULL;
	int r = state_outputs(bytes, size, &outputs, NULL);
	if (r != state_addresses(bytes, size, &addresses, NULL))
		abort();
	struct facts facts = {0};
	if (parse(bytes, size, &facts) < 0)
		return 0;
	if (r < 0 || json_object_size(outputs) > STATE_OUTPUTS_MAX)
		abort();
	check_serial(bytes, size, &facts);
	free(facts.lineage);
	return 0;
}
