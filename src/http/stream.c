/*
 * Streams: one small buffer, filled by the application on a worker and emptied by libmicrohttpd on
 * the loop. While there is nothing to send, the connection is suspended and the task asleep.
 */
#include <string.h>

#include "base/clock.h"
#include "http/internal.h"

/* Heartbeats are due at multiples of this, so that many streams share one turn of the loop. */
static uint64_t heartbeat_deadline(const struct http_request *q)
{
	if (!q->answer.stream.heartbeat)
		return TASK_NEVER;
	uint64_t interval = q->server->options.heartbeat_ms;
	uint64_t tick = MAX(interval / 16, (uint64_t)1);
	return (now_monotonic_ms() + interval) / tick * tick;
}

enum task_verdict stream_run(struct http_request *q)
{
	const struct http_stream *stream = &q->answer.stream;
	enum http_pull pull = stream->pull(stream->data, &q->out);
	q->stream_sleeps = pull == HTTP_PULL_WAIT;
	q->stream_ended = pull == HTTP_PULL_END;
	if (q->out.size > 0 || q->stream_ended)
		return TASK_VERDICT_DONE;
	if (!q->stream_sleeps)
		return TASK_VERDICT_AGAIN;
	connection_watch(q);
	return TASK_VERDICT_SLEEP;
}

enum task_verdict stream_begin(struct http_request *q)
{
	struct task *task = &q->task;
	q->stream_started = true;
	task->topic = q->answer.topic;
	task->deadline_ms = heartbeat_deadline(q);
	task->deadline_is_done = true;
	task->stop_is_done = true;
	if (!q->is_head)
		stream_run(q);
	return TASK_VERDICT_DONE;
}

void stream_returned(struct http_request *q)
{
	if (!q->task.expired)
		return;
	q->task.expired = false;
	strbuf_addstr(&q->out, q->answer.stream.heartbeat);
}

/* Called by libmicrohttpd for the next bytes of the body. */
static ssize_t read_stream(void *ctx, uint64_t position, char *buffer, size_t max)
{
	(void)position;
	struct http_request *q = ctx;
	struct http_server *s = q->server;
	/* To a client that hung up, too, the stream is ended, which makes libmicrohttpd read the
	 * end of the connection and close it. After an error it would keep the socket until every
	 * older connection is closed. */
	if (q->task.cancelled)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (q->sent < q->out.size) {
		size_t size = MIN(max, q->out.size - q->sent);
		memcpy(buffer, q->out.data + q->sent, size);
		q->sent += size;
		return (ssize_t)size;
	}

	bool sent_something = q->out.size > 0;
	strbuf_release(&q->out);
	q->sent = 0;
	if (q->stream_ended || s->stopping)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (sent_something)
		q->task.deadline_ms = heartbeat_deadline(q);
	connection_suspend(q);
	if (q->stream_sleeps) {
		connection_watch(q);
		task_sleep(s->pool, &q->task);
	} else {
		task_submit(s->pool, &q->task);
	}
	return 0;
}

struct MHD_Response *stream_response(struct http_request *q)
{
	/* The block is only for HTTP/1.0; chunks are made in the connection's pool. */
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 256, read_stream, q, NULL);
}
