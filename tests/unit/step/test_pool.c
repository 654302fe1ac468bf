/* A real pool, with providers that echo: this program is also the pool and each provider. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/process.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "step/pool.h"

#define WAIT_MS 20000

static char root[] = "/tmp/planton-test-pool-XXXXXX";

/* ---- The provider ---- */

static int listen_at(int folder_fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder_fd,
		 name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0)
		return -1;
	return fd;
}

/* Says who it is, then echoes. */
static void echo(int fd)
{
	char buffer[4096];
	int size = snprintf(buffer, sizeof(buffer), "%d\n", (int)getpid());
	(void)!write(fd, buffer, (size_t)size);
	ssize_t got;
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		if (write_all(fd, buffer, (size_t)got) < 0)
			break;
	close(fd);
}

/* After saying more than anybody keeps. */
static void panic(void)
{
	for (int i = 0; i < 20000; i++)
		fprintf(stderr, "line %d of what nobody reads\n", i);
	fprintf(stderr, "panic: the end\n");
	_exit(2);
}

static int provider_main(const char *kind)
{
	char name[32];
	snprintf(name, sizeof(name), "s%d", (int)getpid());
	if (streq(kind, "crash"))
		return 3;
	if (streq(kind, "elsewhere")) {
		printf("1|5|unix|/tmp/%s|grpc|\n", name);
		fflush(stdout);
		pause();
		return 0;
	}
	int fd = listen_at(3, name);
	if (fd < 0)
		return 4;
	printf("1|6|unix|" POOL_FOLDER_IN_PROVIDER "/%s|grpc|\n", name);
	fflush(stdout);
	for (;;) {
		int connection = accept(fd, NULL, NULL);
		if (connection >= 0 && streq(kind, "panic"))
			panic();
		if (connection >= 0)
			echo(connection);
	}
}

/* ---- The pool ---- */

struct pool {
	int pidfd, users_fd, folder_fd;
	char log[64];
};

static struct pool start(const char *kind, int ahead)
{
	static int count;
	char self[4096];
	_cleanup_free_ char *number = xasprintf("%d", count++);
	_cleanup_free_ char *folder = path_join(root, number, NULL);
	struct pool pool = {-1, -1, -1, ""};
	int users[2];
	pid_t pid;

	ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(size > 0);
	self[size] = '\0';
	assert_int_equal(mkdir_p(folder, 0700), 0);
	pool.folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, users), 0);
	_cleanup_free_ char *variable = xasprintf("PROVIDER=%s", kind);
	json_t *launch =
		json_pack("{s:[{s:s s:i}] s:[s,s] s:s}", "providers", "path", self, "ahead", ahead,
			  "env", variable, "ASAN_OPTIONS=detect_leaks=0", "cwd", "/");
	_cleanup_free_ char *text = json_dumps(launch, 0);
	json_decref(launch);
	_cleanup_close_ int launch_fd = memfd_with_content("launch", text, strlen(text));
	_cleanup_close_ int listen_fd = listen_at(pool.folder_fd, "p0");
	_cleanup_close_ int pool_users_fd = users[1];
	assert_true(listen_fd >= 0);
	pool.users_fd = users[0];
	const struct process_fd fds[] = {
		{launch_fd, 3}, {pool.folder_fd, 4}, {pool_users_fd, 5}, {listen_fd, 6}};
	char *argv[] = {"test", "providers", folder, NULL};
	snprintf(pool.log, sizeof(pool.log), "%s.log", folder);
	_cleanup_close_ int log_fd =
		open(pool.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	struct process_spec spec = {
		PROCESS_SPEC_INIT, .path = "/proc/self/exe", .argv = argv,	  .cwd = "/",
		.fds = fds,	   .n_fds = ARRAY_SIZE(fds), .new_session = true,
	};
	spec.stderr_fd = log_fd;
	assert_int_equal(process_spawn(&spec, &pid, &pool.pidfd), 0);
	return pool;
}

static void release(struct pool *pool)
{
	safe_close(pool->users_fd);
	safe_close(pool->folder_fd);
	safe_close(pool->pidfd);
}

static void end(struct pool *pool)
{
	struct process_exit exit;
	pool->users_fd = safe_close(pool->users_fd);
	assert_int_equal(process_wait(pool->pidfd, WAIT_MS, &exit), 0);
	assert_false(exit.signaled);
	assert_int_equal(exit.code, 0);
	release(pool);
}

