/*
 * An HTTP/1.1 server on the event loop (sd-event), over libmicrohttpd with external epoll.
 *
 * A handler is ordinary blocking code: it runs on a worker thread of a small pool, after the whole
 * body has arrived (capped by its route), and answers with a buffer, by parking, or with a stream.
 * The loop thread never runs a handler.
 *
 * Parking: a handler that has nothing to say yet asks to be run again when a topic is woken or a
 * time has passed (long polls); a parked request costs no thread.
 *
 * Streams (SSE): a stream is a position, not a buffer. When it may write, its pull function is
 * called on a worker thread to fill at most one small buffer from what is stored; when that says
 * "nothing now" the stream sleeps until its topic is woken, or its heartbeat is due (15 s). A
 * watcher that stops reading is simply not pulled.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/error.h"
#include "base/strbuf.h"

struct http_server;
struct http_request;
struct http_response;

enum http_method {
	HTTP_GET,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_LOCK,
	HTTP_UNLOCK,
	_HTTP_METHOD_MAX,
	_HTTP_METHOD_INVALID = -1
};

/* Runs on a worker thread. Must call exactly one http_respond_*(). */
typedef void (*http_handler)(struct http_request *q, struct http_response *a, void *ctx);

struct http_route {
	enum http_method method;
	const char *pattern; /* "/api/v1/stack-jobs/{id}/events": a {name} matches one path segment,
				percent-decoded */
	http_handler handler;
	size_t max_body;  /* bytes; 0: no body allowed. A larger one is 413 that names the limit */
	const char *name; /* operationId of the OpenAPI document; for the access log and metrics */
};

struct http_server_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:0"; port 0 picks one */
	unsigned workers;   /* threads; 0: a sensible default */
	const struct http_route *const
		*route_tables; /* NULL-terminated list of tables, each ending with a NULL pattern */
	void *ctx;	       /* given to every handler */
	/* Run on the worker before the handler, e.g. authentication. Returns false after it has
	 * answered. May be NULL. */
	bool (*before)(struct http_request *q, struct http_response *a,
		       const struct http_route *route, void *ctx);
	/* Renders the server's own errors (404, 405, 413, 400) in the shape of the API. */
	void (*render_error)(struct http_response *a, const struct error *e, void *ctx);
	unsigned max_connections; /* 0: what RLIMIT_NOFILE allows, up to 4096 */
	unsigned heartbeat_ms;	  /* of silent streams; 0: 15 s */
	unsigned
		idle_ms; /* a connection on which nothing moves is closed; whole seconds, 0: 60 s */
};

int http_server_start(sd_event *loop, const struct http_server_options *o, struct http_server **ret,
		      struct error **err);
/* The port in use. */
unsigned http_server_port(const struct http_server *s);
/* Stops accepting, ends parked requests and streams, lets running handlers finish, joins the
 * workers. */
void http_server_stop(struct http_server *s);
/* Wakes what waits for the topic. Any thread. Coalesced: many wakes before the loop turns count as
 * one. */
void http_server_wake(struct http_server *s, const char *topic);

/* Requests. Strings live as long as the request. */
enum http_method http_request_method(const struct http_request *q);
const char *http_request_path(const struct http_request *q);
const char *
http_request_param(const struct http_request *q,
		   const char *name); /* of the pattern; never NULL for a declared one */
const char *http_request_query(const struct http_request *q,
			       const char *name); /* decoded; NULL when absent, "" when empty */
/* NULL, or the name of a query parameter that is not in the NULL-terminated list: a typo is an
 * error, not ignored. */
const char *http_request_unknown_query(const struct http_request *q, const char *const *known);
const char *http_request_header(const struct http_request *q, const char *name);
const void *http_request_body(const struct http_request *q, size_t *ret_len);
const struct http_route *http_request_route(const struct http_request *q);
bool http_request_is_shutting_down(const struct http_request *q);
/* Per-request data of the application, kept across parking; freed with free_fn. */
void http_request_set_data(struct http_request *q, void *data, void (*free_fn)(void *));
void *http_request_data(const struct http_request *q);
/* Monotonic ms at arrival of the request; a long poll computes its deadline from it. */
uint64_t http_request_arrived_ms(const struct http_request *q);

/* Responses. */
void http_response_header(struct http_response *a, const char *name, const char *value);
/* Takes ownership of body's memory (the strbuf is reset). */
void http_respond(struct http_response *a, int status, const char *content_type,
		  struct strbuf *body);
void http_respond_empty(struct http_response *a, int status);
/* Run the handler again when topic is woken or at deadline (monotonic ms), whichever is first. A
 * wake between the handler's look at the store and this call is not lost: a wake after the handler
 * started counts. */
void http_respond_park(struct http_response *a, const char *topic, uint64_t deadline_ms);

enum http_pull { HTTP_PULL_DATA, HTTP_PULL_WAIT, HTTP_PULL_END };
/* Appends at most about 64 KiB to out. Runs on a worker, never twice at once for one stream. WAIT
 * with data sends the data, then sleeps. */
typedef enum http_pull (*http_pull_fn)(void *stream, struct strbuf *out);
struct http_stream {
	const char *content_type;
	const char *topic;     /* copied */
	const char *heartbeat; /* sent after 15 s of silence, e.g. ": \n\n"; NULL: none */
	http_pull_fn pull;
	void *data;
	void (*free_fn)(void *data);
};
void http_respond_stream(struct http_response *a, const struct http_stream *stream);

struct http_server_stats {
	uint64_t requests, responses_by_class[6];
	unsigned connections, parked, streams;
};
void http_server_stats(struct http_server *s, struct http_server_stats *ret);
