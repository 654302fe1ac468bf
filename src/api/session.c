/* Authentication: API keys by their hash, remembered once found good. */
#include "api/session.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "base/digest.h"
#include "control/keys.h"
#include "control/runners.h"

#define IDENTITIES_MAX 1024
#define TOKEN_MAX      512

struct identity {
	char *principal;
	char *runner_id;
	bool admin;
};

static void identity_free(void *pointer)
{
	struct identity *i = pointer;
	free(i->principal);
	free(i->runner_id);
	free(i);
}

static struct session *session_new(struct api *api, const struct identity *i)
{
	struct session *s = xcalloc(1, sizeof(*s));
	s->control = api->control;
	s->principal = xstrdup(i->principal);
	s->runner_id = xstrdup_null(i->runner_id);
	s->admin = i->admin;
	return s;
}

static void session_free(void *pointer)
{
	struct session *s = pointer;
	if (s->polls)
		runner_poll_ended(s->control, s->runner_id);
	free(s->principal);
	free(s->runner_id);
	free(s);
}

struct actor session_actor(const struct session *s)
{
	return (struct actor){
		.principal = s->principal, .runner_id = s->runner_id, .admin = s->admin};
}

void session_poll_begin(struct session *s)
{
	if (!s->polls)
		runner_poll_began(s->control, s->runner_id);
	s->polls = true;
}

static struct session *remembered(struct api *api, const char *hash)
{
	struct session *s = NULL;
	pthread_mutex_lock(&api->identities_lock);
	const struct identity *i = api->identities ? hashmap_get(api->identities, hash) : NULL;
	if (i)
		s = session_new(api, i);
	pthread_mutex_unlock(&api->identities_lock);
	return s;
}

static void remember(struct api *api, const char *hash, struct identity *i)
{
	pthread_mutex_lock(&api->identities_lock);
	if (api->identities && hashmap_count(api->identities) >= IDENTITIES_MAX) {
		hashmap_free(api->identities);
		api->identities = NULL;
	}
	if (!api->identities)
		api->identities = hashmap_new(identity_free);
	hashmap_put(api->identities, hash, i);
	pthread_mutex_unlock(&api->identities_lock);
}

static int authenticate(struct api *api, const char *token, struct session **ret,
			struct error **err)
{
	char hash[DIGEST_HEX_SIZE];
	digest_hex(DIGEST_BLAKE2B, token, strlen(token), hash);
	*ret = remembered(api, hash);
	if (*ret)
		return 0;

	struct actor nobody = {.principal = "anonymous"}, actor;
	_cleanup_(work_rollbackp) struct work *w = NULL;
	int r = work_begin(api->control, &nobody, STORE_READ, &w, err);
	if (r < 0)
		return r;
	_cleanup_(api_key_row_release) struct api_key_row row = {0};
	r = key_authenticate(w, token, &row, &actor, err);
	if (r < 0)
		return r;
	struct identity *i = xcalloc(1, sizeof(*i));
	i->principal = xstrdup(actor.principal);
	i->runner_id = xstrdup_null(actor.runner_id);
	i->admin = actor.admin;
	*ret = session_new(api, i);
	remember(api, hash, i);
	return 0;
}

static int authorize(const struct api_route *route, const struct session *s, struct error **err)
{
	switch (route->audience) {
	case API_ADMIN:
		if (s->admin)
			return 0;
		return error_set(err, ERROR_PERMISSION_DENIED,
				 "the key of a runner opens /runner/v1 only");
	case API_RUNNER:
		if (s->runner_id)
			return 0;
		return error_set(err, ERROR_PERMISSION_DENIED,
				 "this is for registered runners: the key is none that "
				 "/runner/v1/register gave");
	default:
		return 0;
	}
}

static int bearer_token(struct http_request *q, const char **ret, struct error **err)
{
	const char *header = http_request_header(q, "Authorization");
	if (!header) {
		int r = error_set(err, ERROR_UNAUTHENTICATED, "this needs an API key");
		error_hint(err, "send Authorization: Bearer <key>");
		return r;
	}
	if (strncasecmp(header, "Bearer ", 7) != 0 || strlen(header) > TOKEN_MAX)
		return error_set(err, ERROR_UNAUTHENTICATED,
				 "Authorization is not \"Bearer <key>\"");
	*ret = header + 7 + strspn(header + 7, " ");
	return 0;
}

static int begin(struct api *api, const struct api_route *route, struct http_request *q,
		 struct error **err)
{
	struct session *s = NULL;
	if (route->audience == API_ANYONE || route->audience == API_ENGINE) {
		s = session_new(api, &(struct identity){.principal = (char *)"anonymous"});
	} else {
		const char *token = NULL;
		int r = bearer_token(q, &token, err);
		if (r >= 0)
			r = authenticate(api, token, &s, err);
		if (r < 0)
			return r;
	}
	http_request_set_data(q, s, session_free);
	return authorize(route, s, err);
}

bool session_begin(struct http_request *q, struct http_response *a, const struct http_route *route,
		   void *api)
{
	_cleanup_error_ struct error *e = NULL;
	if (begin(api, api_route_of(api, route), q, &e) >= 0)
		return true;
	if (e->code == ERROR_UNAUTHENTICATED)
		http_response_header(a, "WWW-Authenticate", "Bearer realm=\"planton\"");
	api_respond_error(a, e, 0);
	return false;
}