static int dial(const struct pool *pool)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/p0",
		 pool->folder_fd);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static size_t read_some(int fd, char *into, size_t size)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
	ssize_t got = read(fd, into, size);
	return got > 0 ? (size_t)got : 0;
}

/* One line; "" at the end of the connection. */
static void read_line(int fd, char *into, size_t size)
{
	size_t n = 0;
	while (n + 1 < size && read_some(fd, into + n, 1) == 1 && into[n] != '\n')
		n++;
	into[n] = '\0';
}

/* Speaks, and learns which process answers. */
static pid_t speak(int fd, const char *text)
{
	char pid[32], back[64];
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	read_line(fd, pid, sizeof(pid));
	read_line(fd, back, sizeof(back));
	assert_true(startswith(text, back) && back[0]);
	return (pid_t)strtol(pid, NULL, 10);
}

static bool alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void wait_gone(pid_t pid)
{
	uint64_t until = now_monotonic_ms() + WAIT_MS;
	while (alive(pid) && now_monotonic_ms() < until) {
		struct timespec pause = {.tv_nsec = 2000000};
		nanosleep(&pause, NULL);
	}
	assert_false(alive(pid));
}

/* ---- Tests ---- */

static void each_connection_has_a_process_of_its_own(void **state)
{
	(void)state;
	struct pool pool = start("echo", 1);
	int a = dial(&pool), b = dial(&pool);
	pid_t of_a = speak(a, "one\n"), of_b = speak(b, "two\n");
	assert_true(of_a > 0 && of_b > 0 && of_a != of_b);
	close(a);
	close(b);
	end(&pool);
	assert_false(alive(of_a) || alive(of_b));
}

static void a_process_is_used_again(void **state)
{
	(void)state;
	struct pool pool = start("echo", 0);
	int a = dial(&pool);
	pid_t first = speak(a, "one\n");
	char rest[8];
	shutdown(a, SHUT_WR);
	assert_int_equal(read_some(a, rest, sizeof(rest)), 0);
	close(a);
	int b = dial(&pool);
	assert_int_equal(speak(b, "two\n"), first);
	close(b);
	end(&pool);
}

static void who_says_nothing_gets_none(void **state)
{
	(void)state;
	struct pool pool = start("echo", 1);
	int probe = dial(&pool);
	int a = dial(&pool);
	pid_t first = speak(a, "one\n");
	close(probe);
	close(a);
	assert_true(first > 0);
	end(&pool);
}

static void the_protocol_is_told(void **state)
{
	(void)state;
	char line[32];
	struct pool pool = start("echo", 2);
	read_line(pool.users_fd, line, sizeof(line));
	assert_string_equal(line, "0 6");
	end(&pool);
}

static void one_that_does_not_start(void **state)
{
	(void)state;
	static const char *const kinds[] = {"crash", "elsewhere"};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char line[32], rest[8];
		struct pool pool = start(kinds[i], 1);
		read_line(pool.users_fd, line, sizeof(line));
		assert_string_equal(line, "0 0");
		int a = dial(&pool);
		assert_int_equal(write_all(a, "x", 1), 0);
		assert_int_equal(read_some(a, rest, sizeof(rest)), 0);
		close(a);
		end(&pool);
	}
}

static void a_process_that_dies_ends_its_connection_only(void **state)
{
	(void)state;
	char rest[8];
	struct pool pool = start("echo", 0);
	int a = dial(&pool), b = dial(&pool);
	pid_t of_a = speak(a, "one\n");
	assert_true(speak(b, "two\n") > 0);
	kill(of_a, SIGKILL);
	assert_int_equal(read_some(a, rest, sizeof(rest)), 0);
	assert_int_equal(write_all(b, "three\n", 6), 0);
	assert_int_equal(read_some(b, rest, sizeof(rest)), 6);
	close(a);
	/* The engine's own attempt to go on: nobody has configured what would answer. */
	int c = dial(&pool);
	(void)!write(c, "x", 1);
	assert_int_equal(read_some(c, rest, sizeof(rest)), 0);
	close(b);
	close(c);
	end(&pool);
}

