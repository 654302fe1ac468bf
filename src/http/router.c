/* Matches paths against patterns segment by segment, and prefers the most literal match. */
#include "http/router.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/strutil.h"

static const char *const method_names[_HTTP_METHOD_MAX] = {
	[HTTP_GET] = "GET",	  [HTTP_POST] = "POST", [HTTP_PUT] = "PUT",
	[HTTP_DELETE] = "DELETE", [HTTP_LOCK] = "LOCK", [HTTP_UNLOCK] = "UNLOCK",
};

/* Registered methods that no route can have; anything else is not a method at all (501). */
static const char *const other_methods[] = {"OPTIONS", "PATCH", "TRACE", "CONNECT"};

const char *http_method_to_string(enum http_method method)
{
	return method_names[method];
}

enum http_method http_method_from_string(const char *name)
{
	if (streq(name, "HEAD"))
		return HTTP_GET;
	for (enum http_method method = 0; method < _HTTP_METHOD_MAX; method++)
		if (streq(method_names[method], name))
			return method;
	return _HTTP_METHOD_INVALID;
}

enum segment_kind { SEGMENT_LITERAL, SEGMENT_PARAM, SEGMENT_REST };

/* One segment of a pattern; text is the name for parameters. */
struct pattern_segment {
	enum segment_kind kind;
	const char *text;
	size_t size;
};

/* Moves *cursor, which is at a slash, past the segment. False at the end of the pattern. */
static bool pattern_next(const char **cursor, struct pattern_segment *ret)
{
	if (**cursor != '/')
		return false;
	const char *text = *cursor + 1;
	size_t size = strcspn(text, "/");
	*cursor = text + size;
	*ret = (struct pattern_segment){SEGMENT_LITERAL, text, size};
	if (size >= 2 && text[0] == '{' && text[size - 1] == '}') {
		*ret = (struct pattern_segment){SEGMENT_PARAM, text + 1, size - 2};
		if (ret->size > 3 && memcmp(ret->text + ret->size - 3, "...", 3) == 0) {
			ret->kind = SEGMENT_REST;
			ret->size -= 3;
		}
	}
	return true;
}

static bool equal(const struct pattern_segment *segment, const char *text)
{
	return strncmp(segment->text, text, segment->size) == 0 && text[segment->size] == '\0';
}

/*
 * Two bits a segment, the leftmost highest: literal 3, parameter 2, rest 1. 0 is no match, so the
 * larger of two numbers is the better match.
 */
static uint64_t match(const char *pattern, const struct uri *uri)
{
	uint64_t score = 0;
	size_t at = 0;
	struct pattern_segment segment;
	while (pattern_next(&pattern, &segment)) {
		if (at == uri->count)
			return 0;
		unsigned shift = 2 * (unsigned)(URI_MAX_SEGMENTS - 1 - at);
		if (segment.kind == SEGMENT_REST)
			return score | (uint64_t)1 << shift;
		if (segment.kind == SEGMENT_LITERAL && !equal(&segment, uri->segments[at]))
			return 0;
		if (segment.kind == SEGMENT_PARAM && uri->segments[at][0] == '\0')
			return 0;
		score |= (uint64_t)(segment.kind == SEGMENT_LITERAL ? 3 : 2) << shift;
		at++;
	}
	return at == uri->count ? score : 0;
}

static bool is_registered(const char *method)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_methods); i++)
		if (streq(other_methods[i], method))
			return true;
	return http_method_from_string(method) != _HTTP_METHOD_INVALID;
}

static void list_methods(unsigned methods, char ret[ROUTER_ALLOW_SIZE])
{
	size_t size = 0;
	ret[0] = '\0';
	for (enum http_method method = 0; method < _HTTP_METHOD_MAX; method++) {
		if (!(methods & 1U << method))
			continue;
		int n = snprintf(ret + size, ROUTER_ALLOW_SIZE - size, "%s%s%s", size ? ", " : "",
				 method_names[method], method == HTTP_GET ? ", HEAD" : "");
		size += (size_t)n;
	}
}

int router_find(const struct http_route *const *tables, const char *method, const struct uri *uri,
		const struct http_route **ret, char ret_allow[ROUTER_ALLOW_SIZE],
		struct error **err)
{
	enum http_method wanted = http_method_from_string(method);
	const struct http_route *found = NULL;
	uint64_t best = 0;
	unsigned methods = 0;

	for (; *tables; tables++)
		for (const struct http_route *route = *tables; route->pattern; route++) {
			uint64_t score = match(route->pattern, uri);
			if (score == 0 || score < best)
				continue;
			if (score > best) {
				best = score;
				methods = 0;
				found = NULL;
			}
			methods |= 1U << route->method;
			if (route->method == wanted)
				found = route;
		}

	if (found) {
		*ret = found;
		return 0;
	}
	if (best == 0 && is_registered(method))
		return error_set(err, ERROR_NOT_FOUND, "there is nothing at %s", uri->path);

	list_methods(methods, ret_allow);
	if (!is_registered(method))
		return error_set(err, ERROR_UNIMPLEMENTED, "%.32s is not a known HTTP method",
				 method);
	return error_set(err, ERROR_METHOD_NOT_ALLOWED, "%s is not possible at %s, only %s", method,
			 uri->path, ret_allow);
}

const char *router_param(const struct http_route *route, const struct uri *uri, const char *name)
{
	const char *pattern = route->pattern;
	struct pattern_segment segment;
	for (size_t at = 0; pattern_next(&pattern, &segment) && at < uri->count; at++) {
		if (segment.kind == SEGMENT_LITERAL || !equal(&segment, name))
			continue;
		return segment.kind == SEGMENT_REST ? uri->raw[at] : uri->segments[at];
	}
	return NULL;
}
