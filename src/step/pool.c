/* Starts providers, and gives each connection of the engine's one of them. */
#include "step/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/strutil.h"
#include "step/engine.h"
#include "step/launch.h"
#include "step/relay.h"
#include "step/sandbox.h"

#define HANDSHAKE_MAX	512
#define CONNECTIONS_MAX 1024
/* Signals, users, complaints, a listening socket for each provider. */
#define FIXED_FDS     (3 + POOL_MAX_PROVIDERS)
#define CONNECT_TRIES 3
/* Of what providers say on stderr, a panic in the end. */
#define COMPLAINTS_SIZE ((size_t)64 << 10)

/* Of a relay. */
enum {
	ENGINE_SIDE,
	PROVIDER_SIDE,
};

enum worker_state {
	WORKER_STARTING, /* its handshake is awaited */
	WORKER_IDLE,
	WORKER_BUSY, /* one connection is its own */
	WORKER_OVER, /* to be reaped */
};

struct worker {
	pid_t pid; /* 0 once it was reaped */
	size_t provider;
	enum worker_state state;
	int stdout_fd; /* the handshake; kept open, for it may say more */
	char handshake[HANDSHAKE_MAX];
	size_t handshake_size;
	char socket[64]; /* a name in the folder */
};

/* A connection of the engine's: first silent, then waiting for a worker, then relayed. */
struct connection {
	size_t provider;
	int fd; /* until it is relayed */
	bool speaks, refused;
	int tries;
	struct worker *worker;
	struct relay relay;
};

struct pool {
	struct launch launch;
	int signal_fd, ruleset_fd;
	bool told[POOL_MAX_PROVIDERS]; /* whether it starts, and its protocol */
	/*
	 * A process of it died at work. The engine would connect again by itself, but not
	 * configure again: what answered would have no credentials, or another alias's.
	 */
	bool broken[POOL_MAX_PROVIDERS];
	int complaints_fds[2]; /* what all of them have as stderr */
	char complaints[2 * COMPLAINTS_SIZE];
	size_t complaints_size;
	struct worker *workers[CONNECTIONS_MAX];
	size_t n_workers;
	struct connection *connections[CONNECTIONS_MAX];
	size_t n_connections;
};

/* ---- Workers ---- */