static void one_that_dies_while_it_waits_is_replaced(void **state)
{
	(void)state;
	struct pool pool = start("echo", 0);
	int a = dial(&pool);
	pid_t first = speak(a, "one\n");
	char rest[8];
	shutdown(a, SHUT_WR);
	assert_int_equal(read_some(a, rest, sizeof(rest)), 0);
	close(a);
	kill(first, SIGKILL);
	wait_gone(first);
	int b = dial(&pool);
	pid_t second = speak(b, "two\n");
	assert_true(second > 0 && second != first);
	close(b);
	end(&pool);
}

static void the_last_words_are_kept(void **state)
{
	(void)state;
	struct pool pool = start("panic", 0);
	int a = dial(&pool);
	char rest[8];
	assert_int_equal(write_all(a, "x", 1), 0);
	while (read_some(a, rest, sizeof(rest)) > 0)
		;
	close(a);
	_cleanup_free_ char *log = xstrdup(pool.log);
	end(&pool);
	_cleanup_free_ char *said = NULL;
	size_t size;
	assert_int_equal(read_file(log, 1 << 20, &said, &size), 0);
	assert_true(size <= 64 << 10);
	assert_non_null(endswith(said, "panic: the end\n"));
}

static void much_in_both_directions(void **state)
{
	(void)state;
	enum { SIZE = 8 << 20 };
	struct pool pool = start("echo", 1);
	int fd = dial(&pool);
	pid_t provider = speak(fd, "go\n");
	char *sent = malloc(SIZE), *received = malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		sent[i] = (char)(i * 2654435761U >> 13);
	assert_int_equal(fd_set_nonblock(fd, true), 0);
	for (size_t out = 0, in = 0; in < SIZE;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN | (out < SIZE ? POLLOUT : 0)};
		assert_int_equal(poll(&wait, 1, WAIT_MS), 1);
		ssize_t n = out < SIZE ? write(fd, sent + out, SIZE - out) : 0;
		out += n > 0 ? (size_t)n : 0;
		n = read(fd, received + in, SIZE - in);
		assert_true(n > 0 || (n < 0 && errno == EAGAIN));
		in += n > 0 ? (size_t)n : 0;
	}
	assert_memory_equal(sent, received, SIZE);
	assert_true(alive(provider));
	free(sent);
	free(received);
	close(fd);
	end(&pool);
}

static void a_signal_ends_it_in_the_middle(void **state)
{
	(void)state;
	struct process_exit exit;
	struct pool pool = start("echo", 0);
	int fd = dial(&pool);
	pid_t provider = speak(fd, "one\n");
	assert_int_equal(process_signal(pool.pidfd, SIGTERM), 0);
	assert_int_equal(process_wait(pool.pidfd, WAIT_MS, &exit), 0);
	assert_false(alive(provider));
	close(fd);
	release(&pool);
}

static void killed_it_takes_them_with_it(void **state)
{
	(void)state;
	struct process_exit exit;
	struct pool pool = start("echo", 0);
	int fd = dial(&pool);
	pid_t provider = speak(fd, "one\n");
	assert_int_equal(process_signal(pool.pidfd, SIGKILL), 0);
	assert_int_equal(process_wait(pool.pidfd, WAIT_MS, &exit), 0);
	wait_gone(provider);
	close(fd);
	release(&pool);
}

int main(int argc, char **argv)
{
	if (getenv("PROVIDER"))
		return provider_main(getenv("PROVIDER"));
	if (argc > 1 && streq(argv[1], "providers"))
		return pool_main(argc - 1, argv + 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_connection_has_a_process_of_its_own),
		cmocka_unit_test(a_process_is_used_again),
		cmocka_unit_test(who_says_nothing_gets_none),
		cmocka_unit_test(the_protocol_is_told),
		cmocka_unit_test(one_that_does_not_start),
		cmocka_unit_test(a_process_that_dies_ends_its_connection_only),
		cmocka_unit_test(one_that_dies_while_it_waits_is_replaced),
		cmocka_unit_test(the_last_words_are_kept),
		cmocka_unit_test(much_in_both_directions),
		cmocka_unit_test(a_signal_ends_it_in_the_middle),
		cmocka_unit_test(killed_it_takes_them_with_it),
	};
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(root))
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(root);
	return r;
}
