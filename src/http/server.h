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
 *
 * A client that hangs up is noticed at once: its parked request is dropped without another run, its
 * stream is freed. One that only shuts down its sending side counts as gone there, too.
 *
 * Every answer has X-Content-Type-Options, Server, and Cache-Control: no-store, unless the handler
 * set these headers itself. HEAD runs the handlers of GET. Headers of a request may have 8 KiB, its
 * path 32 segments and its query 64 parameters.
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
	/*
	 * "/api/v1/stack-jobs/{id}/events": a {name} is one segment that is not empty, percent-
	 * decoded ("a%2Fb" is "a/b"). {name...} at the end is all the rest, as it was sent.
	 * A literal segment beats a parameter, whatever the order of the tables.
	 */
	const char *pattern;
	http_handler handler;
	size_t max_body;  /* bytes; 0: no body allowed. A larger one is 413 that names the limit */
	const char *name; /* operationId of the OpenAPI document; for the access log and metrics */
};

struct http_server_options {
	const char *listen; /* "127.0.0.1:8080", "[::1]:0"; port 0 picks one */
	unsigned workers;   /* threads; 0: 4 */
	/* NULL-terminated list of tables, each ending with a NULL pattern; all outlive the server.
	 */
	const struct http_route *const *route_tables;
	void *ctx; /* given to every handler */
	/*
	 * Run on the worker before the handler's first run (not again after parking), e.g.
	 * authentication. Returns false after it has answered. May be NULL.
	 */
	bool (*before)(struct http_request *q, struct http_response *a,
		       const struct http_route *route, void *ctx);
	/*
	 * Renders the server's own errors (400, 404, 405, 413, 500, 501, 503) in the shape of the
	 * API, by http_respond(). Any thread, also the loop's: must not block. NULL: plain text.
	 */
	void (*render_error)(struct http_response *a, const struct error *e, void *ctx);
	unsigned max_connections; /* 0: what RLIMIT_NOFILE allows, up to 4096 */
	unsigned heartbeat_ms;	  /* of silent streams; 0: 15 s */
	unsigned idle_ms; /* closes a connection on which nothing moves; to the second; 0: 60 s */
};

int http_server_start(sd_event *loop, const struct http_server_options *o, struct http_server **ret,
		      struct error **err);
/* The port in use. */
unsigned http_server_port(const struct http_server *s);
/*
 * On the loop thread: stops accepting, ends streams, runs parked requests once more (what they do
 * not answer then is 503), lets running handlers finish, gives clients 2 s to take their answers,
 * joins the workers. NULL is fine. No http_server_wake() may be under way any more.
 */
void http_server_stop(struct http_server *s);
/*
 * Wakes what waits for the topic. Any thread; does not block. Coalesced: many wakes while a handler
 * or pull waits for a worker count as one.
 */
void http_server_wake(struct http_server *s, const char *topic);

/* Requests. Strings live as long as the request, which for a stream is until the pulls begin. */
enum http_method http_request_method(const struct http_request *q);
/* As it was sent, without the query. */
const char *http_request_path(const struct http_request *q);
/* Of the pattern; never NULL for a declared one. */
const char *http_request_param(const struct http_request *q, const char *name);
/* Decoded; NULL when absent, "" when empty; the first of several. */
const char *http_request_query(const struct http_request *q, const char *name);
/* NULL, or the name of a query parameter that is not in the NULL-terminated list: a typo is an
 * error, not ignored. */
const char *http_request_unknown_query(const struct http_request *q, const char *const *known);
const char *http_request_header(const struct http_request *q, const char *name);
/* Never NULL, and a NUL follows it. */
const void *http_request_body(const struct http_request *q, size_t *ret_len);
const struct http_route *http_request_route(const struct http_request *q);
bool http_request_is_shutting_down(const struct http_request *q);
/*
 * Per-request data of the application, kept across parking; freed with free_fn when the request is
 * over or its stream begins. free_fn runs on any thread, also the loop's: it must not block.
 */
void http_request_set_data(struct http_request *q, void *data, void (*free_fn)(void *));
void *http_request_data(const struct http_request *q);
/* Monotonic ms at arrival of the request; a long poll computes its deadline from it. */
uint64_t http_request_arrived_ms(const struct http_request *q);

/* Responses. */
/* Copies both; call it before http_respond_*(). A value with a line break is left out. */
void http_response_header(struct http_response *a, const char *name, const char *value);
/* Takes ownership of body's memory (the strbuf is reset). */
void http_respond(struct http_response *a, int status, const char *content_type,
		  struct strbuf *body);
void http_respond_empty(struct http_response *a, int status);
/*
 * Run the handler again when topic is woken or at deadline (monotonic ms), whichever is first. No
 * wake is lost: one after the handler's run began counts. Headers set before are forgotten.
 */
void http_respond_park(struct http_response *a, const char *topic, uint64_t deadline_ms);

enum http_pull { HTTP_PULL_DATA, HTTP_PULL_WAIT, HTTP_PULL_END };
/*
 * Appends at most about 64 KiB to out (16 KiB are as fast, and what a slow reader costs). Runs on a
 * worker, never twice at once for one stream. WAIT with data sends the data, then sleeps.
 */
typedef enum http_pull (*http_pull_fn)(void *stream, struct strbuf *out);
struct http_stream {
	const char *content_type;
	const char *topic;     /* copied */
	const char *heartbeat; /* sent after 15 s of silence, e.g. ": \n\n"; NULL: none */
	http_pull_fn pull;
	void *data;
	void (*free_fn)(void *data); /* on the loop thread: must not block; may be NULL */
};
/* 200; the first pull runs on this worker right after the handler. */
void http_respond_stream(struct http_response *a, const struct http_stream *stream);

struct http_server_stats {
	uint64_t requests, responses_by_class[6];
	unsigned connections, parked, streams;
};
/* Any thread. */
void http_server_stats(struct http_server *s, struct http_server_stats *ret);