static void tell(struct pool *pool, size_t provider, int protocol)
{
	char line[32];

	if (pool->told[provider])
		return;
	pool->told[provider] = true;
	int size = snprintf(line, sizeof(line), "%zu %d\n", provider, protocol);
	(void)!send(POOL_USERS_FD, line, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static bool is_waiting(const struct connection *connection, size_t provider)
{
	return connection->provider == provider && connection->speaks && !connection->worker &&
	       !connection->refused;
}

/* Connections that wait for a process of which none is on its way. */
static size_t count_unserved(const struct pool *pool, size_t provider)
{
	size_t waiting = 0, starting = 0;

	for (size_t i = 0; i < pool->n_connections; i++)
		waiting += is_waiting(pool->connections[i], provider);
	for (size_t i = 0; i < pool->n_workers; i++)
		starting += pool->workers[i]->provider == provider &&
			    pool->workers[i]->state == WORKER_STARTING;
	return waiting > starting ? waiting - starting : 0;
}

/* The engine says that its provider does not respond; it would not get better by trying again. */
static void start_failed(struct pool *pool, size_t provider)
{
	size_t refuse = MIN(count_unserved(pool, provider), (size_t)1);

	tell(pool, provider, 0);
	for (size_t i = 0; i < pool->n_connections && refuse > 0; i++)
		if (is_waiting(pool->connections[i], provider)) {
			pool->connections[i]->refused = true;
			refuse--;
		}
}

static void worker_over(struct pool *pool, struct worker *worker)
{
	enum worker_state state = worker->state;

	worker->state = WORKER_OVER;
	if (state != WORKER_OVER)
		kill(worker->pid, SIGKILL);
	if (state == WORKER_STARTING)
		start_failed(pool, worker->provider);
}

/* False: it cannot be started. */
static bool worker_start(struct pool *pool, size_t provider)
{
	const struct launch_provider *wanted = &pool->launch.providers[provider];
	_cleanup_error_ struct error *error = NULL;
	char *argv[] = {wanted->path, NULL};
	int pipe_fds[2];

	if (pool->n_workers == CONNECTIONS_MAX || pipe2(pipe_fds, O_CLOEXEC) < 0)
		return false;
	_cleanup_close_ int theirs = pipe_fds[1];
	const int fds[] = {theirs, pool->complaints_fds[1], POOL_FOLDER_FD};
	_cleanup_close_ int ours = pipe_fds[0];
	struct engine_child child;
	if (engine_start(&pool->launch, argv, pool->ruleset_fd, fds, ARRAY_SIZE(fds), true, &child,
			 &error) < 0) {
		_cleanup_free_ char *why = error_describe(error);
		fprintf(stderr, "%s\n", why);
		return false;
	}
	safe_close(child.pidfd);
	(void)fd_set_nonblock(ours, true);
	struct worker *worker = xcalloc(1, sizeof(*worker));
	*worker =
		(struct worker){.pid = child.pid, .provider = provider, .stdout_fd = TAKE_FD(ours)};
	pool->workers[pool->n_workers++] = worker;
	return true;
}

/*
 * "1|<protocol>|unix|/proc/self/fd/3/<name>|grpc|..." (go-plugin's handshake). A
 * socket anywhere else could be reached by the engines of other jobs.
 */
static bool read_handshake(struct worker *worker, int *ret_protocol)
{
	int end = 0;

	sscanf(worker->handshake, "1|%d|unix|" POOL_FOLDER_IN_PROVIDER "/%63[^/|\n]|grpc%n",
	       ret_protocol, worker->socket, &end);
	return end > 0;
}

static void take_output(struct pool *pool, struct worker *worker)
{
	char rest[4096];
	size_t room = sizeof(worker->handshake) - 1 - worker->handshake_size;
	bool starting = worker->state == WORKER_STARTING && room > 0;
	char *into = starting ? worker->handshake + worker->handshake_size : rest;
	int protocol;

	ssize_t size = read(worker->stdout_fd, into, starting ? room : sizeof(rest));
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		worker->stdout_fd = safe_close(worker->stdout_fd);
		if (worker->state == WORKER_STARTING)
			worker_over(pool, worker);
		return;
	}
	if (worker->state != WORKER_STARTING)
		return;
	worker->handshake_size += starting ? (size_t)size : 0;
	if (!strchr(worker->handshake, '\n') && room > 0)
		return;
	if (!read_handshake(worker, &protocol)) {
		fprintf(stderr, "%s cannot be kept warm: its handshake is %s\n",
			pool->launch.providers[worker->provider].path, worker->handshake);
		worker_over(pool, worker);
		return;
	}
	worker->state = WORKER_IDLE;
	tell(pool, worker->provider, protocol);
}

static int worker_connect(const struct worker *worker)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", POOL_FOLDER_FD,
		 worker->socket);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return TAKE_FD(fd);
}

static struct worker *find_worker(struct pool *pool, size_t provider, enum worker_state state)
{
	for (size_t i = 0; i < pool->n_workers; i++)
		if (pool->workers[i]->provider == provider && pool->workers[i]->state == state)
			return pool->workers[i];
	return NULL;
}

/* ---- Connections ---- */

static void connection_free(struct connection *connection)
{
	safe_close(connection->fd);
	if (connection->worker)
		relay_release(&connection->relay);
	free(connection);
}

