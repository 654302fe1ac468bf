/* Request targets: what is accepted holds what the header promises; http_escape() is the inverse.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/strutil.h"
#include "base/utf8.h"
#include "http/client.h"
#include "http/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_segment(const char *segment)
{
	_cleanup_free_ char *escaped = http_escape(segment);
	_cleanup_free_ char *target = xasprintf("/%s", escaped);
	_cleanup_uri_ struct uri *again = NULL;
	const char *why;
	int r = uri_parse(target, &again, &why);
	assert(r == 0 && again->count == 1);
	assert(streq(again->segments[0], segment));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *target = xmemdup(data, size);
	_cleanup_uri_ struct uri *uri = NULL;
	const char *why = NULL;
	if (uri_parse(target, &uri, &why) < 0) {
		assert(why && !uri);
		return 0;
	}
	assert(uri->path[0] == '/' && uri->count > 0 && uri->count <= URI_MAX_SEGMENTS);
	for (size_t i = 0; i < uri->count; i++) {
		assert(utf8_is_valid(uri->segments[i], strlen(uri->segments[i])));
		check_segment(uri->segments[i]);
	}
	assert(uri->query_count <= URI_MAX_QUERIES);
	for (size_t i = 0; i < uri->query_count; i++)
		assert(uri_query(uri, uri->queries[i].name));
	return 0;
}
