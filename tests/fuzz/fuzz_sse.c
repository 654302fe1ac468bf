/* The SSE parser: however a stream is cut into pieces, its events are the same. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "http/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_EVENT 4096

static int note(const char *event, const char *id, const char *data, size_t size, void *ctx)
{
	struct strbuf *log = ctx;
	strbuf_addf(log, "%s\n%s\n%zu\n", event, id, size);
	strbuf_add(log, data, size);
	return log->size > 1 << 20 ? -1 : 0;
}

static int parse(const uint8_t *data, size_t size, size_t step, struct strbuf *log)
{
	struct sse_parser *p = sse_parser_new(MAX_EVENT, note, log);
	int r = 0;
	for (size_t at = 0; at < size && r == 0; at += step)
		r = sse_parser_feed(p, data + at, MIN(step, size - at));
	sse_parser_free(p);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	_cleanup_strbuf_ struct strbuf whole = STRBUF_INIT, cut = STRBUF_INIT;
	int a = parse(data + 1, size - 1, size, &whole);
	int b = parse(data + 1, size - 1, 1 + data[0] % 16, &cut);
	assert(a == b);
	assert(whole.size == cut.size && memcmp(whole.data, cut.data, whole.size) == 0);
	return 0;
}
