/* Real steps with the stub engine: this program is also the step that it starts. */
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
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/process.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "step/sandbox.h"
#include "step/step.h"

static char root[] = "/tmp/planton-test-step-XXXXXX";

struct run {
	char *dir;
	int dir_fd, record_fd, pidfd;
	pid_t pid;
};

static json_t *args(const char *first, ...)
{
	json_t *array = json_pack("[s]", STUB);
	va_list list;
	va_start(list, first);
	for (const char *arg = first; arg; arg = va_arg(list, const char *))
		json_array_append_new(array, json_string(arg));
	va_end(list);
	return array;
}

/* Takes argv and sandbox over. */
static void begin_limited(struct run *run, json_t *argv, int timeout_ms, int grace_ms,
			  json_t *sandbox, int output_bytes)
{
	static int count;
	_cleanup_free_ char *name = xasprintf("%d", count++);
	run->dir = path_join(root, name, NULL);
	assert_int_equal(mkdir_p(run->dir, 0700), 0);
	run->dir_fd = open(run->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	run->record_fd = memfd_create("record", MFD_CLOEXEC);
	json_t *launch =
		json_pack("{s:o s:[s] s:s s:i s:i s:o* s:{s:i}}", "argv", argv, "env",
			  "VISIBLE=yes", "cwd", "/", "timeoutMs", timeout_ms, "graceMs", grace_ms,
			  "sandbox", sandbox, "limits", "outputBytes", output_bytes);
	_cleanup_free_ char *text = json_dumps(launch, 0);
	json_decref(launch);
	_cleanup_close_ int launch_fd = memfd_with_content("launch", text, strlen(text));
	char *step_argv[] = {"test", "step", run->dir, "3", "4", "5", NULL};
	const struct process_fd fds[] = {{launch_fd, 3}, {run->dir_fd, 4}, {run->record_fd, 5}};
	const struct process_spec spec = {PROCESS_SPEC_INIT,  .path = "/proc/self/exe",
					  .argv = step_argv,  .cwd = "/",
					  .fds = fds,	      .n_fds = 3,
					  .new_session = true};
	assert_int_equal(process_spawn(&spec, &run->pid, &run->pidfd), 0);
}

static void begin(struct run *run, json_t *argv, int timeout_ms, int grace_ms, json_t *sandbox)
{
	begin_limited(run, argv, timeout_ms, grace_ms, sandbox, 0);
}

static void wait_step(struct run *run)
{
	struct process_exit exit;
	assert_int_equal(process_wait(run->pidfd, 20000, &exit), 0);
}

static json_t *record(struct run *run)
{
	_cleanup_free_ char *text = NULL;
	if (read_file_at(run->dir_fd, "exit.json", 10000, &text, NULL) < 0)
		return NULL;
	char copy[10000];
	ssize_t size = pread_full(run->record_fd, copy, sizeof(copy), 0);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(copy, text, (size_t)size);
	return json_loads(text, 0, NULL);
}

static char *output(struct run *run, const char *name)
{
	char *text = NULL;
	assert_int_equal(read_file_at(run->dir_fd, name, 100 << 20, &text, NULL), 0);
	return text;
}

static void end(struct run *run)
{
	safe_close(run->dir_fd);
	safe_close(run->record_fd);
	safe_close(run->pidfd);
	free(run->dir);
}

static json_int_t number(const json_t *record, const char *key)
{
	assert_non_null(json_object_get(record, key));
	return json_integer_value(json_object_get(record, key));
}

static bool flag(const json_t *record, const char *key)
{
	return json_is_true(json_object_get(record, key));
}

static void wait_for(struct run *run, const char *name, const char *text)
{
	uint64_t until = now_monotonic_ms() + 10000;
	while (now_monotonic_ms() < until) {
		_cleanup_free_ char *seen = NULL;
		if (read_file_at(run->dir_fd, name, 1 << 20, &seen, NULL) == 0 &&
		    strstr(seen, text))
			return;
		struct timespec pause = {.tv_nsec = 2000000};
		nanosleep(&pause, NULL);
	}
	fail_msg("no \"%s\"", text);
}

static void wait_for_output(struct run *run, const char *text)
{
	wait_for(run, "stdout", text);
}

static bool alive(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static void output_and_end(void **state)
{
	(void)state;
	struct run run;
	begin(&run,
	      args("out", "hello\\nworld", "err", "oops\\n", "environ", "core", "exit", "3", NULL),
	      0, 0, NULL);
	wait_step(&run);
	json_t *r = record(&run);
	assert_int_equal(number(r, "exitCode"), 3);
	assert_int_equal(number(r, "signal"), 0);
	assert_true(number(r, "endedMs") >= number(r, "startedMs"));
	assert_true(number(r, "maxRssKb") > 0);
	assert_false(flag(r, "interrupted") || flag(r, "killed") || flag(r, "timedOut"));
	json_decref(r);
	_cleanup_free_ char *out = output(&run, "stdout"), *err = output(&run, "stderr");
	assert_string_equal(out, "hello\nworldVISIBLE=yes\ncore 0\n");
	assert_string_equal(err, "oops\n");
	struct stat st;
	assert_int_equal(fstatat(run.dir_fd, "stdout", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	end(&run);
}

static void ended_by_a_signal(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("signal", "15", NULL), 0, 0, NULL);
	wait_step(&run);
	json_t *r = record(&run);
	assert_int_equal(number(r, "signal"), SIGTERM);
	assert_false(flag(r, "killed"));
	json_decref(r);
	end(&run);
}

static void exec_that_fails(void **state)
{
	(void)state;
	struct run run;
	begin(&run, json_pack("[s]", "/nonexistent/engine"), 0, 0, NULL);
	wait_step(&run);
	json_t *r = record(&run);
	assert_non_null(strstr(json_string_value(json_object_get(r, "error")), "No such file"));
	json_decref(r);
	end(&run);
	begin(&run, json_pack("[s]", "/etc/passwd"), 0, 0, NULL);
	wait_step(&run);
	r = record(&run);
	assert_non_null(
		strstr(json_string_value(json_object_get(r, "error")), "Permission denied"));
	json_decref(r);
	end(&run);
}

static void a_graceful_interrupt(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("polite", "7", "out", "ready\\n", "sleep", "60000", NULL), 0, 0, NULL);
	wait_for_output(&run, "ready");
	assert_int_equal(process_signal(run.pidfd, SIGTERM), 0);
	wait_step(&run);
	json_t *r = record(&run);
	assert_int_equal(number(r, "exitCode"), 7);
	assert_true(flag(r, "interrupted"));
	assert_false(flag(r, "killed"));
	json_decref(r);
	end(&run);
}

static void only_one_interrupt_goes_through(void **state)
{
	(void)state;
	struct run run;
	/* A shell that counts them. */
	begin(&run,
	      json_pack("[s,s,s]", "/bin/sh", "-c",
			"n=0; trap 'n=$((n+1))' INT; echo ready; i=0; while [ $i -lt 20 ]; do "
			"sleep 0.05; i=$((i+1)); done; echo got $n"),
	      0, 0, NULL);
	wait_for_output(&run, "ready");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(process_signal(run.pidfd, i % 2 ? SIGTERM : SIGINT), 0);
		struct timespec pause = {.tv_nsec = 60000000};
		nanosleep(&pause, NULL);
	}
	wait_step(&run);
	_cleanup_free_ char *out = output(&run, "stdout");
	assert_non_null(strstr(out, "got 1\n"));
	end(&run);
}

static void a_kill(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("ignore", "orphan", "sleep", "60000", NULL), 0, 0, NULL);
	wait_for_output(&run, "orphan ");
	_cleanup_free_ char *out = output(&run, "stdout");
	pid_t orphan = (pid_t)strtol(strstr(out, "orphan ") + 7, NULL, 10);
	assert_true(alive(orphan));
	assert_int_equal(process_signal(run.pidfd, SIGUSR1), 0);
	wait_step(&run);
	json_t *r = record(&run);
	assert_int_equal(number(r, "signal"), SIGKILL);
	assert_true(flag(r, "killed"));
	json_decref(r);
	assert_false(alive(orphan));
	end(&run);
}

