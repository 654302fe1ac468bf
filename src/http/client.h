/*
 * A blocking HTTP client over libcurl for the runner's job threads and the CLI: one handle a
 * thread, connections kept alive. A handle belongs to one thread at a time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

struct http_client;

struct http_client_options {
	const char *base_url;	/* "http://127.0.0.1:8080"; https is verified by the system's CAs */
	const char *token;	/* sent as Authorization: Bearer; may be NULL */
	const char *user_agent; /* NULL: "planton/<version>" */
	long connect_timeout_ms; /* 0: 10 s */
	size_t max_response;	 /* bytes; 0: 64 MiB; larger is ERROR_TOO_LARGE */
};

/* The usual proxy variables apply, except to a loopback address. */
int http_client_new(const struct http_client_options *o, struct http_client **ret,
		    struct error **err);
void http_client_free(struct http_client *c);
/* NULL: send none. */
void http_client_set_token(struct http_client *c, const char *token);

struct http_call {
	const char *method;
	const char *path; /* with the query, percent-encoded by the caller (http_escape) */
	const char *const *headers; /* NULL-terminated "Name: value", or NULL */
	const char *content_type;
	const void *body;
	size_t body_len;
	/* The whole call. 0: 60 s; with on_data no limit, but 45 s of silence are ERROR_TIMEOUT. */
	long timeout_ms;
	/*
	 * Streams: called with the bytes of a 2xx answer as they come, instead of filling body;
	 * non-zero stops the call without an error.
	 */
	int (*on_data)(const void *bytes, size_t len, void *ctx);
	/*
	 * Called about every 100 ms while the call is under way; non-zero ends it with
	 * ERROR_CANCELLED (Ctrl-C, shutdown).
	 */
	int (*on_idle)(void *ctx);
	void *ctx;
};

/* Owned by the caller after a call that succeeded. */
struct http_reply {
	int status;
	struct strbuf body;
	char *etag, *content_type, *location;
};
void http_reply_release(struct http_reply *r);

/*
 * 0 whenever an HTTP status came back, whatever it is, redirects included; ERROR_UNAVAILABLE when
 * none did (refused, reset, DNS) or its body broke off, ERROR_TIMEOUT, ERROR_CANCELLED,
 * ERROR_TOO_LARGE. A kept connection that the server closed meanwhile is replaced silently.
 */
int http_client_call(struct http_client *c, const struct http_call *call, struct http_reply *ret,
		     struct error **err);

/* Percent-encodes one path segment or query value; the caller frees. */
char *http_escape(const char *s);

/*
 * Incremental parser of an SSE stream: feeds bytes, calls fn for each complete event. An event
 * without a name is a "message"; id is the last one seen, "" before the first. An event may have
 * max_event bytes.
 */
struct sse_parser;
typedef int (*sse_event_fn)(const char *event, const char *id, const char *data, size_t data_len,
			    void *ctx);
struct sse_parser *sse_parser_new(size_t max_event, sse_event_fn fn, void *ctx);
/* fn's non-zero result, after which the rest of the bytes is lost, or -EMSGSIZE. */
int sse_parser_feed(struct sse_parser *p, const void *bytes, size_t len);
void sse_parser_free(struct sse_parser *p);
