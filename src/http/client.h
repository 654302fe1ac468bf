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
	const char *base_url; /* "http://127.0.0.1:8080" or "https://…" (TLS verified by the
				 system's CAs) */
	const char *token;    /* sent as Authorization: Bearer; may be NULL */
	const char *user_agent;
	long connect_timeout_ms; /* 0: 10 s */
	size_t max_response;	 /* bytes; 0: 64 MiB; larger is ERROR_TOO_LARGE */
};

int http_client_new(const struct http_client_options *o, struct http_client **ret,
		    struct error **err);
void http_client_free(struct http_client *c);
void http_client_set_token(struct http_client *c, const char *token);

struct http_call {
	const char *method,
		*path; /* path with query, percent-encoded by the caller (http_escape) */
	const char *const *headers; /* NULL-terminated "Name: value", or NULL */
	const char *content_type;
	const void *body;
	size_t body_len;
	long timeout_ms; /* whole call; 0: 60 s */
	/* Streams: called with bytes as they come instead of filling body; non-zero stops the call
	 * without an error. */
	int (*on_data)(const void *bytes, size_t len, void *ctx);
	/* Called about every 100 ms while waiting, may stop the call by returning non-zero (Ctrl-C,
	 * shutdown). */
	int (*on_idle)(void *ctx);
	void *ctx;
};
struct http_reply {
	int status;
	struct strbuf body;
	char *etag, *content_type, *location;
};
void http_reply_release(struct http_reply *r);

/* 0 whenever an HTTP status came back, whatever it is; ERROR_UNAVAILABLE when none did (refused,
 * reset, DNS), ERROR_TIMEOUT. */
int http_client_call(struct http_client *c, const struct http_call *call, struct http_reply *ret,
		     struct error **err);

/* Percent-encodes one path segment or query value; the caller frees. */
char *http_escape(const char *s);

/* Incremental parser of an SSE stream: feeds bytes, calls fn for each complete event. Lines of any
 * length up to max_event bytes. */
struct sse_parser;
typedef int (*sse_event_fn)(const char *event, const char *id, const char *data, size_t data_len,
			    void *ctx);
struct sse_parser *sse_parser_new(size_t max_event, sse_event_fn fn, void *ctx);
int sse_parser_feed(struct sse_parser *p, const void *bytes,
		    size_t len); /* fn's non-zero result, or -EMSGSIZE */
void sse_parser_free(struct sse_parser *p);