static void descendants_are_cleaned_up(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("orphan", "orphan", NULL), 0, 0, NULL);
	wait_step(&run);
	_cleanup_free_ char *out = output(&run, "stdout");
	const char *second = strstr(out + 1, "orphan ");
	assert_false(alive((pid_t)strtol(out + 7, NULL, 10)));
	assert_false(alive((pid_t)strtol(second + 7, NULL, 10)));
	assert_int_equal(flock_probe(run.dir_fd, "live"), 0);
	json_t *r = record(&run);
	assert_int_equal(number(r, "exitCode"), 0);
	json_decref(r);
	end(&run);
}

static void a_timeout(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("polite", "1", "sleep", "60000", NULL), 200, 60000, NULL);
	wait_step(&run);
	json_t *r = record(&run);
	assert_true(flag(r, "timedOut") && flag(r, "interrupted"));
	assert_false(flag(r, "killed"));
	assert_int_equal(number(r, "exitCode"), 1);
	json_decref(r);
	end(&run);

	begin(&run, args("ignore", "out", "x", "sleep", "60000", NULL), 200, 200, NULL);
	wait_step(&run);
	r = record(&run);
	assert_true(flag(r, "timedOut") && flag(r, "killed"));
	assert_int_equal(number(r, "signal"), SIGKILL);
	json_decref(r);
	end(&run);
}

