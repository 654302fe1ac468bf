/*
 * One request inside one unit of work. A route's run() reads the request, calls services and says
 * what the answer is; the bracket around it (exchange.c) parses, authorizes, begins, remembers
 * under the Idempotency-Key, commits, and only then answers.
 */
#pragma once

#include <jansson.h>

#include "api/route.h"
#include "api/session.h"
#include "base/strbuf.h"
#include "control/work.h"

struct exchange {
	struct api *api;
	const struct api_route *route;
	struct http_request *request;
	struct http_response *response;
	struct session *session;
	struct work *work;	   /* NULL for API_NO_STORE */
	struct attempt_row launch; /* for API_ENGINE: whose credential it is */
	json_t *body;		   /* NULL when there is none */

	/* What run() fills: one of answer, bytes, stream, park; none is 204. */
	int status; /* 200 unless set */
	json_t *answer;
	struct strbuf bytes;
	const char *content_type; /* of bytes */
	struct http_stream stream;
	const char *park_topic;
	uint64_t park_until_ms;
	char *locked_by; /* the answer's body when run() fails with ERROR_LOCKED */
};

/* The handler of every route. */
void exchange_handle(struct http_request *q, struct http_response *a, void *api);

/* Members of the body. Of the wrong type: ERROR_INVALID_ARGUMENT that names the field. *ret is
 * borrowed, NULL when absent or null. */
int exchange_string(struct exchange *x, const char *name, const char **ret, struct error **err);
int exchange_string_required(struct exchange *x, const char *name, const char **ret,
			     struct error **err);
int exchange_bool(struct exchange *x, const char *name, bool *ret, struct error **err);
int exchange_object_required(struct exchange *x, const char *name, const json_t **ret,
			     struct error **err);
int exchange_strings(struct exchange *x, const char *name, const json_t **ret, struct error **err);

/* Members of the query. */
int exchange_query_bool(struct exchange *x, const char *name, bool *ret, struct error **err);
int exchange_query_int(struct exchange *x, const char *name, int64_t *ret, struct error **err);
/* Absent: *ret stays as it is. from_string gives a negative number for a word that it does not
 * know; to_string serves to list those that it does, up to max. */
int exchange_query_enum(struct exchange *x, const char *name, int (*from_string)(const char *),
			const char *(*to_string)(int), int max, int *ret, struct error **err);
/* For a list in which nothing was found: ERROR_NOT_FOUND when that is because of a kind that the
 * catalogue does not have. What is left of a kind that it had before is still listed. */
int exchange_query_kind(struct exchange *x, struct error **err);
/* The version of If-Match without its quotes; NULL when absent or "*". The caller frees. */
char *exchange_if_match(struct exchange *x);
void exchange_etag(struct exchange *x, const char *version);

struct page {
	size_t limit;
	const char *cursor;
};
#define API_PAGE_QUERY "limit", "cursor"

int exchange_page(struct exchange *x, struct page *ret, struct error **err);
/* {"items": items, "nextCursor": next or null}; items is stolen. */
void exchange_answer_page(struct exchange *x, json_t *items, const char *next);
