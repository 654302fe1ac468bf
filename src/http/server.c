/*
 * The server's life, and its turn of the loop: libmicrohttpd runs only in turn(), after what the
 * workers finished was resumed, and is told to run again as long as it has something left to do.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/internal.h"
#include "http/listen.h"

#define DEFAULT_WORKERS	     4
#define DEFAULT_CONNECTIONS  4096
#define RESERVED_FDS	     64U
#define DEFAULT_HEARTBEAT_MS 15000
#define DEFAULT_IDLE_MS	     60000
#define CONNECTION_POOL	     8192
#define RUNS_PER_TURN	     8
/* For clients to take their answers once nothing is under way in the server. */
#define FLUSH_MS 2000

static void collect(struct http_server *s)
{
	struct task *next;
	for (struct task *task = task_pool_take_done(s->pool); task; task = next) {
		next = task->next;
		connection_returned(container_of(task, struct http_request, task));
	}
}

static void arm_idle_timer(struct http_server *s, uint64_t wait_ms)
{
	/* An earlier time than needed only costs one turn, an update at each request costs more. */
	uint64_t at = now_monotonic_ms() + wait_ms;
	if (at >= s->idle_timer_ms)
		return;
	s->idle_timer_ms = at;
	sd_event_source_set_time(s->idle_timer, at * 1000);
	sd_event_source_set_enabled(s->idle_timer, SD_EVENT_ONESHOT);
}

