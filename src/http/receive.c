/* From the request line to the end of the body: routing, limits, refusals. */
#include <string.h>

#include "base/parse.h"
#include "base/strutil.h"
#include "http/internal.h"
#include "http/router.h"

static int find_route(struct http_request *q, const char *method, struct error **err)
{
	if (q->server->stopping)
		return error_set(err, ERROR_UNAVAILABLE, "the server is shutting down");
	const char *why;
	if (uri_parse(q->target, &q->uri, &why) < 0)
		return error_set(err, ERROR_INVALID_ARGUMENT, "%s", why);
	char allow[ROUTER_ALLOW_SIZE] = "";
	int r = router_find(q->server->options.route_tables, method, q->uri, &q->route, allow, err);
	if (r < 0 && allow[0])
		http_response_header(&q->answer, "Allow", allow);
	return r;
}

static int check_body(const struct http_request *q, uint64_t size, struct error **err)
{
	const struct http_server *s = q->server;
	uint64_t max = q->route->max_body;
	if (size > max && max == 0)
		return error_set(err, ERROR_TOO_LARGE, "%s takes no request body", q->uri->path);
	if (size > max)
		return error_set(err, ERROR_TOO_LARGE,
				 "the request body is larger than %ju bytes, the limit of %s",
				 (uintmax_t)max, q->uri->path);
	if (s->bodies + size - q->body.size > HTTP_BODIES_MAX)
		return error_set(err, ERROR_UNAVAILABLE,
				 "uploads under way have reached the server's limit of %ju bytes",
				 (uintmax_t)HTTP_BODIES_MAX);
	return 0;
}

/* Closes the connection after the answer: too much is yet to come on it. */
static enum MHD_Result refuse_now(struct http_request *q)
{
	response_error(q, q->refusal);
	response_send_raw(q);
	return MHD_NO;
}

enum MHD_Result receive_begin(struct http_request *q, const char *method)
{
	const char *length = http_request_header(q, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (length && parse_u64(length, &q->declared) < 0)
		q->declared = UINT64_MAX;
	q->method = http_method_from_string(method);
	q->is_head = streq(method, "HEAD");
	q->phase = REQUEST_RECEIVING;
	if (find_route(q, method, &q->refusal) >= 0)
		check_body(q, q->declared, &q->refusal);
	q->target = (free(q->target), NULL);
	if (q->refusal && q->declared > HTTP_SWALLOW_MAX)
		return refuse_now(q);
	return MHD_YES;
}

enum MHD_Result receive_bytes(struct http_request *q, const void *data, size_t size)
{
	q->received += size;
	if (!q->refusal && check_body(q, q->received, &q->refusal) >= 0) {
		strbuf_add(&q->body, data, size);
		q->server->bodies += size;
		return MHD_YES;
	}
	request_drop_body(q);
	return q->received > HTTP_SWALLOW_MAX ? refuse_now(q) : MHD_YES;
}
