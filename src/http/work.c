/* What the workers run: the application's handlers, and the pulls of streams. */
#include "base/log.h"
#include "http/internal.h"
#include "http/router.h"

void work_unpark(struct http_request *q)
{
	if (!q->is_parked)
		return;
	q->is_parked = false;
	atomic_fetch_sub(&q->server->parked, 1);
}

static void answer_shutdown(struct http_request *q)
{
	_cleanup_error_ struct error *e = NULL;
	error_set(&e, ERROR_UNAVAILABLE, "the server is shutting down");
	response_error(q, e);
}

static enum task_verdict park(struct http_request *q)
{
	struct task *task = &q->task;
	if (task_pool_is_stopping(q->server->pool)) {
		answer_shutdown(q);
		return TASK_VERDICT_DONE;
	}
	task->topic = q->answer.topic;
	task->deadline_ms = q->answer.deadline_ms;
	connection_watch(q);
	q->is_parked = true;
	atomic_fetch_add(&q->server->parked, 1);
	return TASK_VERDICT_SLEEP;
}

static enum task_verdict handle(struct http_request *q)
{
	const struct http_server_options *o = &q->server->options;
	response_release(&q->answer);
	if (!q->passed_before)
		q->passed_before = !o->before || o->before(q, &q->answer, q->route, o->ctx);
	if (q->passed_before)
		q->route->handler(q, &q->answer, o->ctx);

	switch (q->answer.kind) {
	case ANSWER_PARK:
		return park(q);
	case ANSWER_STREAM:
		return stream_begin(q);
	case ANSWER_BODY:
		break;
	case ANSWER_NONE: {
		_cleanup_error_ struct error *e = NULL;
		log_error("the handler of %s did not answer", q->route->pattern);
		error_set(&e, ERROR_INTERNAL, "the server has no answer");
		response_error(q, e);
	}
	}
	return TASK_VERDICT_DONE;
}

enum task_verdict work_run(struct task *task, void *server)
{
	(void)server;
	struct http_request *q = container_of(task, struct http_request, task);
	work_unpark(q);
	return q->stream_started ? stream_run(q) : handle(q);
}