static void arm_deadline_timer(struct http_server *s)
{
	uint64_t next = task_pool_expire(s->pool, now_monotonic_ms());
	if (next == s->deadline_timer_ms)
		return;
	s->deadline_timer_ms = next;
	if (next == TASK_NEVER) {
		sd_event_source_set_enabled(s->deadline_timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(s->deadline_timer, next * 1000);
	sd_event_source_set_enabled(s->deadline_timer, SD_EVENT_ONESHOT);
}

/* True when there is more to do at once. */
static bool turn(struct http_server *s)
{
	collect(s);
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	bool waits = false;
	for (unsigned i = 0; i < RUNS_PER_TURN; i++) {
		MHD_run(s->daemon);
		waits = MHD_get_timeout(s->daemon, &wait_ms) == MHD_YES;
		if (!waits || wait_ms > 0)
			break;
	}
	arm_deadline_timer(s);
	if (!waits)
		return false;
	if (wait_ms == 0)
		return true;
	arm_idle_timer(s, wait_ms);
	return false;
}

static void turn_from_loop(struct http_server *s)
{
	sd_event_source_set_enabled(s->again, turn(s) ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static int on_ready(sd_event_source *source, int fd, uint32_t events, void *server)
{
	(void)source;
	(void)fd;
	(void)events;
	turn_from_loop(server);
	return 0;
}

static int on_again(sd_event_source *source, void *server)
{
	(void)source;
	turn_from_loop(server);
	return 0;
}

static int on_idle_timer(sd_event_source *source, uint64_t usec, void *server)
{
	(void)source;
	(void)usec;
	struct http_server *s = server;
	s->idle_timer_ms = TASK_NEVER;
	turn_from_loop(s);
	return 0;
}

static int on_deadline_timer(sd_event_source *source, uint64_t usec, void *server)
{
	(void)source;
	(void)usec;
	struct http_server *s = server;
	s->deadline_timer_ms = 0;
	turn_from_loop(s);
	return 0;
}

/* Clients of parked requests and sleeping streams that hung up. */
static int on_hangup(sd_event_source *source, int fd, uint32_t revents, void *server)
{
	(void)source;
	(void)revents;
	struct http_server *s = server;
	struct epoll_event events[32];
	int n = epoll_wait(fd, events, ARRAY_SIZE(events), 0);
	for (int i = 0; i < n; i++)
		task_cancel(s->pool, &((struct http_request *)events[i].data.ptr)->task);
	turn_from_loop(s);
	return 0;
}

__attribute__((format(printf, 2, 0))) static void on_log(void *server, const char *format,
							 va_list arguments)
{
	(void)server;
	char line[512];
	vsnprintf(line, sizeof(line), format, arguments);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("libmicrohttpd: %s", line);
}

static unsigned default_connections(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= 2 * RESERVED_FDS)
		return RESERVED_FDS;
	return (unsigned)MIN(limit.rlim_cur - RESERVED_FDS, (rlim_t)DEFAULT_CONNECTIONS);
}

static int start_daemon(struct http_server *s, struct error **err)
{
	_cleanup_close_ int fd = -1;
	int r = listen_tcp(s->options.listen, &fd, &s->port, err);
	if (r < 0)
		return r;
	unsigned idle_seconds = (s->options.idle_ms + 999) / 1000;
	s->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG, 0, NULL,
		NULL, connection_handle, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_POOL, MHD_OPTION_CONNECTION_LIMIT, s->options.max_connections,
		MHD_OPTION_CONNECTION_TIMEOUT, idle_seconds, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, connection_unescape, s, MHD_OPTION_URI_LOG_CALLBACK,
		connection_request_line, s, MHD_OPTION_NOTIFY_COMPLETED, connection_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, connection_notify, s, MHD_OPTION_END);
	if (!s->daemon)
		return error_set(err, ERROR_INTERNAL, "cannot start the HTTP daemon");
	TAKE_FD(fd);
	return 0;
}

static int attach(struct http_server *s, struct error **err)
{
	int mhd_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	int r = sd_event_add_io(s->loop, &s->mhd_source, mhd_fd, EPOLLIN, on_ready, s);
	if (r >= 0)
		r = sd_event_add_io(s->loop, &s->pool_source, task_pool_fd(s->pool), EPOLLIN,
				    on_ready, s);
	if (r >= 0)
		r = sd_event_add_io(s->loop, &s->watch_source, s->watch_fd, EPOLLIN, on_hangup, s);
	if (r >= 0)
		r = sd_event_add_time(s->loop, &s->idle_timer, CLOCK_MONOTONIC, 0, 1000000,
				      on_idle_timer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->idle_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_time(s->loop, &s->deadline_timer, CLOCK_MONOTONIC, 0, 1,
				      on_deadline_timer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->deadline_timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_defer(s->loop, &s->again, on_again, s);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot watch the HTTP server");
	return 0;
}

int http_server_start(sd_event *loop, const struct http_server_options *o, struct http_server **ret,
		      struct error **err)
{
	struct http_server *s = xcalloc(1, sizeof(*s));
	s->loop = sd_event_ref(loop);
	s->options = *o;
	s->idle_timer_ms = s->deadline_timer_ms = TASK_NEVER;
	if (!s->options.workers)
		s->options.workers = DEFAULT_WORKERS;
	if (!s->options.max_connections)
		s->options.max_connections = default_connections();
	if (!s->options.heartbeat_ms)
		s->options.heartbeat_ms = DEFAULT_HEARTBEAT_MS;
	if (!s->options.idle_ms)
		s->options.idle_ms = DEFAULT_IDLE_MS;

	s->lingers = lingers_new(loop);
	s->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	int r = 0;
	if (s->watch_fd < 0)
		r = error_set_errno(err, ERROR_INTERNAL, errno, "cannot make an epoll set");
	if (r >= 0)
		r = start_daemon(s, err);
	if (r >= 0)
		r = task_pool_new(s->options.workers, work_run, s, &s->pool, err);
	if (r >= 0)
		r = attach(s, err);
	if (r < 0) {
		http_server_stop(s);
		return r;
	}
	s->options.listen = NULL;
	*ret = s;
	return 0;
}

/* Until every request is answered; then clients that do not read are given up. */
static void drain(struct http_server *s)
{
	uint64_t give_up = TASK_NEVER;
	for (;;) {
		bool more = turn(s);
		if (s->answering == 0)
			break;
		uint64_t now = now_monotonic_ms();
		if (s->suspended > 0)
			give_up = TASK_NEVER;
		else if (give_up == TASK_NEVER)
			give_up = now + FLUSH_MS;
		else if (now >= give_up)
			break;

		int wait_ms = give_up == TASK_NEVER ? -1 : (int)(give_up - now);
		struct pollfd fds[] = {
			{.fd = sd_event_source_get_io_fd(s->mhd_source), .events = POLLIN},
			{.fd = task_pool_fd(s->pool), .events = POLLIN},
		};
		if (poll(fds, ARRAY_SIZE(fds), more ? 0 : wait_ms) < 0 && errno != EINTR)
			break;
	}
}

void http_server_stop(struct http_server *s)
{
	if (!s)
		return;
	s->stopping = true;
	if (s->pool && s->daemon && s->mhd_source) {
		safe_close(MHD_quiesce_daemon(s->daemon));
		task_pool_stop_sleep(s->pool);
		drain(s);
	}
	sd_event_source_disable_unref(s->mhd_source);
	sd_event_source_disable_unref(s->pool_source);
	sd_event_source_disable_unref(s->watch_source);
	sd_event_source_disable_unref(s->idle_timer);
	sd_event_source_disable_unref(s->deadline_timer);
	sd_event_source_disable_unref(s->again);
	task_pool_free(s->pool);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	lingers_free(s->lingers);
	safe_close(s->watch_fd);
	sd_event_unref(s->loop);
	free(s);
}

unsigned http_server_port(const struct http_server *s)
{
	return s->port;
}

void http_server_wake(struct http_server *s, const char *topic)
{
	task_pool_wake(s->pool, topic);
}

void http_server_stats(struct http_server *s, struct http_server_stats *ret)
{
	*ret = (struct http_server_stats){
		.requests = atomic_load(&s->requests),
		.connections = atomic_load(&s->connections),
		.parked = atomic_load(&s->parked),
		.streams = atomic_load(&s->streams),
	};
	for (size_t i = 0; i < ARRAY_SIZE(ret->responses_by_class); i++)
		ret->responses_by_class[i] = atomic_load(&s->responses_by_class[i]);
}
