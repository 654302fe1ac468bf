/*
 * Request targets (RFC 9110, RFC 3986): splitting, percent-decoding, query strings. Decoding is
 * strict: "%zz", "%00" and what does not decode to UTF-8 are refused.
 */
#pragma once

#include <stddef.h>

#include "base/alloc.h"

#define URI_MAX_SEGMENTS 32
#define URI_MAX_QUERIES	 64

struct uri_query {
	const char *name;
	const char *value; /* "" when absent */
};

struct uri {
	char *path; /* as sent, without the query */
	size_t count;
	const char *segments[URI_MAX_SEGMENTS]; /* decoded; "/a/" has two, the second is empty */
	const char *raw[URI_MAX_SEGMENTS];	/* where each begins in path */
	size_t query_count;
	struct uri_query *queries;
	char *storage; /* what segments and queries point into */
};

/* Any target in origin or absolute form. Negative: *ret_why says what is wrong (a static string).
 */
int uri_parse(const char *target, struct uri **ret, const char **ret_why);
void uri_free(struct uri *uri);

DEFINE_CLEANUP(struct uri *, uri_free);
#define _cleanup_uri_ _cleanup_(uri_free_p)

/* The first of that name; NULL when there is none. */
const char *uri_query(const struct uri *uri, const char *name);
