/* One route as its family's file declares it: everything that the common bracket has to know. */
#pragma once

#include "base/error.h"
#include "http/server.h"

struct exchange;

enum api_audience {
	API_ANYONE,
	API_ADMIN,
	API_RUNNER,	  /* a registered runner */
	API_REGISTRATION, /* an administrator, or the key that registers runners */
	API_ENGINE,	  /* the credential of one engine launch, by basic auth */
};

enum api_access { API_NO_STORE, API_READ, API_WRITE };
enum api_input { API_NO_BODY, API_JSON, API_JSON_OPTIONAL, API_BYTES };

struct api_route {
	enum http_method method;
	const char *pattern;
	const char *name; /* operationId */
	enum api_audience audience;
	enum api_access access;
	enum api_input input;
	size_t max_body;
	const char *const *query;  /* names that may be there; NULL: none */
	const char *const *fields; /* of a JSON body; NULL: the service checks them */
	int argument;		   /* tells routes that share run() apart */
	int (*run)(struct exchange *x, struct error **err);
};

#define API_NAMES(...)            \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

#define API_BODY_MAX ((size_t)64 << 10)

/* Each ends with a NULL pattern. */
extern const struct api_route api_system_routes[];
extern const struct api_route api_resource_routes[];
extern const struct api_route api_version_routes[];
extern const struct api_route api_state_routes[];
extern const struct api_route api_catalog_routes[];
extern const struct api_route api_stack_job_routes[];
extern const struct api_route api_event_routes[];
extern const struct api_route api_runner_routes[];
extern const struct api_route api_runner_protocol_routes[];
extern const struct api_route api_state_backend_routes[];
