/* Who a request comes from, known from before() until it is answered. */
#pragma once

#include <stdbool.h>

#include "control/work.h"
#include "http/server.h"

struct session {
	struct control *control;
	char *principal;
	char *runner_id; /* NULL for people */
	bool admin;
	bool polls; /* its runner counts as connected until the session ends */
};

/* http_server_options.before: authenticates, and answers those who may not pass. */
bool session_begin(struct http_request *q, struct http_response *a, const struct http_route *route,
		   void *api);
struct actor session_actor(const struct session *s);
/* The runner counts as connected from now until its request is over. */
void session_poll_begin(struct session *s);
