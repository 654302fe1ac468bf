/* A request's life and what handlers may ask of it. */
#include <malloc.h>
#include <string.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "http/internal.h"
#include "http/router.h"

struct http_request *request_new(struct http_server *s, const char *target)
{
	struct http_request *q = xcalloc(1, sizeof(*q));
	q->server = s;
	q->target = xstrdup(target);
	q->method = _HTTP_METHOD_INVALID;
	q->arrived_ms = now_monotonic_ms();
	strbuf_init(&q->body);
	strbuf_init(&q->out);
	strbuf_init(&q->answer.body);
	return q;
}

void memory_freed(size_t size)
{
	if (size >= HTTP_TRIM_SIZE)
		malloc_trim(0);
}

void request_drop_body(struct http_request *q)
{
	size_t size = q->body.size;
	q->server->bodies -= size;
	strbuf_release(&q->body);
	memory_freed(size);
}

void request_slim(struct http_request *q)
{
	request_drop_body(q);
	uri_free(TAKE_PTR(q->uri));
	q->target = (free(q->target), NULL);
	if (q->free_data)
		q->free_data(q->data);
	q->free_data = NULL;
	q->data = NULL;
}

void request_free(struct http_request *q)
{
	request_slim(q);
	if (q->answer.kind == ANSWER_STREAM && q->answer.stream.free_fn)
		q->answer.stream.free_fn(q->answer.stream.data);
	response_release(&q->answer);
	strbuf_release(&q->out);
	error_free(q->refusal);
	free(q);
}

enum http_method http_request_method(const struct http_request *q)
{
	return q->method;
}

const char *http_request_path(const struct http_request *q)
{
	return q->uri->path;
}

const char *http_request_param(const struct http_request *q, const char *name)
{
	return router_param(q->route, q->uri, name);
}

const char *http_request_query(const struct http_request *q, const char *name)
{
	return uri_query(q->uri, name);
}

const char *http_request_unknown_query(const struct http_request *q, const char *const *known)
{
	for (size_t i = 0; i < q->uri->query_count; i++) {
		const char *const *candidate = known;
		while (*candidate && !streq(*candidate, q->uri->queries[i].name))
			candidate++;
		if (!*candidate)
			return q->uri->queries[i].name;
	}
	return NULL;
}

const char *http_request_header(const struct http_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_HEADER_KIND, name);
}

const void *http_request_body(const struct http_request *q, size_t *ret_len)
{
	*ret_len = q->body.size;
	return q->body.data;
}

const struct http_route *http_request_route(const struct http_request *q)
{
	return q->route;
}

bool http_request_is_shutting_down(const struct http_request *q)
{
	return task_pool_is_stopping(q->server->pool);
}

void http_request_set_data(struct http_request *q, void *data, void (*free_fn)(void *))
{
	if (q->free_data && q->data != data)
		q->free_data(q->data);
	q->data = data;
	q->free_data = free_fn;
}

void *http_request_data(const struct http_request *q)
{
	return q->data;
}

uint64_t http_request_arrived_ms(const struct http_request *q)
{
	return q->arrived_ms;
}
