/* Calls to the server: retries that cannot do a thing twice, and errors in the server's words. */
#include "cli/session.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/strutil.h"
#include "base/ulid.h"
#include "model/json.h"

#define ATTEMPTS      4
#define FIRST_WAIT_MS 200
#define PAGE	      500
#define RESPONSE_MAX  ((size_t)256 << 20)

int cli_connect(const struct cli *cli, struct http_client **ret, struct error **err)
{
	struct http_client_options o = {
		.base_url = cli->settings.server,
		.token = cli->settings.token,
		.user_agent = "planton/" PLANTON_VERSION,
		.max_response = RESPONSE_MAX,
	};
	return http_client_new(&o, ret, err);
}

int api_error(int status, const char *body, size_t size, struct error **err)
{
	_cleanup_json_ json_t *answer = NULL;
	(void)json_parse(body, size, JSON_DEFAULT_MAX_SIZE, &answer, NULL);
	const json_t *e = json_object_get(answer, "error");
	const char *name = json_get_str(e, "code");
	enum error_code code = name ? error_code_from_string(name) : ERROR_CODE_INVALID;
	if (code == ERROR_CODE_INVALID)
		code = error_code_from_http_status(status);

	const char *text = json_get_str(e, "message"), *field = json_get_str(e, "field");
	int r = text ? error_set_field(err, code, field, "%s", text)
		     : error_set(err, code, "the server answered %d", status);
	size_t i;
	json_t *detail;
	json_array_foreach(json_object_get(e, "details"), i, detail)
	{
		const char *why = json_get_str(detail, "message");
		error_add_detail(err, json_get_str(detail, "field"), why ? why : "");
	}
	const char *hint = json_get_str(e, "hint");
	if (hint)
		error_hint(err, "%s", hint);
	else if (code == ERROR_UNAUTHENTICATED)
		error_hint(err, "planton login, or set PLANTON_TOKEN");
	return r;
}

static void wait_ms(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
	nanosleep(&t, NULL);
}

static int call_once(struct cli *cli, const struct http_call *call, struct http_reply *ret,
		     struct error **err)
{
	if (!cli->http) {
		int r = cli_connect(cli, &cli->http, err);
		if (r < 0)
			return r;
	}
	return http_client_call(cli->http, call, ret, err);
}

static int call_with_retries(struct cli *cli, const struct http_call *call, struct http_reply *ret,
			     struct error **err)
{
	bool repeatable = streq(call->method, "GET") || streq(call->method, "POST");
	for (unsigned attempt = 1;; attempt++) {
		_cleanup_error_ struct error *e = NULL;
		int r = call_once(cli, call, ret, &e);
		bool again = r < 0 ? e->code == ERROR_UNAVAILABLE : ret->status == 503;
		if (!again || !repeatable || attempt == ATTEMPTS) {
			if (r >= 0)
				return 0;
			if (e->code == ERROR_UNAVAILABLE)
				error_hint(&e, "is the server running (planton server), and is "
					       "--server right?");
			return error_move(err, &e);
		}
		if (r >= 0)
			http_reply_release(ret);
		wait_ms(FIRST_WAIT_MS << (attempt - 1));
	}
}

static int request(struct cli *cli, const struct api_request *q, struct http_reply *ret,
		   struct error **err)
{
	const char *method = q->method ? q->method : q->body ? "POST" : "GET";
	char ulid[ULID_SIZE];
	ulid_new(ulid);
	_cleanup_free_ char *key = xasprintf("Idempotency-Key: cli-%s", ulid);
	_cleanup_free_ char *match =
		q->if_match ? xasprintf("If-Match: \"%s\"", q->if_match) : NULL;
	const char *headers[4] = {"Accept: application/json"};
	size_t n = 1;
	if (streq(method, "POST"))
		headers[n++] = key;
	if (match)
		headers[n++] = match;

	_cleanup_strbuf_ struct strbuf body = STRBUF_INIT;
	if (q->body)
		json_write(&body, q->body, JSON_WRITE_COMPACT);
	_cleanup_free_ char *path = xasprintf("/api/v1%s", q->path);
	struct http_call call = {
		.method = method,
		.path = path,
		.headers = headers,
		.content_type = q->body ? "application/json" : NULL,
		.body = q->body ? body.data : NULL,
		.body_len = body.size,
	};
	int r = call_with_retries(cli, &call, ret, err);
	if (r < 0)
		return r;
	if (ret->status >= 200 && ret->status < 300)
		return 0;
	r = api_error(ret->status, ret->body.data, ret->body.size, err);
	http_reply_release(ret);
	return r;
}

int api_call(struct cli *cli, const struct api_request *q, json_t **ret, struct error **err)
{
	struct http_reply reply = {0};
	int r = request(cli, q, &reply, err);
	if (r < 0)
		return r;
	json_t *answer = NULL;
	if (reply.body.size)
		r = json_parse(reply.body.data, reply.body.size, RESPONSE_MAX, &answer, err);
	http_reply_release(&reply);
	if (r < 0) {
		r = error_wrap(err, "%s does not answer like a planton server",
			       cli->settings.server);
		error_hint(err, "is --server right?");
		return r;
	}
	if (ret)
		*ret = answer;
	else
		json_decref(answer);
	return 0;
}

int api_get(struct cli *cli, const char *path, json_t **ret, struct error **err)
{
	return api_call(cli, &(struct api_request){.path = path}, ret, err);
}

int api_post(struct cli *cli, const char *path, json_t *body, json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *own = body ? body : json_new_object();
	return api_call(cli, &(struct api_request){.path = path, .body = own}, ret, err);
}

int api_get_raw(struct cli *cli, const char *path, struct strbuf *out, struct error **err)
{
	struct http_reply reply = {0};
	int r = request(cli, &(struct api_request){.path = path}, &reply, err);
	if (r < 0)
		return r;
	strbuf_add(out, reply.body.data, reply.body.size);
	http_reply_release(&reply);
	return 0;
}

int api_list(struct cli *cli, const char *path, unsigned limit, json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *all = json_new_object();
	json_t *items = json_new_array();
	json_set_value(all, "items", items);
	_cleanup_free_ char *cursor = NULL;
	do {
		char page[16];
		snprintf(page, sizeof(page), "%u",
			 MIN(limit - (unsigned)json_array_size(items), (unsigned)PAGE));
		_cleanup_strbuf_ struct strbuf url = STRBUF_INIT;
		strbuf_addstr(&url, path);
		query_add(&url, "limit", limit ? page : NULL);
		query_add(&url, "cursor", cursor);
		_cleanup_json_ json_t *answer = NULL;
		int r = api_get(cli, url.data, &answer, err);
		if (r < 0)
			return r;
		json_array_extend(items, json_object_get(answer, "items"));
		replace_string(&cursor, json_get_str(answer, "nextCursor"));
	} while (cursor && (!limit || json_array_size(items) < limit));
	*ret = TAKE_PTR(all);
	return 0;
}

void path_add(struct strbuf *path, const char *collection, const char *ref)
{
	strbuf_addstr(path, collection);
	if (!ref)
		return;
	_cleanup_free_ char *escaped = http_escape(ref);
	strbuf_addf(path, "/%s", escaped);
}

void query_add(struct strbuf *path, const char *key, const char *value)
{
	if (!value)
		return;
	_cleanup_free_ char *escaped = http_escape(value);
	strbuf_addf(path, "%c%s=%s", strchr(path->data, '?') ? '&' : '?', key, escaped);
}
