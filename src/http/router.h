/* Finds the route of a request: pure, over the tables that the server was started with. */
#pragma once

#include "base/error.h"
#include "http/server.h"
#include "http/uri.h"

#define ROUTER_ALLOW_SIZE 64

/* "LOCK"; never NULL for a valid method. */
const char *http_method_to_string(enum http_method method);
/* HEAD is GET here. */
enum http_method http_method_from_string(const char *name);

/*
 * Where patterns compete, a literal segment beats a {parameter}, the leftmost first, whatever the
 * order of the tables; the method is looked at afterwards.
 * ERROR_NOT_FOUND, or ERROR_METHOD_NOT_ALLOWED or ERROR_UNIMPLEMENTED with allow filled.
 */
int router_find(const struct http_route *const *tables, const char *method, const struct uri *uri,
		const struct http_route **ret, char ret_allow[ROUTER_ALLOW_SIZE],
		struct error **err);

/* The value of a pattern's {name} or {name...} in a path that the pattern matched; NULL when
 * undeclared. */
const char *router_param(const struct http_route *route, const struct uri *uri, const char *name);
