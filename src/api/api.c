/* The API as the HTTP server sees it: one flat table, one handler. */
#include "api/api.h"

#include <jansson.h>
#include <string.h>

#include "api/exchange.h"
#include "api/internal.h"
#include "base/strutil.h"

static const struct api_route *const families[] = {
	api_system_routes,	    api_resource_routes,      api_version_routes, api_state_routes,
	api_catalog_routes,	    api_stack_job_routes,     api_event_routes,	  api_runner_routes,
	api_runner_protocol_routes, api_state_backend_routes,
};

static size_t count_routes(void)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (const struct api_route *r = families[i]; r->pattern; r++)
			n++;
	return n;
}

static void render_error(struct http_response *a, const struct error *e, void *api)
{
	(void)api;
	api_respond_error(a, e, 0);
}

struct api *api_new(const struct api_options *o)
{
	struct api *api = xcalloc(1, sizeof(*api));
	api->control = o->control;
	api->catalog = o->catalog;
	api->store = o->store;
	pthread_mutex_init(&api->identities_lock, NULL);

	size_t count = count_routes(), n = 0;
	api->routes = xcalloc(count + 1, sizeof(*api->routes));
	api->declared = xcalloc(count + 1, sizeof(*api->declared));
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (const struct api_route *r = families[i]; r->pattern; r++, n++) {
			api->declared[n] = r;
			api->routes[n] = (struct http_route){
				.method = r->method,
				.pattern = r->pattern,
				.handler = exchange_handle,
				.max_body = r->max_body,
				.name = r->name,
			};
		}
	api->tables[0] = api->routes;
	return api;
}

void api_free(struct api *api)
{
	if (!api)
		return;
	hashmap_free(api->identities);
	pthread_mutex_destroy(&api->identities_lock);
	free(api->routes);
	free(api->declared);
	free(api);
}

void api_describe(struct api *api, struct http_server_options *o)
{
	o->route_tables = api->tables;
	o->ctx = api;
	o->before = session_begin;
	o->render_error = render_error;
}

void api_set_http(struct api *api, struct http_server *http)
{
	atomic_store(&api->http, http);
}

void api_wake(struct api *api, const char *topic)
{
	struct http_server *http = atomic_load(&api->http);
	if (!http)
		return;
	http_server_wake(http, topic);
	if (streq(topic, "queue") || startswith(topic, "runner:"))
		http_server_wake(http, "poll");
}

const struct api_route *api_route_of(const struct api *api, const struct http_route *route)
{
	return api->declared[route - api->routes];
}

void api_print_routes(FILE *out)
{
	static const char *const methods[_HTTP_METHOD_MAX] = {
		[HTTP_GET] = "GET",	  [HTTP_POST] = "POST", [HTTP_PUT] = "PUT",
		[HTTP_DELETE] = "DELETE", [HTTP_LOCK] = "LOCK", [HTTP_UNLOCK] = "UNLOCK",
	};
	static const char *const audiences[] = {
		[API_ANYONE] = "anyone", [API_ADMIN] = "admin",
		[API_RUNNER] = "runner", [API_REGISTRATION] = "registration",
		[API_ENGINE] = "engine",
	};
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		for (const struct api_route *r = families[i]; r->pattern; r++)
			fprintf(out, "%s %s %s %s\n", methods[r->method], r->pattern, r->name,
				audiences[r->audience]);
}
