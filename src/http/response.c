/* Answers: how handlers give them, and how they reach the client. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/strv.h"
#include "http/internal.h"

void response_release(struct http_response *a)
{
	size_t size = a->body.size;
	strv_free(a->headers);
	strbuf_release(&a->body);
	memory_freed(size);
	free(a->topic);
	free(a->heartbeat);
	*a = (struct http_response){.body = STRBUF_INIT};
}

void http_response_header(struct http_response *a, const char *name, const char *value)
{
	assert(!strpbrk(name, "\r\n: "));
	strv_add(&a->headers, name);
	strv_add(&a->headers, value);
}

static void answer(struct http_response *a, enum answer_kind kind, int status)
{
	assert(a->kind == ANSWER_NONE);
	a->kind = kind;
	a->status = status;
}

void http_respond(struct http_response *a, int status, const char *content_type,
		  struct strbuf *body)
{
	answer(a, ANSWER_BODY, status);
	http_response_header(a, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	strbuf_release(&a->body);
	a->body = *body;
	strbuf_init(body);
}

void http_respond_empty(struct http_response *a, int status)
{
	answer(a, ANSWER_BODY, status);
}

void http_respond_park(struct http_response *a, const char *topic, uint64_t deadline_ms)
{
	answer(a, ANSWER_PARK, 0);
	a->topic = xstrdup(topic);
	a->deadline_ms = deadline_ms;
}

void http_respond_stream(struct http_response *a, const struct http_stream *stream)
{
	answer(a, ANSWER_STREAM, MHD_HTTP_OK);
	http_response_header(a, MHD_HTTP_HEADER_CONTENT_TYPE, stream->content_type);
	a->topic = xstrdup(stream->topic);
	a->heartbeat = xstrdup_null(stream->heartbeat);
	a->stream = *stream;
	a->stream.topic = a->topic;
	a->stream.heartbeat = a->heartbeat;
	a->stream.content_type = NULL;
}

static void render_plain(struct http_response *a, const struct error *e)
{
	_cleanup_free_ char *text = error_describe(e);
	struct strbuf body = STRBUF_INIT;
	strbuf_addf(&body, "%s\n", text);
	http_respond(a, error_code_http_status(e->code), "text/plain; charset=utf-8", &body);
}

void response_error(struct http_request *q, const struct error *e)
{
	const struct http_server_options *o = &q->server->options;
	struct http_response *a = &q->answer;
	char **headers = TAKE_PTR(a->headers);
	response_release(a);
	a->headers = headers;
	if (o->render_error)
		o->render_error(a, e, o->ctx);
	else
		render_plain(a, e);
	assert(a->kind == ANSWER_BODY);
}

static bool has_header(const struct http_response *a, const char *name)
{
	for (size_t i = 0; a->headers && a->headers[i]; i += 2)
		if (strcasecmp(a->headers[i], name) == 0)
			return true;
	return false;
}

/* What every answer says unless its handler said otherwise. */
static void add_defaults(struct http_response *a)
{
	static const char *const defaults[][2] = {
		{"Cache-Control", "no-store"},
		{"X-Content-Type-Options", "nosniff"},
		{"Server", "planton"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (!has_header(a, defaults[i][0]))
			http_response_header(a, defaults[i][0], defaults[i][1]);
}

static void count(struct http_server *s, int status)
{
	atomic_fetch_add(&s->responses_by_class[status / 100 % 6], 1);
}

static void free_large(void *memory)
{
	free(memory);
	memory_freed(HTTP_TRIM_SIZE);
}

static struct MHD_Response *buffer_response(struct http_response *a)
{
	size_t size;
	char *data = strbuf_detach(&a->body, &size);
	return MHD_create_response_from_buffer_with_free_callback(
		size, data, size >= HTTP_TRIM_SIZE ? free_large : free);
}

enum MHD_Result response_queue(struct http_request *q)
{
	struct http_response *a = &q->answer;
	/* libmicrohttpd would end the body that a HEAD does not have. */
	bool is_stream = a->kind == ANSWER_STREAM && !q->is_head;
	add_defaults(a);
	struct MHD_Response *response = is_stream ? stream_response(q) : buffer_response(a);
	if (!response)
		out_of_memory();
	for (size_t i = 0; a->headers[i]; i += 2)
		if (MHD_add_response_header(response, a->headers[i], a->headers[i + 1]) != MHD_YES)
			log_warning("left out the header %s: its value is not one", a->headers[i]);
	if (q->server->stopping)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");

	enum MHD_Result r = MHD_queue_response(q->connection, (unsigned)a->status, response);
	MHD_destroy_response(response);
	count(q->server, a->status);
	strv_free(TAKE_PTR(a->headers));
	q->phase = REQUEST_SENDING;
	return r;
}

void response_send_raw(struct http_request *q)
{
	struct http_response *a = &q->answer;
	add_defaults(a);
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: %zu\r\n",
		    a->status, MHD_get_reason_phrase_for((unsigned)a->status), a->body.size);
	for (size_t i = 0; a->headers[i]; i += 2)
		if (!strpbrk(a->headers[i + 1], "\r\n"))
			strbuf_addf(&out, "%s: %s\r\n", a->headers[i], a->headers[i + 1]);
	strbuf_addstr(&out, "\r\n");
	if (!q->is_head)
		strbuf_add(&out, a->body.data, a->body.size);

	/* Nothing else was sent for this request, so a socket that cannot take it is as good as
	 * gone. */
	int fd = connection_socket(q);
	if (send(fd, out.data, out.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("cannot send a refusal: %s", strerror(errno));
	count(q->server, a->status);
	lingers_add(q->server->lingers, fd);
}
