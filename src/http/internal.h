/*
 * What the files of the server share. A request belongs to the loop thread while its task is IDLE
 * and to one worker while that runs; every call to libmicrohttpd is on the loop thread.
 */
#pragma once

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/linger.h"
#include "http/server.h"
#include "http/task.h"
#include "http/uri.h"

/* Bodies of all requests together, so that many uploads cannot take the machine's memory. */
#define HTTP_BODIES_MAX ((uint64_t)256 << 20)
/* What is read and thrown away to keep a connection alive after a refusal. */
#define HTTP_SWALLOW_MAX 65536
/* Requests that wait for a worker. */
#define HTTP_QUEUE_MAX 1024
/* From this size on memory goes back to the system as soon as it is freed. */
#define HTTP_TRIM_SIZE ((size_t)1 << 20)
/* After so many connections ended, too: the small pieces of many watchers add up. */
#define HTTP_TRIM_CLOSED 256

enum request_phase {
	REQUEST_NEW,	   /* only the request line is known */
	REQUEST_RECEIVING, /* the body is coming */
	REQUEST_WORKING,   /* queued, running or parked; the connection is suspended */
	REQUEST_ANSWERED,  /* the answer is ready to be queued */
	REQUEST_SENDING,
	_REQUEST_PHASE_MAX,
	_REQUEST_PHASE_INVALID = -1,
};

enum answer_kind { ANSWER_NONE, ANSWER_BODY, ANSWER_PARK, ANSWER_STREAM };

struct http_response {
	enum answer_kind kind;
	int status;
	char **headers; /* names and values in turn */
	struct strbuf body;
	char *topic; /* of a parked request or a stream */
	uint64_t deadline_ms;
	struct http_stream stream;
	char *heartbeat;
};

struct http_request {
	struct task task;
	struct http_server *server;
	struct MHD_Connection *connection;
	struct http_response answer;
	enum request_phase phase;

	bool is_head;
	bool is_counted;     /* among the server's answering */
	bool passed_before;  /* the application's before() let it in */
	bool is_parked;	     /* counted as such */
	bool watched;	     /* the socket is in the server's set of those watched for a hang-up */
	bool stream_started; /* tasks are pulls from now on */
	bool stream_sleeps;  /* the last pull had nothing more */
	bool stream_ended;
	struct strbuf out; /* of a stream: what was pulled, from sent on not yet passed on */
	size_t sent;

	char *target;	 /* as it was sent; NULL once parsed */
	struct uri *uri; /* NULL unless it could be parsed, and for a stream under way */
	enum http_method method;
	const struct http_route *route;
	struct strbuf body;
	uint64_t declared; /* Content-Length */
	uint64_t received;
	struct error *refusal; /* answered once the body was swallowed */

	void *data;
	void (*free_data)(void *data);
	uint64_t arrived_ms;
};

struct http_server {
	sd_event *loop;
	struct http_server_options options;
	struct task_pool *pool;
	struct MHD_Daemon *daemon;
	unsigned port;
	struct lingers *lingers;
	int watch_fd; /* an epoll set of suspended connections: has the client hung up? */
	sd_event_source *mhd_source, *pool_source, *watch_source;
	sd_event_source *idle_timer, *deadline_timer, *again;
	uint64_t idle_timer_ms, deadline_timer_ms; /* armed for; TASK_NEVER: off */
	uint64_t bodies;			   /* bytes */
	bool stopping;

	atomic_uint_fast64_t requests, responses_by_class[6];
	atomic_uint connections, parked, streams;
	unsigned closed;    /* connections, ever */
	unsigned answering; /* requests between the end of their body and that of their answer */
	unsigned suspended; /* connections */
};

/* connection.c */
int connection_socket(const struct http_request *q);
/* Loop thread: before its task is given away. */
void connection_suspend(struct http_request *q);
/* The thread that has the request: cancels the task when the client hangs up. */
void connection_watch(struct http_request *q);

/* request.c */
struct http_request *request_new(struct http_server *s, const char *target);
void request_free(struct http_request *q);
/* Frees what a stream needs no longer: a watcher stays for hours. */
void request_slim(struct http_request *q);
void request_drop_body(struct http_request *q);
/* Gives freed memory back if it was much. */
void memory_freed(size_t size);

/* receive.c: what libmicrohttpd calls until the request is complete. */
/* Both return MHD_NO when the connection is to be closed; an answer was sent then. */
/* Finds the route and checks the declared size. */
enum MHD_Result receive_begin(struct http_request *q, const char *method);
enum MHD_Result receive_bytes(struct http_request *q, const void *data, size_t size);

/* work.c: what the workers run. */
enum task_verdict work_run(struct task *task, void *server);
/* Loop thread: counts it no longer as parked. */
void work_unpark(struct http_request *q);

/* response.c */
void response_release(struct http_response *a);
/* Replaces whatever the answer was. */
void response_error(struct http_request *q, const struct error *e);
/* Queues the answer; MHD_NO when the connection is to be closed. */
enum MHD_Result response_queue(struct http_request *q);
/* Writes the answer straight to the socket, past what the client still sends. */
void response_send_raw(struct http_request *q);

/* stream.c */
/* After the handler answered with a stream: fills the first buffer. */
enum task_verdict stream_begin(struct http_request *q);
enum task_verdict stream_run(struct http_request *q);
struct MHD_Response *stream_response(struct http_request *q);
/* After its task came back: what is due is a heartbeat. */
void stream_returned(struct http_request *q);
