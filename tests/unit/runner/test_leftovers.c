/* Real processes with the stub engine, found by what they carry. */
#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/process.h"
#include "base/tree.h"
#include "runner/leftovers.h"

static char root[] = "/tmp/planton-test-leftovers-XXXXXX";
static char job[40];

static pid_t started; /* by the last start() */

static int start(const char *path, const char *milliseconds, const char *launch, int live_fd,
		 int out)
{
	_cleanup_free_ char *mark = xasprintf("PLANTON_LAUNCH=%s", launch ? launch : "none");
	char *argv[] = {(char *)path, "polite", "3", "sleep", (char *)milliseconds, NULL};
	char *sleep_argv[] = {(char *)path, "1000", NULL};
	char *env[] = {mark, "PLANTON_RUNNER=leftovers-test", "PLANTON_EPOCH=7", NULL};
	const struct process_fd fds[] = {{live_fd, 3}};
	struct process_spec spec = {PROCESS_SPEC_INIT,
				    .path = path,
				    .argv = milliseconds ? argv : sleep_argv,
				    .envp = env,
				    .cwd = "/",
				    .fds = fds,
				    .n_fds = live_fd >= 0 ? 1 : 0,
				    .new_session = true};
	spec.stdout_fd = out;
	pid_t pid;
	int pidfd;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd), 0);
	started = pid;
	return pidfd;
}

/* The stub answers an interrupt from the moment on that it catches it. */
static void wait_until_it_catches_interrupts(void)
{
	char path[64];
	unsigned long long caught = 0;
	uint64_t until = now_monotonic_ms() + 5000;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)started);
	while (!(caught & (1ULL << (SIGINT - 1))) && now_monotonic_ms() < until) {
		_cleanup_free_ char *text = NULL;
		assert_int_equal(read_file(path, 1 << 16, &text, NULL), 0);
		const char *line = strstr(text, "SigCgt:");
		assert_non_null(line);
		caught = strtoull(line + strlen("SigCgt:"), NULL, 16);
	}
}

static void finish(int pidfd, int expected_signal, int expected_code)
{
	struct process_exit exit;
	assert_int_equal(process_wait(pidfd, 5000, &exit), 0);
	assert_int_equal(exit.signaled, expected_signal != 0);
	assert_int_equal(exit.code, expected_signal ? expected_signal : expected_code);
	safe_close(pidfd);
}

static void engines_are_left_alone(void **state)
{
	(void)state;
	_cleanup_free_ char *launch = xasprintf("%s/apply/1", job),
			    *other = xasprintf("%s/apply/10", job);
	assert_false(leftovers_alive(launch, STUB, -1));
	int engine = start(STUB, "60000", launch, -1, -1);
	wait_until_it_catches_interrupts();
	int plugin = start("/bin/sleep", NULL, launch, -1, -1);
	assert_true(leftovers_alive(launch, STUB, -1));
	assert_false(leftovers_alive(other, STUB, -1));
	assert_true(leftovers_of_job_alive(job, STUB));
	assert_int_equal(process_has_ended(plugin), 0);

	leftovers_interrupt(job, STUB);
	finish(engine, 0, 3);
	/* Without its engine the plugin goes. */
	uint64_t until = now_monotonic_ms() + 5000;
	while (leftovers_alive(launch, STUB, -1) && now_monotonic_ms() < until)
		;
	assert_false(leftovers_alive(launch, STUB, -1));
	finish(plugin, SIGKILL, 0);
}

static void by_the_live_file(void **state)
{
	(void)state;
	_cleanup_free_ char *launch = xasprintf("%s/plan/1", job);
	_cleanup_close_ int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int live = openat(dir, "live", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock_try_exclusive(live), 0);
	int child = start("/bin/sleep", NULL, NULL, live, -1);
	live = safe_close(live);
	assert_false(leftovers_alive(launch, STUB, -1));
	/* It hid its environment, but it holds the file. */
	assert_true(leftovers_alive(launch, STUB, dir));
	finish(child, SIGKILL, 0);
	assert_false(leftovers_alive(launch, STUB, dir));
}

/* A step, or what runs as another user, has an environment that nobody may read. */
static void whoever_holds_live_is_alive(void **state)
{
	(void)state;
	_cleanup_free_ char *folder = path_join(root, "held", NULL);
	_cleanup_free_ char *path = path_join(folder, "live", NULL);
	assert_int_equal(mkdir_p(folder, 0700), 0);
	_cleanup_close_ int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_false(leftovers_alive("sj_none/apply/1", STUB, dir_fd));

	int live = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock_try_exclusive(live), 0);
	assert_true(leftovers_alive("sj_none/apply/1", STUB, dir_fd));
	close(live);
	assert_false(leftovers_alive("sj_none/apply/1", STUB, dir_fd));
}

static void output_without_a_name(void **state)
{
	(void)state;
	_cleanup_free_ char *launch = xasprintf("%s/apply/2", job);
	_cleanup_free_ char *path = path_join(root, "stdout", NULL);
	int out = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(write_all(out, "said before\n", 12), 0);
	int engine = start(STUB, "60000", launch, -1, out);
	close(out);
	assert_int_equal(unlink(path), 0);
	_cleanup_close_ int found = leftovers_open_output(job, STUB);
	assert_true(found >= 0);
	char text[13] = "";
	assert_int_equal(pread_full(found, text, 12, 0), 12);
	assert_string_equal(text, "said before\n");
	assert_int_equal(process_signal(engine, SIGKILL), 0);
	finish(engine, SIGKILL, 0);
	assert_int_equal(leftovers_open_output(job, STUB), -1);
}

static void note(const char *launch, int64_t epoch, void *userdata)
{
	if (strncmp(launch, job, strlen(job)) == 0 && epoch == 7)
		(*(int *)userdata)++;
}

static void of_one_runner(void **state)
{
	(void)state;
	_cleanup_free_ char *launch = xasprintf("%s/apply/3", job);
	int engine = start(STUB, "60000", launch, -1, -1), found = 0, others = 0;
	leftovers_find("leftovers-test", note, &found);
	leftovers_find("leftovers", note, &others);
	assert_int_equal(found, 1);
	assert_int_equal(others, 0);
	assert_int_equal(process_signal(engine, SIGKILL), 0);
	finish(engine, SIGKILL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engines_are_left_alone),
		cmocka_unit_test(by_the_live_file),
		cmocka_unit_test(whoever_holds_live_is_alive),
		cmocka_unit_test(output_without_a_name),
		cmocka_unit_test(of_one_runner),
	};
	if (!mkdtemp(root))
		return 1;
	snprintf(job, sizeof(job), "sj_test%d", (int)getpid());
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(root);
	return r;
}
