/*
 * The HTTP interface (docs/protocol.md): routes, authentication, and what turns a request into one
 * unit of work and its result into an answer. Nothing is answered before it is committed.
 */
#pragma once

#include <stdio.h>

#include "control/work.h"
#include "http/server.h"

struct api;

struct api_options {
	struct control *control; /* borrowed, as all below */
	struct catalog *catalog;
	struct store *store;
};

struct api *api_new(const struct api_options *o);
void api_free(struct api *api);

/* Fills route_tables, ctx, before and render_error. */
void api_describe(struct api *api, struct http_server_options *o);
/* Who is woken, and whose numbers /metrics shows: it must outlive whoever calls api_wake(). */
void api_set_http(struct api *api, struct http_server *http);
/* For control_options.wake; any thread. */
void api_wake(struct api *api, const char *topic);
/* A line for each route: method, pattern, operation id, audience. */
void api_print_routes(FILE *out);
