/*
 * A job's events: pages of JSON, a live stream (SSE), and an operation's log as raw bytes. A stream
 * is a sequence number: each pull is one indexed query, whatever the job has behind it.
 */
#include <string.h>

#include "api/event_render.h"
#include "api/exchange.h"
#include "api/internal.h"
#include "base/log.h"
#include "base/parse.h"
#include "model/json.h"

/* A page or a pull goes past these by no more than its last event. */
#define PAGE_BYTES ((size_t)4 << 20)
#define PULL_BYTES ((size_t)48 << 10)

struct reader {
	struct store *store;
	char *job;
	char *topic;
	int64_t after;
	enum operation operation; /* of a log */
	bool follow;
	bool completed; /* the job is, as far as it was read */

	struct strbuf *out; /* of the present pull */
};

static void reader_free(void *pointer)
{
	struct reader *r = pointer;
	free(r->job);
	free(r->topic);
	free(r);
}

static bool says_completed(const struct event *e)
{
	if (e->type != EVENT_JOB_STATUS || !e->payload)
		return false;
	_cleanup_json_ json_t *payload = NULL;
	if (json_parse(e->payload, strlen(e->payload), JSON_DEFAULT_MAX_SIZE, &payload, NULL) < 0)
		return false;
	const char *status = json_get_str(payload, "status");
	return status && status_from_string(status) == STATUS_COMPLETED;
}

static int send_event(const struct event *e, void *reader)
{
	struct reader *r = reader;
	strbuf_addf(r->out, "id: %lld\nevent: %s\ndata: ", (long long)e->seq,
		    event_type_to_string(e->type));
	event_render(r->out, e);
	strbuf_addstr(r->out, "\n\n");
	r->after = e->seq;
	r->completed |= says_completed(e);
	return r->out->size >= PULL_BYTES;
}

static int send_line(const struct event *e, void *reader)
{
	struct reader *r = reader;
	strbuf_add(r->out, e->line, e->line_len);
	strbuf_addch(r->out, '\n');
	r->after = e->seq;
	return r->out->size >= PULL_BYTES;
}

/* 1 when there is more at once, 0 when all that is stored was read. */
static int read_on(struct reader *r, struct strbuf *out, unsigned types,
		   int (*fn)(const struct event *e, void *reader))
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	r->out = out;
	int n = store_begin(r->store, STORE_READ, &tx, &e);
	if (n >= 0)
		n = event_read(tx, r->job, r->after, r->operation, types, 0, 0, fn, r, &e);
	if (n < 0) {
		_cleanup_free_ char *text = error_describe(e);
		log_error("a stream of %s ends: %s", r->job, text);
	}
	return n;
}

static enum http_pull pull_events(void *reader, struct strbuf *out)
{
	struct reader *r = reader;
	int n = read_on(r, out, 0, send_event);
	if (n > 0)
		return HTTP_PULL_DATA;
	if (n == 0 && r->follow && !r->completed)
		return HTTP_PULL_WAIT;
	if (n == 0)
		strbuf_addstr(out, "event: end\ndata: {}\n\n");
	return HTTP_PULL_END;
}

static enum http_pull pull_log(void *reader, struct strbuf *out)
{
	struct reader *r = reader;
	return read_on(r, out, 1U << EVENT_LOG, send_line) > 0 ? HTTP_PULL_DATA : HTTP_PULL_END;
}

static void start_stream(struct exchange *x, const struct reader *from, const char *content_type,
			 const char *heartbeat,
			 enum http_pull (*pull)(void *reader, struct strbuf *out))
{
	struct reader *r = xcalloc(1, sizeof(*r));
	*r = *from;
	r->store = x->api->store;
	r->job = xstrdup(http_request_param(x->request, "id"));
	r->topic = xasprintf("job:%s", r->job);
	x->stream = (struct http_stream){
		.content_type = content_type,
		.topic = r->topic,
		.heartbeat = heartbeat,
		.pull = pull,
		.data = r,
		.free_fn = reader_free,
	};
}

/* The mask that event_read() takes. */
static int read_types(struct exchange *x, unsigned *ret, struct error **err)
{
	const char *word = http_request_query(x->request, "type");
	if (!word)
		return 0;
	enum event_type type = event_type_from_string(word);
	if (type == _EVENT_TYPE_INVALID)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "type", "%s is no event type",
				       word);
	*ret = 1U << type;
	return 0;
}