static void the_engine_outlives_its_step(void **state)
{
	(void)state;
	struct run run;
	begin(&run,
	      args("out", "ready\\n", "sleep", "600", "flood", "1000", "out", "done\\n", NULL), 0,
	      0, NULL);
	wait_for_output(&run, "ready");
	assert_int_equal(process_signal(run.pidfd, SIGKILL), 0);
	wait_step(&run);
	assert_null(record(&run));
	/* Something of it is alive, and says so by its lock until it ends; its output is whole. */
	assert_int_equal(flock_probe(run.dir_fd, "live"), 1);
	wait_for_output(&run, "done\n");
	uint64_t until = now_monotonic_ms() + 5000;
	while (flock_probe(run.dir_fd, "live") == 1 && now_monotonic_ms() < until)
		;
	assert_int_equal(flock_probe(run.dir_fd, "live"), 0);
	end(&run);
}

static void a_killed_engine(void **state)
{
	(void)state;
	struct run run;
	begin(&run, json_pack("[s,s,s]", "/bin/sh", "-c", "sleep 1000 & echo pid $$; wait"), 0, 0,
	      NULL);
	wait_for_output(&run, "pid ");
	_cleanup_free_ char *out = output(&run, "stdout");
	kill((pid_t)strtol(strstr(out, "pid ") + 4, NULL, 10), SIGKILL);
	wait_step(&run);
	json_t *r = record(&run);
	assert_int_equal(number(r, "signal"), SIGKILL);
	assert_false(flag(r, "killed"));
	json_decref(r);
	assert_int_equal(flock_probe(run.dir_fd, "live"), 0);
	end(&run);
}

static void a_deleted_folder(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("out", "ready\\n", "sleep", "300", "exit", "5", NULL), 0, 0, NULL);
	wait_for_output(&run, "ready");
	assert_int_equal(rm_rf(run.dir), 0);
	wait_step(&run);
	char copy[1000];
	ssize_t size = pread_full(run.record_fd, copy, sizeof(copy), 0);
	assert_true(size > 0);
	json_t *r = json_loadb(copy, (size_t)size, 0, NULL);
	assert_int_equal(number(r, "exitCode"), 5);
	json_decref(r);
	end(&run);
}

