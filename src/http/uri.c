/* Splits and decodes a request target; everything decoded lives in one allocation. */
#include "http/uri.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/strutil.h"
#include "base/utf8.h"
#include "http/client.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes size bytes to *at, adds a NUL and moves *at past it. */
static int decode(const char *text, size_t size, bool plus_is_space, char **at, const char **ret)
{
	char *start = *at, *out = start;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		if (c == '%') {
			if (size - i < 3)
				return -EINVAL;
			int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
			if (high < 0 || low < 0 || (high == 0 && low == 0))
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		*out++ = c;
	}
	if (!utf8_is_valid(start, (size_t)(out - start)))
		return -EINVAL;
	*out++ = '\0';
	*at = out;
	*ret = start;
	return 0;
}

static int parse_segments(struct uri *uri, char **at, const char **ret_why)
{
	const char *cursor = uri->path;
	while (*cursor == '/') {
		cursor++;
		if (uri->count == URI_MAX_SEGMENTS) {
			*ret_why = "the path has more than 32 segments";
			return -E2BIG;
		}
		size_t size = strcspn(cursor, "/");
		uri->raw[uri->count] = cursor;
		if (decode(cursor, size, false, at, &uri->segments[uri->count]) < 0) {
			*ret_why = "the path is not percent-encoded UTF-8";
			return -EINVAL;
		}
		uri->count++;
		cursor += size;
	}
	return 0;
}

static int parse_queries(struct uri *uri, const char *text, char **at, const char **ret_why)
{
	size_t upper = 1;
	for (const char *c = text; *c; c++)
		upper += *c == '&';
	if (upper > URI_MAX_QUERIES) {
		*ret_why = "the query has more than 64 parameters";
		return -E2BIG;
	}
	uri->queries = xcalloc(upper, sizeof(*uri->queries));

	while (*text) {
		size_t size = strcspn(text, "&");
		if (size > 0) {
			struct uri_query *query = &uri->queries[uri->query_count];
			const char *equals = memchr(text, '=', size);
			size_t name = equals ? (size_t)(equals - text) : size;
			size_t value = equals ? size - name - 1 : 0;
			if (decode(text, name, true, at, &query->name) < 0 ||
			    decode(text + size - value, value, true, at, &query->value) < 0) {
				*ret_why = "the query is not percent-encoded UTF-8";
				return -EINVAL;
			}
			uri->query_count++;
		}
		text += size + (text[size] == '&');
	}
	return 0;
}

/* What follows the authority of "http://host/path"; the target itself in origin form. */
static const char *skip_authority(const char *target)
{
	const char *rest = startswith(target, "http://");
	if (!rest)
		rest = startswith(target, "https://");
	if (!rest)
		return target;
	return rest + strcspn(rest, "/?");
}

int uri_parse(const char *target, struct uri **ret, const char **ret_why)
{
	target = skip_authority(target);
	if (*target != '/') {
		*ret_why = "the path does not begin with a slash";
		return -EINVAL;
	}

	_cleanup_uri_ struct uri *uri = xcalloc(1, sizeof(*uri));
	size_t path = strcspn(target, "?");
	uri->path = xstrndup(target, path);
	/* Each part shrinks or stays, and its separator makes room for a NUL; "a" as a query has
	 * an empty value besides. */
	uri->storage = xmalloc(strlen(target) + URI_MAX_QUERIES + 2);
	char *at = uri->storage;
	int r = parse_segments(uri, &at, ret_why);
	if (r >= 0 && target[path] == '?' && target[path + 1] != '\0')
		r = parse_queries(uri, target + path + 1, &at, ret_why);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(uri);
	return 0;
}

void uri_free(struct uri *uri)
{
	if (!uri)
		return;
	free(uri->path);
	free(uri->storage);
	free(uri->queries);
	free(uri);
}

const char *uri_query(const struct uri *uri, const char *name)
{
	for (size_t i = 0; i < uri->query_count; i++)
		if (streq(uri->queries[i].name, name))
			return uri->queries[i].value;
	return NULL;
}

char *http_escape(const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	char *escaped = xmalloc(strlen(s) * 3 + 1), *out = escaped;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool unreserved = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				  (c >= 'a' && c <= 'z') || strchr("-._~", c);
		if (unreserved) {
			*out++ = (char)c;
			continue;
		}
		*out++ = '%';
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	}
	*out = '\0';
	return escaped;
}