static int read_operation(const char *word, enum operation *ret, struct error **err)
{
	if (!word)
		return 0;
	*ret = operation_from_string(word);
	if (*ret != _OPERATION_INVALID)
		return 0;
	int r = error_set_field(err, ERROR_INVALID_ARGUMENT, "operation", "%s is no operation",
				word);
	error_hint(err, "it is one of init, refresh, preview, apply, destroy");
	return r;
}

struct event_page {
	struct strbuf *out;
	size_t count, limit;
	int64_t last;
	bool more;
};

static int add_to_page(const struct event *e, void *ctx)
{
	struct event_page *page = ctx;
	if (page->count == page->limit || page->out->size >= PAGE_BYTES) {
		page->more = true;
		return 1;
	}
	if (page->count++ > 0)
		strbuf_addch(page->out, ',');
	event_render(page->out, e);
	page->last = e->seq;
	return 0;
}

static int answer_page(struct exchange *x, int64_t after, struct error **err)
{
	struct page page;
	unsigned types = 0;
	enum operation operation = _OPERATION_INVALID;
	int r = exchange_page(x, &page, err);
	if (r >= 0)
		r = read_types(x, &types, err);
	if (r >= 0)
		r = read_operation(http_request_query(x->request, "operation"), &operation, err);
	if (r < 0)
		return r;
	struct event_page events = {.out = &x->bytes, .limit = page.limit};
	strbuf_addstr(&x->bytes, "{\"items\":[");
	r = event_read(x->work->tx, http_request_param(x->request, "id"), after, operation, types,
		       0, 0, add_to_page, &events, err);
	if (r < 0)
		return r;
	if (events.more)
		strbuf_addf(&x->bytes, "],\"nextCursor\":\"%lld\"}\n", (long long)events.last);
	else
		strbuf_addstr(&x->bytes, "],\"nextCursor\":null}\n");
	x->content_type = "application/json";
	return 0;
}

static int start_position(struct exchange *x, bool streams, int64_t *ret, struct error **err)
{
	int r = exchange_query_int(x, "after", ret, err);
	const char *last = streams ? http_request_header(x->request, "Last-Event-ID") : NULL;
	if (r < 0 || !last)
		return r;
	if (parse_i64(last, ret) < 0 || *ret < 0)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "Last-Event-ID",
				       "Last-Event-ID is no sequence number: %s", last);
	return 0;
}

static int events(struct exchange *x, struct error **err)
{
	const char *accept = http_request_header(x->request, "Accept");
	bool streams = accept && strstr(accept, "text/event-stream");
	_cleanup_(job_row_release) struct job_row job = {0};
	struct reader reader = {.operation = _OPERATION_INVALID, .follow = true};
	int r = start_position(x, streams, &reader.after, err);
	if (r >= 0)
		r = exchange_query_bool(x, "follow", &reader.follow, err);
	if (r >= 0)
		r = job_get(x->work->tx, http_request_param(x->request, "id"), &job, err);
	if (r < 0)
		return r;
	if (!streams)
		return answer_page(x, reader.after, err);
	reader.completed = job.status == STATUS_COMPLETED;
	start_stream(x, &reader, "text/event-stream", ": \n\n", pull_events);
	return 0;
}

static int operation_log(struct exchange *x, struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	struct reader reader = {0};
	int r = read_operation(http_request_param(x->request, "operation"), &reader.operation, err);
	if (r >= 0)
		r = job_get(x->work->tx, http_request_param(x->request, "id"), &job, err);
	if (r >= 0)
		start_stream(x, &reader, "text/plain; charset=utf-8", NULL, pull_log);
	return r;
}

const struct api_route api_event_routes[] = {
	{.method = HTTP_GET,
	 .pattern = "/api/v1/stack-jobs/{id}/events",
	 .name = "getStackJobEvents",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .query = API_NAMES("after", "limit", "operation", "type", "follow"),
	 .run = events},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/stack-jobs/{id}/operations/{operation}/log",
	 .name = "getOperationLog",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .run = operation_log},
	{.pattern = NULL},
};