static void one_step_a_folder(void **state)
{
	(void)state;
	struct run first, second;
	begin(&first, args("polite", "4", "out", "ready\\n", "sleep", "60000", NULL), 0, 0, NULL);
	wait_for_output(&first, "ready");
	_cleanup_free_ char *text = NULL;
	assert_int_equal(read_file_at(first.dir_fd, "step", 1000, &text, NULL), 0);
	json_t *identity = json_loads(text, 0, NULL);
	assert_int_equal(number(identity, "pid"), first.pid);
	assert_true(number(identity, "starttime") > 0);
	json_decref(identity);

	/* Another one in the same folder waits for a moment, then leaves without a word. */
	second = first;
	_cleanup_close_ int launch_fd = memfd_with_content(
		"launch", "{\"argv\":[\"/bin/true\"],\"env\":[],\"cwd\":\"/\"}", 42);
	char *step_argv[] = {"test", "step", first.dir, "3", "4", "5", NULL};
	const struct process_fd fds[] = {{launch_fd, 3}, {first.dir_fd, 4}, {first.record_fd, 5}};
	const struct process_spec spec = {PROCESS_SPEC_INIT, .path = "/proc/self/exe",
					  .argv = step_argv, .cwd = "/",
					  .fds = fds,	     .n_fds = 3};
	assert_int_equal(process_spawn(&spec, &second.pid, &second.pidfd), 0);
	wait_step(&second);
	struct stat st;
	assert_int_equal(flock_probe(first.dir_fd, "live"), 1);
	assert_int_not_equal(fstatat(first.dir_fd, "exit.json", &st, 0), 0);
	assert_int_equal(fstat(first.record_fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	_cleanup_free_ char *same = NULL;
	assert_int_equal(read_file_at(first.dir_fd, "step", 1000, &same, NULL), 0);
	assert_string_equal(same, text);
	safe_close(second.pidfd);
	assert_int_equal(process_signal(first.pidfd, SIGTERM), 0);
	wait_step(&first);
	json_t *r = record(&first);
	assert_int_equal(number(r, "exitCode"), 4);
	assert_null(json_object_get(r, "error"));
	json_decref(r);
	end(&first);
}

static void the_sandbox(void **state)
{
	(void)state;
	if (sandbox_abi() == 0)
		skip();
	_cleanup_free_ char *allowed = path_join(root, "allowed", NULL);
	_cleanup_free_ char *inside = path_join(allowed, "file", NULL),
			    *outside = path_join(root, "outside", NULL);
	assert_int_equal(mkdir_p(allowed, 0700), 0);
	_cleanup_free_ char *self = realpath(STUB, NULL);
	struct run run;
	begin(&run, args("write", inside, "write", outside, "write", "/dev/null", NULL), 0, 0,
	      json_pack("{s:[s,s,s,s,s] s:[s,s]}", "read", "/usr", "/lib", "/lib64", "/etc", self,
			"write", allowed, "/dev/null"));
	wait_step(&run);
	_cleanup_free_ char *out = output(&run, "stdout");
	json_t *r = record(&run);
	if (json_object_get(r, "error"))
		fail_msg("%s", json_string_value(json_object_get(r, "error")));
	json_decref(r);
	assert_string_equal(out, "write done\nwrite Permission denied\nwrite done\n");
	end(&run);
}

static void a_flood(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("flood", "200000", "bytes", "1000000", NULL), 0, 0, NULL);
	wait_step(&run);
	struct stat st;
	assert_int_equal(fstatat(run.dir_fd, "stdout", &st, 0), 0);
	assert_true(st.st_size > 4000000);
	json_t *r = record(&run);
	assert_int_equal(number(r, "exitCode"), 0);
	json_decref(r);
	end(&run);
}

static void too_much_output(void **state)
{
	(void)state;
	struct run run;
	/* Nothing that was printed before its end is lost. */
	begin_limited(&run, args("polite", "1", "bytes", "3000000", "sleep", "60000", NULL), 0,
		      60000, NULL, 2000000);
	wait_step(&run);
	json_t *r = record(&run);
	assert_true(flag(r, "flooded") && flag(r, "interrupted"));
	assert_false(flag(r, "killed") || flag(r, "timedOut"));
	assert_int_equal(number(r, "exitCode"), 1);
	json_decref(r);
	struct stat st;
	assert_int_equal(fstatat(run.dir_fd, "stdout", &st, 0), 0);
	assert_int_equal(st.st_size, 3000000 + strlen("interrupted\n"));
	end(&run);

	/* One that does not heed it has the time that any other has. */
	begin_limited(&run, args("ignore", "bytes", "3000000", "sleep", "60000", NULL), 0, 200,
		      NULL, 2000000);
	wait_step(&run);
	r = record(&run);
	assert_true(flag(r, "flooded") && flag(r, "killed"));
	json_decref(r);
	end(&run);

	/* One that goes on and on has not. */
	begin_limited(&run, args("ignore", "bytes", "5000000", "sleep", "60000", NULL), 0, 60000,
		      NULL, 2000000);
	wait_step(&run);
	r = record(&run);
	assert_true(flag(r, "flooded") && flag(r, "killed"));
	assert_int_equal(number(r, "signal"), SIGKILL);
	json_decref(r);
	end(&run);
}

/* A process that was killed and does not go: its tracer was not told to let it. */
static void what_does_not_end(void **state)
{
	(void)state;
	struct run run;
	begin(&run, args("orphan", "sleep", "300", NULL), 0, 0, NULL);
	wait_for_output(&run, "\n");
	_cleanup_free_ char *out = output(&run, "stdout");
	pid_t orphan = (pid_t)strtol(strstr(out, "orphan ") + 7, NULL, 10);
	if (ptrace(PTRACE_SEIZE, orphan, NULL, NULL) < 0) {
		wait_step(&run);
		end(&run);
		skip();
	}
	_cleanup_free_ char *line = xasprintf("Process %d (sleep) of it was killed", (int)orphan);
	wait_for(&run, "stderr", line);
	assert_int_equal(process_has_ended(run.pidfd), 0);
	assert_int_equal(waitpid(orphan, NULL, 0), orphan);
	wait_step(&run);
	json_t *r = record(&run);
	assert_int_equal(number(r, "exitCode"), 0);
	json_decref(r);
	end(&run);
}

int main(int argc, char **argv)
{
	if (argc > 1 && streq(argv[1], "step"))
		return step_main(argc - 1, argv + 1);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_end),
		cmocka_unit_test(ended_by_a_signal),
		cmocka_unit_test(exec_that_fails),
		cmocka_unit_test(a_graceful_interrupt),
		cmocka_unit_test(only_one_interrupt_goes_through),
		cmocka_unit_test(a_kill),
		cmocka_unit_test(descendants_are_cleaned_up),
		cmocka_unit_test(a_timeout),
		cmocka_unit_test(the_engine_outlives_its_step),
		cmocka_unit_test(a_killed_engine),
		cmocka_unit_test(a_deleted_folder),
		cmocka_unit_test(one_step_a_folder),
		cmocka_unit_test(the_sandbox),
		cmocka_unit_test(a_flood),
		cmocka_unit_test(too_much_output),
		cmocka_unit_test(what_does_not_end),
	};
	if (!mkdtemp(root))
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(root);
	return r;
}