static void accept_one(struct pool *pool, size_t provider)
{
	int fd = accept4(POOL_LISTEN_FD + (int)provider, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (pool->n_connections == CONNECTIONS_MAX) {
		safe_close(fd);
		return;
	}
	struct connection *connection = xcalloc(1, sizeof(*connection));
	connection->provider = provider;
	connection->fd = fd;
	pool->connections[pool->n_connections++] = connection;
}

/* A process is bound at the first byte: an engine also connects only to see that somebody is there.
 * False: it is over. */
static bool listen_for_speech(struct connection *connection)
{
	char byte;
	ssize_t size = recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	if (size < 0)
		return errno == EAGAIN || errno == EINTR;
	connection->speaks = true;
	return size > 0;
}

/* False: there is no provider for it. */
static bool bind_worker(struct pool *pool, struct connection *connection)
{
	struct worker *worker = find_worker(pool, connection->provider, WORKER_IDLE);

	if (!worker)
		return true;
	int fd = worker_connect(worker);
	if (fd < 0) {
		/* It may have ended since. */
		worker_over(pool, worker);
		return ++connection->tries < CONNECT_TRIES;
	}
	worker->state = WORKER_BUSY;
	connection->worker = worker;
	relay_init(&connection->relay, connection->fd, fd);
	connection->fd = -1;
	return true;
}

/* As many are on their way as connections wait for one. */
static void start_missing(struct pool *pool, size_t provider)
{
	for (size_t missing = count_unserved(pool, provider); missing > 0; missing--)
		if (!worker_start(pool, provider))
			start_failed(pool, provider);
}

/* False: it is over. */
static bool serve(struct pool *pool, struct connection *connection)
{
	if (!connection->worker && (connection->refused || pool->broken[connection->provider]))
		return false;
	if (!connection->speaks && !listen_for_speech(connection))
		return false;
	if (!connection->speaks)
		return true;
	if (!connection->worker && !bind_worker(pool, connection))
		return false;
	if (!connection->worker)
		start_missing(pool, connection->provider);
	if (!connection->worker)
		return !connection->refused;
	/* Also of one that has ended: its last answer may still be on its way. */
	if (relay_move(&connection->relay))
		return true;
	if (connection->relay.first_end == PROVIDER_SIDE)
		pool->broken[connection->provider] = true;
	if (connection->worker->state == WORKER_BUSY)
		connection->worker->state = WORKER_IDLE;
	return false;
}

static void serve_all(struct pool *pool)
{
	for (size_t i = 0; i < pool->n_connections;) {
		if (serve(pool, pool->connections[i])) {
			i++;
			continue;
		}
		connection_free(pool->connections[i]);
		pool->connections[i] = pool->connections[--pool->n_connections];
	}
}

/* ---- What they say on stderr ---- */

/* The newest is kept. */
static void take_complaints(struct pool *pool)
{
	ssize_t size;

	while ((size = read(pool->complaints_fds[0], pool->complaints + pool->complaints_size,
			    COMPLAINTS_SIZE)) > 0) {
		pool->complaints_size += (size_t)size;
		if (pool->complaints_size <= COMPLAINTS_SIZE)
			continue;
		size_t old = pool->complaints_size - COMPLAINTS_SIZE;
		memmove(pool->complaints, pool->complaints + old, COMPLAINTS_SIZE);
		pool->complaints_size = COMPLAINTS_SIZE;
	}
}

/* ---- The loop ---- */

static struct worker *worker_of(struct pool *pool, pid_t pid)
{
	for (size_t i = 0; i < pool->n_workers; i++)
		if (pool->workers[i]->pid == pid)
			return pool->workers[i];
	return NULL;
}

static bool is_bound(const struct pool *pool, const struct worker *worker)
{
	for (size_t i = 0; i < pool->n_connections; i++)
		if (pool->connections[i]->worker == worker)
			return true;
	return false;
}

static void worker_free(struct worker *worker)
{
	safe_close(worker->stdout_fd);
	free(worker);
}

static void reap(struct pool *pool)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		struct worker *worker = worker_of(pool, pid);
		if (!worker)
			continue;
		bool starting = worker->state == WORKER_STARTING;
		if (worker->state == WORKER_BUSY)
			pool->broken[worker->provider] = true;
		worker->state = WORKER_OVER;
		worker->pid = 0;
		if (starting)
			start_failed(pool, worker->provider);
	}
	serve_all(pool);
	for (size_t i = 0; i < pool->n_workers;) {
		struct worker *worker = pool->workers[i];
		if (worker->pid > 0 || is_bound(pool, worker)) {
			i++;
			continue;
		}
		worker_free(worker);
		pool->workers[i] = pool->workers[--pool->n_workers];
	}
}

