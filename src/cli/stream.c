/* Readers of event streams. */
#include "cli/stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/parse.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "model/json.h"

#define QUEUE_MAX	4096
#define EVENT_MAX	((size_t)16 << 20)
#define SILENCE_MS	45000 /* the server says something every 15 s */
#define FIRST_WAIT_MS	250
#define LONGEST_WAIT_MS 5000
#define FOREVER_MS	(365L * 24 * 3600 * 1000)

struct reader {
	const struct cli *cli;
	struct event_queue *queue;
	size_t job;
	char *id;
	uint64_t last;
	bool follow, ended;
	bool progressed; /* something came over this connection */
	uint64_t heard_ms;
	struct error *error; /* nothing that another try would mend */
	struct sse_parser *parser;
	struct http_client *http;
	pthread_t thread;
};

void item_release(struct item *item)
{
	json_decref(item->event);
	error_free(item->error);
}

void event_queue_init(struct event_queue *q)
{
	*q = (struct event_queue){0};
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, &attributes);
	pthread_cond_init(&q->emptied, &attributes);
	pthread_condattr_destroy(&attributes);
}

void event_queue_release(struct event_queue *q)
{
	for (size_t i = 0; i < q->count; i++)
		item_release(&q->items[i]);
	free(q->items);
	pthread_cond_destroy(&q->filled);
	pthread_cond_destroy(&q->emptied);
	pthread_mutex_destroy(&q->lock);
}

static void wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, unsigned ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(condition, lock, &t);
}

size_t event_queue_take(struct event_queue *q, unsigned timeout_ms, struct item **ret)
{
	pthread_mutex_lock(&q->lock);
	if (!q->count)
		wait_until(&q->filled, &q->lock, timeout_ms);
	size_t count = q->count;
	*ret = TAKE_PTR(q->items);
	q->count = 0;
	pthread_cond_broadcast(&q->emptied);
	pthread_mutex_unlock(&q->lock);
	return count;
}

/* Takes what the item holds. False when the queue is no longer read. */
static bool put(struct event_queue *q, struct item item)
{
	pthread_mutex_lock(&q->lock);
	while (q->count >= QUEUE_MAX && !q->stopping)
		wait_until(&q->emptied, &q->lock, 100);
	q->items = xreallocarray(q->items, q->count + 1, sizeof(*q->items));
	q->items[q->count++] = item;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
	return !q->stopping;
}

/* A NUL byte in a log line is legal JSON (\\u0000), which the parser refuses: it becomes U+FFFD. */
static json_t *parse_event(const char *data, size_t size, struct error **err)
{
	json_t *event = NULL;
	if (json_parse(data, size, EVENT_MAX, &event, NULL) >= 0)
		return event;
	_cleanup_free_ char *copy = xmemdup(data, size);
	for (size_t i = 0; i + 5 < size; i++) {
		if (copy[i] != '\\')
			continue;
		if (memcmp(copy + i + 1, "u0000", 5) == 0)
			memcpy(copy + i + 1, "ufffd", 5);
		i++;
	}
	if (json_parse(copy, size, EVENT_MAX, &event, err) < 0)
		error_wrap(err, "an event cannot be read");
	return event;
}

static int on_event(const char *name, const char *id, const char *data, size_t size, void *ctx)
{
	struct reader *r = ctx;
	(void)id;
	if (streq_null(name, "end")) {
		r->ended = true;
		return 1;
	}
	json_t *event = parse_event(data, size, &r->error);
	if (!event)
		return 1;
	uint64_t seq = (uint64_t)json_get_int(event, "seq", 0);
	if (seq <= r->last) {
		json_decref(event);
		return 0;
	}
	r->last = seq;
	return put(r->queue, (struct item){.type = ITEM_EVENT, .job = r->job, .event = event}) ? 0
											       : 1;
}

static int on_data(const void *bytes, size_t size, void *ctx)
{
	struct reader *r = ctx;
	r->heard_ms = now_monotonic_ms();
	r->progressed = true;
	return sse_parser_feed(r->parser, bytes, size);
}

static int on_idle(void *ctx)
{
	const struct reader *r = ctx;
	return r->queue->stopping || now_monotonic_ms() - r->heard_ms > SILENCE_MS;
}

/* One connection, to its end; r->error says that there is no use in another. */
static void connect_once(struct reader *r)
{
	if (!r->http && cli_connect(r->cli, &r->http, &r->error) < 0)
		return;
	r->parser = sse_parser_new(EVENT_MAX, on_event, r);
	r->heard_ms = now_monotonic_ms();
	r->progressed = false;
	char last[64];
	snprintf(last, sizeof(last), "Last-Event-ID: %llu", (unsigned long long)r->last);
	const char *headers[] = {"Accept: text/event-stream", last, NULL};
	_cleanup_free_ char *path = xasprintf("/api/v1/stack-jobs/%s/events%s", r->id,
					      r->follow ? "" : "?follow=false");
	struct http_call call = {
		.method = "GET",
		.path = path,
		.headers = headers,
		.timeout_ms = FOREVER_MS,
		.on_data = on_data,
		.on_idle = on_idle,
		.ctx = r,
	};
	struct http_reply reply = {0};
	int result = http_client_call(r->http, &call, &reply, NULL);
	int status = result < 0 ? 0 : reply.status;
	http_reply_release(&reply);
	sse_parser_free(r->parser);
	r->parser = NULL;
	if (!r->ended && status >= 400 && status < 500 && status != 408 && status != 429)
		(void)api_error(status, "", 0, &r->error);
}

/* Backoff with jitter, in steps short enough to stop. */
static void wait_before_retry(const struct reader *r, unsigned ms)
{
	uint8_t noise;
	random_bytes(&noise, sizeof(noise));
	uint64_t until = now_monotonic_ms() + ms / 2 + ms * noise / 510;
	while (!r->queue->stopping && now_monotonic_ms() < until)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

static void *read_events(void *ctx)
{
	struct reader *r = ctx;
	unsigned wait = FIRST_WAIT_MS;
	unsigned failures = 0; /* in a row; one alone is mended before anybody would read of it */
	while (!r->queue->stopping) {
		connect_once(r);
		if (r->error) {
			put(r->queue, (struct item){.type = ITEM_FAILED,
						    .job = r->job,
						    .error = TAKE_PTR(r->error)});
			return NULL;
		}
		if (r->ended)
			break;
		if (r->progressed) {
			wait = FIRST_WAIT_MS;
			failures = 0;
		}
		if (++failures == 2)
			put(r->queue, (struct item){.type = ITEM_LOST, .job = r->job});
		wait_before_retry(r, wait);
		wait = MIN(wait * 2, (unsigned)LONGEST_WAIT_MS);
	}
	put(r->queue, (struct item){.type = ITEM_END, .job = r->job});
	return NULL;
}

struct reader *reader_start(const struct cli *cli, struct event_queue *q, size_t job,
			    const char *id, uint64_t after, bool follow)
{
	struct reader *r = xcalloc(1, sizeof(*r));
	*r = (struct reader){.cli = cli,
			     .queue = q,
			     .job = job,
			     .id = xstrdup(id),
			     .last = after,
			     .follow = follow};
	if (pthread_create(&r->thread, NULL, read_events, r) != 0)
		out_of_memory();
	return r;
}

void reader_join(struct reader *r)
{
	pthread_join(r->thread, NULL);
	http_client_free(r->http);
	free(r->id);
	free(r);
}
