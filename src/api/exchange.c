/* The bracket around every route: request, unit of work, answer. */
#include "api/exchange.h"

#include <string.h>
#include <strings.h>

#include "api/internal.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "control/keys.h"
#include "control/states.h"
#include "model/json.h"

#define IDEMPOTENCY_KEY_MAX 255

static void exchange_release(struct exchange *x)
{
	work_rollbackp(&x->work);
	attempt_row_release(&x->launch);
	json_decref(x->body);
	json_decref(x->answer);
	strbuf_release(&x->bytes);
	if (x->stream.free_fn)
		x->stream.free_fn(x->stream.data);
	free(x->locked_by);
}

static int unknown_name(enum error_code code, const char *what, const char *name,
			const char *const *known, struct error **err)
{
	int r = error_set_field(err, code, name, "%s %s is not known here", what, name);
	const char *near = string_suggest(name, known);
	_cleanup_free_ char *list = strv_join((char *const *)known, ", ");
	if (near)
		error_hint(err, "did you mean %s?", near);
	else if (*list)
		error_hint(err, "known are %s", list);
	return r;
}

static int check_query(struct exchange *x, struct error **err)
{
	static const char *const none[] = {NULL};
	const char *const *known = x->route->query ? x->route->query : none;
	const char *unknown = http_request_unknown_query(x->request, known);
	if (!unknown)
		return 0;
	return unknown_name(ERROR_INVALID_ARGUMENT, "the query parameter", unknown, known, err);
}

static int check_fields(struct exchange *x, struct error **err)
{
	if (!x->route->fields)
		return 0;
	const char *name;
	json_t *value;
	json_object_foreach(x->body, name, value)
	{
		if (strv_contains((char *const *)x->route->fields, name))
			continue;
		return unknown_name(ERROR_INVALID_ARGUMENT, "the field", name, x->route->fields,
				    err);
	}
	return 0;
}

static int parse_body(struct exchange *x, struct error **err)
{
	size_t size;
	const char *text = http_request_body(x->request, &size);
	if (x->route->input == API_NO_BODY || x->route->input == API_BYTES)
		return 0;
	if (size == 0) {
		if (x->route->input == API_JSON_OPTIONAL)
			return 0;
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "the request has no body; it takes JSON");
	}
	const char *type = http_request_header(x->request, "Content-Type");
	if (type && strncasecmp(type, "application/json", 16) != 0) {
		int r = error_set(err, ERROR_UNSUPPORTED_MEDIA_TYPE, "the body is %s", type);
		error_hint(err, "send JSON with Content-Type: application/json");
		return r;
	}
	int r = json_parse(text, size, x->route->max_body, &x->body, err);
	if (r < 0)
		return error_wrap(err, "the body is not understood");
	if (!json_is_object(x->body))
		return error_set(err, ERROR_INVALID_ARGUMENT, "the body is not a JSON object");
	return check_fields(x, err);
}

/* Method, path, query and body: what a repeat under one key must have in common. */
static void request_hash(struct exchange *x, char ret[DIGEST_HEX_SIZE])
{
	_cleanup_digest_ struct digest *d = digest_new(DIGEST_BLAKE2B);
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	strbuf_addf(&line, "%d %s\n", (int)x->route->method, http_request_path(x->request));
	for (const char *const *name = x->route->query; name && *name; name++) {
		const char *value = http_request_query(x->request, *name);
		if (value)
			strbuf_addf(&line, "%s=%s\n", *name, value);
	}
	size_t size;
	const void *body = http_request_body(x->request, &size);
	digest_update(d, line.data, line.size);
	digest_update(d, body, size);
	digest_final_hex(d, ret);
}

static int idempotency_key(struct exchange *x, const char **ret, struct error **err)
{
	*ret = NULL;
	if (x->route->method != HTTP_POST || x->route->access != API_WRITE ||
	    x->route->audience != API_ADMIN)
		return 0;
	const char *key = http_request_header(x->request, "Idempotency-Key");
	if (!key)
		return 0;
	size_t length = strlen(key), visible = 0;
	while (visible < length && key[visible] > ' ' && key[visible] < 127)
		visible++;
	if (length == 0 || length > IDEMPOTENCY_KEY_MAX || visible < length)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "Idempotency-Key",
				       "an Idempotency-Key has 1 to %d visible characters",
				       IDEMPOTENCY_KEY_MAX);
	*ret = key;
	return 0;
}

static int replay(struct exchange *x, const struct idempotency_row *row, struct error **err)
{
	x->status = row->http_status;
	http_response_header(x->response, "Idempotency-Replayed", "true");
	if (!row->response)
		return 0;
	return json_parse(row->response, strlen(row->response), JSON_DEFAULT_MAX_SIZE * 4,
			  &x->answer, err);
}

