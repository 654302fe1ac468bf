/* What the files of the layer share. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "api/route.h"
#include "base/hashmap.h"

struct api {
	struct control *control;
	struct catalog *catalog;
	struct store *store;
	struct http_server *_Atomic http;
	struct http_route *routes;	   /* as the HTTP server wants them */
	const struct api_route **declared; /* in the same order */
	const struct http_route *tables[2];
	/* Identities by the hash of a token that was found good: keys are never taken back. */
	pthread_mutex_t identities_lock;
	struct hashmap *identities;
};

const struct api_route *api_route_of(const struct api *api, const struct http_route *route);

/* The API's shape of an error, at most with another status than the code's own (0: that). */
void api_respond_error(struct http_response *a, const struct error *e, int status);
/* Takes the value. */
void api_respond_json(struct http_response *a, int status, json_t *value);
