#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/process.h"

/* Runs a shell script; its output (stdout) ends up in text. */
static struct process_exit run(const char *script, struct process_spec spec, struct strbuf *text)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	spec.path = "/bin/sh";
	spec.argv = argv;
	spec.stdout_fd = ends[1];
	pid_t pid = 0;
	_cleanup_close_ int pidfd = -1;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd), 0);
	assert_true(pid > 0);
	safe_close(ends[1]);
	assert_int_equal(read_fd(ends[0], 1 << 20, text), 0);
	safe_close(ends[0]);
	struct process_exit exit = {0};
	assert_int_equal(process_wait(pidfd, 10000, &exit), 0);
	return exit;
}

static void output_environment_and_folder(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	char *envp[] = {(char *)"NAME=value", NULL};
	struct process_spec spec = {PROCESS_SPEC_INIT, .envp = envp, .cwd = "/usr"};
	struct process_exit exit = run("echo $NAME; pwd -P; cat; exit 7", spec, &text);
	assert_false(exit.signaled);
	assert_int_equal(exit.code, 7);
	assert_string_equal(text.data, "value\n/usr\n");
}

static void only_named_descriptors_arrive(void **state)
{
	(void)state;
	_cleanup_close_ int a = memfd_with_content("a", "from a", 6);
	_cleanup_close_ int b = memfd_with_content("b", "from b", 6);
	_cleanup_close_ int secret = memfd_with_content("secret", "x", 1);
	assert_true(secret >= 0);
	assert_int_equal(fd_set_cloexec(secret, false), 0);
	/* Crosswise: each target is the other's source. */
	struct process_fd fds[] = {{a, b}, {b, a}};
	struct process_spec spec = {PROCESS_SPEC_INIT, .fds = fds, .n_fds = 2};
	_cleanup_free_ char *script =
		xasprintf("cat /proc/self/fd/%d; cat /proc/self/fd/%d; for fd in /proc/$$/fd/*; do "
			  "test -e $fd && test ${fd##*/} -gt 2 && echo ${fd##*/}; done; :",
			  a, b);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	assert_int_equal(run(script, spec, &text).code, 0);
	_cleanup_free_ char *expected =
		xasprintf("from bfrom a%d\n%d\n", a < b ? a : b, a < b ? b : a);
	assert_string_equal(text.data, expected);
}

static void failing_exec_is_an_errno(void **state)
{
	(void)state;
	char *argv[] = {(char *)"x", NULL};
	pid_t pid = -5;
	int pidfd = -5;
	struct process_spec spec = {PROCESS_SPEC_INIT, .path = "/no/such/program", .argv = argv};
	assert_int_equal(process_spawn(&spec, &pid, &pidfd), -ENOENT);
	spec.path = "/etc/passwd";
	assert_int_equal(process_spawn(&spec, &pid, &pidfd), -EACCES);
	spec.path = "relative";
	assert_int_equal(process_spawn(&spec, &pid, &pidfd), -EINVAL);
	assert_int_equal(pid, -5);
	assert_int_equal(pidfd, -5);
}

static void sessions_and_signals(void **state)
{
	(void)state;
	sigset_t blocked;
	sigset_t before;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);

	char *argv[] = {(char *)"sleep", (char *)"60", NULL};
	struct process_spec spec = {PROCESS_SPEC_INIT, .path = "/bin/sleep", .argv = argv,
				    .new_session = true};
	pid_t pid;
	_cleanup_close_ int pidfd = -1;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd), 0);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGPIPE, SIG_DFL);

	assert_int_equal(getsid(pid), pid);
	assert_int_equal(fcntl(pidfd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	_cleanup_free_ char *path = xasprintf("/proc/%d/status", (int)pid);
	_cleanup_free_ char *status = NULL;
	assert_int_equal(read_file(path, 1 << 16, &status, NULL), 0);
	assert_non_null(strstr(status, "SigBlk:\t0000000000000000"));
	const char *ignored = strstr(status, "SigIgn:\t");
	assert_non_null(ignored);
	assert_int_equal(strtoull(ignored + 8, NULL, 16) >> (SIGPIPE - 1) & 1, 0);

	struct process_exit exit;
	assert_int_equal(process_has_ended(pidfd), 0);
	assert_int_equal(process_wait(pidfd, 10, &exit), -ETIMEDOUT);
	assert_int_equal(process_signal(pidfd, SIGTERM), 0);
	assert_int_equal(process_wait(pidfd, -1, &exit), 0);
	assert_true(exit.signaled);
	assert_int_equal(exit.code, SIGTERM);
	assert_int_equal(process_has_ended(pidfd), 1);
	assert_int_equal(process_signal(pidfd, SIGTERM), -ESRCH);
}

static void others_can_be_watched_not_reaped(void **state)
{
	(void)state;
	_cleanup_close_ int parent = process_open(getppid());
	assert_true(parent >= 0);
	assert_int_equal(process_has_ended(parent), 0);
	struct process_exit exit;
	assert_int_equal(process_wait(parent, 0, &exit), -ETIMEDOUT);
	assert_int_equal(process_open(0x3fffffff), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_environment_and_folder),
		cmocka_unit_test(only_named_descriptors_arrive),
		cmocka_unit_test(failing_exec_is_an_errno),
		cmocka_unit_test(sessions_and_signals),
		cmocka_unit_test(others_can_be_watched_not_reaped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