static int run(struct exchange *x, struct error **err)
{
	int r = x->route->run(x, err);
	if (r >= 0 && x->status == 0)
		x->status = x->answer || x->content_type ? 200 : 204;
	return r;
}

static int run_once(struct exchange *x, struct error **err)
{
	const char *key;
	int r = idempotency_key(x, &key, err);
	if (r < 0)
		return r;
	if (!key)
		return run(x, err);

	char hash[DIGEST_HEX_SIZE];
	request_hash(x, hash);
	_cleanup_(idempotency_row_release) struct idempotency_row row = {0};
	r = idempotency_check(x->work, key, hash, &row, err);
	if (r < 0)
		return r;
	if (r > 0)
		return replay(x, &row, err);
	r = run(x, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *text = x->answer ? json_to_text(x->answer, JSON_WRITE_COMPACT) : NULL;
	return idempotency_remember(x->work, key, hash, x->status, text, err);
}

static int authenticate_engine(struct exchange *x, struct error **err)
{
	const char *header = http_request_header(x->request, "Authorization");
	_cleanup_free_ uint8_t *decoded = NULL;
	size_t size = 0;
	if (!header || strncasecmp(header, "Basic ", 6) != 0 ||
	    base64_decode(header + 6, strlen(header + 6), &decoded, &size) < 0)
		return error_set(err, ERROR_UNAUTHENTICATED,
				 "this needs the credential of an engine launch, by basic auth");
	char *username = (char *)decoded, *colon = memchr(decoded, ':', size);
	if (!colon)
		return error_set(err, ERROR_UNAUTHENTICATED, "this is no user name and password");
	*colon = '\0';
	int r = state_authenticate(x->work, http_request_param(x->request, "stateId"), username,
				   colon + 1, &x->launch, err);
	secure_wipe(decoded, size);
	if (r >= 0)
		x->work->actor.principal = x->launch.job_id;
	return r;
}

static int perform(struct exchange *x, struct error **err)
{
	int r = check_query(x, err);
	if (r >= 0)
		r = parse_body(x, err);
	if (r < 0)
		return r;
	if (x->route->access == API_NO_STORE)
		return run(x, err);

	struct actor actor = session_actor(x->session);
	r = work_begin(x->api->control, &actor,
		       x->route->access == API_WRITE ? STORE_WRITE : STORE_READ, &x->work, err);
	if (r >= 0 && x->route->audience == API_ENGINE)
		r = authenticate_engine(x, err);
	if (r >= 0)
		r = run_once(x, err);
	return r < 0 ? r : work_commit(TAKE_PTR(x->work), err);
}

static void respond(struct exchange *x)
{
	struct http_response *a = x->response;
	if (x->park_topic) {
		http_respond_park(a, x->park_topic, x->park_until_ms);
	} else if (x->stream.pull) {
		http_respond_stream(a, &x->stream);
		x->stream.free_fn = NULL;
	} else if (x->content_type) {
		http_respond(a, x->status, x->content_type, &x->bytes);
	} else if (x->answer) {
		api_respond_json(a, x->status, TAKE_PTR(x->answer));
	} else {
		http_respond_empty(a, x->status);
	}
}

static void respond_failure(struct exchange *x, const struct error *e)
{
	bool engine = x->route->audience == API_ENGINE;
	if (e->code == ERROR_LOCKED && x->locked_by) {
		struct strbuf body = STRBUF_INIT;
		strbuf_addstr(&body, x->locked_by);
		http_respond(x->response, 423, "application/json", &body);
		return;
	}
	if (engine && e->code == ERROR_UNAUTHENTICATED)
		http_response_header(x->response, "WWW-Authenticate",
				     "Basic realm=\"planton state\"");
	/* To an engine 409 is "locked", with the holder as the body: a void credential is not that.
	 */
	api_respond_error(x->response, e, engine && e->code == ERROR_STALE_EPOCH ? 403 : 0);
}

void exchange_handle(struct http_request *q, struct http_response *a, void *api)
{
	_cleanup_(exchange_release) struct exchange x = {
		.api = api,
		.route = api_route_of(api, http_request_route(q)),
		.request = q,
		.response = a,
		.session = http_request_data(q),
		.bytes = STRBUF_INIT,
	};
	_cleanup_error_ struct error *e = NULL;
	LOG_CONTEXT("route", x.route->name);
	if (perform(&x, &e) >= 0)
		respond(&x);
	else
		respond_failure(&x, e);
}
