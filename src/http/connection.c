/* A request's way through libmicrohttpd: REQUEST_NEW to REQUEST_SENDING and its end. */
#include "http/connection.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"

int connection_socket(const struct http_request *q)
{
	return MHD_get_connection_info(q->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
		->connect_fd;
}

void connection_watch(struct http_request *q)
{
	if (q->watched)
		return;
	q->watched = true;
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = q};
	if (epoll_ctl(q->server->watch_fd, EPOLL_CTL_ADD, connection_socket(q), &event) < 0)
		log_warning("cannot watch a connection for its end: %m");
}

void connection_suspend(struct http_request *q)
{
	q->server->suspended++;
	MHD_suspend_connection(q->connection);
}

void connection_returned(struct http_request *q)
{
	work_unpark(q);
	if (q->phase == REQUEST_SENDING)
		stream_returned(q);
	else
		q->phase = REQUEST_ANSWERED;
	q->server->suspended--;
	MHD_resume_connection(q->connection);
}

void *connection_request_line(void *ctx, const char *target, struct MHD_Connection *connection)
{
	struct http_request *q = request_new(ctx, target);
	q->connection = connection;
	return q;
}

size_t connection_unescape(void *ctx, struct MHD_Connection *connection, char *text)
{
	(void)ctx;
	(void)connection;
	return strlen(text);
}

/* The whole request is here. */
static enum MHD_Result submit(struct http_request *q)
{
	struct http_server *s = q->server;
	q->is_counted = true;
	s->answering++;
	atomic_fetch_add(&s->requests, 1);
	if (!q->refusal && task_pool_queued(s->pool) >= HTTP_QUEUE_MAX)
		error_set(&q->refusal, ERROR_UNAVAILABLE,
			  "%d requests are waiting already, the server's limit", HTTP_QUEUE_MAX);
	if (q->refusal) {
		response_error(q, q->refusal);
		return response_queue(q);
	}
	q->phase = REQUEST_WORKING;
	connection_suspend(q);
	task_submit(s->pool, &q->task);
	return MHD_YES;
}

static enum MHD_Result send_answer(struct http_request *q)
{
	if (q->answer.kind == ANSWER_PARK) {
		assert(q->task.cancelled);
		return MHD_NO;
	}
	if (q->stream_started) {
		request_slim(q);
		atomic_fetch_add(&q->server->streams, 1);
	} else {
		request_drop_body(q);
	}
	return response_queue(q);
}

enum MHD_Result connection_handle(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **request)
{
	(void)ctx;
	(void)connection;
	(void)path;
	(void)version;
	struct http_request *q = *request;
	if (q->phase == REQUEST_NEW)
		return receive_begin(q, method);
	if (q->phase == REQUEST_RECEIVING && *size == 0)
		return submit(q);
	if (q->phase == REQUEST_RECEIVING) {
		enum MHD_Result r = receive_bytes(q, data, *size);
		*size = 0;
		return r;
	}
	assert(q->phase == REQUEST_ANSWERED);
	return send_answer(q);
}

void connection_completed(void *ctx, struct MHD_Connection *connection, void **request,
			  enum MHD_RequestTerminationCode code)
{
	(void)connection;
	struct http_server *s = ctx;
	struct http_request *q = *request;
	if (!q)
		return;
	assert(q->task.state == TASK_IDLE);
	if (log_enabled(LOG_LEVEL_DEBUG))
		log_debug("http %s status=%d ms=%ju%s", q->route ? q->route->name : "-",
			  q->answer.status, (uintmax_t)(now_monotonic_ms() - q->arrived_ms),
			  code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? "" : " cut");
	if (q->watched)
		epoll_ctl(s->watch_fd, EPOLL_CTL_DEL, connection_socket(q), NULL);
	if (q->phase >= REQUEST_SENDING && q->stream_started)
		atomic_fetch_sub(&s->streams, 1);
	if (q->is_counted)
		s->answering--;
	request_free(q);
	*request = NULL;
}

void connection_notify(void *ctx, struct MHD_Connection *connection, void **socket_context,
		       enum MHD_ConnectionNotificationCode code)
{
	(void)socket_context;
	struct http_server *s = ctx;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		atomic_fetch_sub(&s->connections, 1);
		if (++s->closed % HTTP_TRIM_CLOSED == 0)
			memory_freed(HTTP_TRIM_SIZE);
		return;
	}
	atomic_fetch_add(&s->connections, 1);
	int on = 1;
	setsockopt(
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
		IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}