/* False: the pool is to end. */
static bool take_signals(struct pool *pool)
{
	struct signalfd_siginfo info;

	while (read(pool->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			return false;
	reap(pool);
	return true;
}

static bool has_users(void)
{
	char ignored[64];
	ssize_t size = recv(POOL_USERS_FD, ignored, sizeof(ignored), MSG_DONTWAIT);
	return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

static size_t list_fds(const struct pool *pool, struct pollfd *fds)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){.fd = pool->signal_fd, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = POOL_USERS_FD, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = pool->complaints_fds[0], .events = POLLIN};
	for (size_t i = 0; i < pool->launch.n_providers; i++)
		fds[n++] = (struct pollfd){.fd = POOL_LISTEN_FD + (int)i, .events = POLLIN};
	for (size_t i = 0; i < pool->n_workers; i++)
		fds[n++] = (struct pollfd){.fd = pool->workers[i]->stdout_fd, .events = POLLIN};
	for (size_t i = 0; i < pool->n_connections; i++) {
		const struct connection *connection = pool->connections[i];
		if (connection->worker) {
			relay_poll(&connection->relay, &fds[n]);
			n += 2;
		} else if (!connection->speaks) {
			fds[n++] = (struct pollfd){.fd = connection->fd, .events = POLLIN};
		}
	}
	return n;
}

static void run(struct pool *pool)
{
	struct pollfd fds[FIXED_FDS + 3 * CONNECTIONS_MAX];

	for (size_t i = 0; i < pool->launch.n_providers; i++)
		for (unsigned ahead = pool->launch.providers[i].ahead; ahead > 0; ahead--)
			if (!worker_start(pool, i))
				tell(pool, i, 0);
	for (;;) {
		size_t n = list_fds(pool, fds);
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			return;
		size_t first_output = 3 + pool->launch.n_providers;
		for (size_t i = 0, count = pool->n_workers; i < count; i++)
			if (fds[first_output + i].revents)
				take_output(pool, pool->workers[i]);
		if (fds[2].revents)
			take_complaints(pool);
		if ((fds[1].revents && !has_users()) || (fds[0].revents && !take_signals(pool)))
			return;
		for (size_t i = 0; i < pool->launch.n_providers; i++)
			if (fds[3 + i].revents)
				accept_one(pool, i);
		serve_all(pool);
	}
}

static int prepare(struct pool *pool, struct error **err)
{
	struct rlimit no_core = {0, 0}, files;
	sigset_t mask;

	int r = launch_read(POOL_LAUNCH_FD, &pool->launch, err);
	safe_close(POOL_LAUNCH_FD);
	if (r < 0)
		return r;
	size_t n = pool->launch.n_providers;
	if (n == 0 || n > POOL_MAX_PROVIDERS)
		return error_set(err, ERROR_INVALID_ARGUMENT, "launch parameters: providers");
	for (int fd = POOL_FOLDER_FD; fd < POOL_LISTEN_FD + (int)n; fd++)
		if (fd_set_cloexec(fd, true) < 0 ||
		    (fd >= POOL_LISTEN_FD && fd_set_nonblock(fd, true) < 0))
			return error_set(err, ERROR_INVALID_ARGUMENT, "descriptor %d is missing",
					 fd);
	/* Such as the program that runs. */
	(void)close_range((unsigned)POOL_LISTEN_FD + (unsigned)n, ~0U, 0);

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (pipe2(pool->complaints_fds, O_CLOEXEC) < 0 ||
	    fd_set_nonblock(pool->complaints_fds[0], true) < 0 ||
	    sigprocmask(SIG_BLOCK, &mask, NULL) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    (pool->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "process settings");
	return sandbox_prepare(pool->launch.sandbox_read, pool->launch.sandbox_write,
			       &pool->ruleset_fd, err);
}

static void pool_release(struct pool *pool)
{
	while (pool->n_connections > 0)
		connection_free(pool->connections[--pool->n_connections]);
	while (pool->n_workers > 0)
		worker_free(pool->workers[--pool->n_workers]);
	launch_release(&pool->launch);
	safe_close(pool->signal_fd);
	safe_close(pool->ruleset_fd);
	safe_close(pool->complaints_fds[0]);
	safe_close(pool->complaints_fds[1]);
}

int pool_main(int argc, char **argv)
{
	static struct pool pool = {.signal_fd = -1, .ruleset_fd = -1, .complaints_fds = {-1, -1}};
	_cleanup_error_ struct error *error = NULL;

	(void)argv;
	if (argc != 2) {
		fprintf(stderr, "planton providers is started by planton runner, not by hand\n");
		return EXIT_CODE_USAGE;
	}
	int r = prepare(&pool, &error);
	if (r < 0) {
		_cleanup_free_ char *why = error_describe(error);
		fprintf(stderr, "%s\n", why);
	} else {
		run(&pool);
		kill_descendants(STDERR_FILENO);
		take_complaints(&pool);
		(void)write_all(STDERR_FILENO, pool.complaints, pool.complaints_size);
	}
	pool_release(&pool);
	return r < 0 ? EXIT_CODE_ERROR : EXIT_CODE_OK;
}
