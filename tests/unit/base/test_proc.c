#include "testing.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/proc.h"
#include "base/process.h"

struct found {
	pid_t wanted;
	int wanted_count;
	int others;
};

static int note(pid_t pid, void *userdata)
{
	struct found *found = userdata;
	if (pid == found->wanted)
		found->wanted_count++;
	else
		found->others++;
	return 0;
}

static int stop(pid_t pid, void *userdata)
{
	(void)userdata;
	return pid;
}

static void children_are_found(void **state)
{
	(void)state;
	_cleanup_free_ char *entry = xasprintf("PLANTON_TEST=%d", (int)getpid());
	char *envp[] = {(char *)"FIRST=1", entry, NULL};
	char *argv[] = {(char *)"sleep", (char *)"60", NULL};
	struct process_spec spec = {PROCESS_SPEC_INIT, .path = "/bin/sleep", .argv = argv,
				    .envp = envp, .new_session = true};
	pid_t pid;
	_cleanup_close_ int pidfd = -1;
	assert_int_equal(process_spawn(&spec, &pid, &pidfd), 0);

	struct found by_session = {.wanted = pid};
	assert_int_equal(process_session_members(pid, note, &by_session), 0);
	assert_int_equal(by_session.wanted_count, 1);
	assert_int_equal(by_session.others, 0);

	struct found by_environ = {.wanted = pid};
	assert_int_equal(process_environ_members(entry, note, &by_environ), 0);
	assert_int_equal(by_environ.wanted_count, 1);
	assert_int_equal(by_environ.others, 0);
	assert_int_equal(process_session_members(pid, stop, NULL), pid);
	assert_int_equal(process_environ_has(pid, entry), 1);
	assert_int_equal(process_environ_has(pid, "PLANTON_TEST"), 0);
	assert_int_equal(process_environ_has(pid, "FIRST=11"), 0);

	uint64_t ours;
	uint64_t childs;
	assert_int_equal(process_starttime(getpid(), &ours), 0);
	assert_int_equal(process_starttime(pid, &childs), 0);
	assert_true(childs >= ours && ours > 0);

	assert_int_equal(process_signal(pidfd, SIGKILL), 0);
	while (process_has_ended(pidfd) == 0)
		usleep(1000);
	struct found zombie = {.wanted = pid};
	assert_int_equal(process_session_members(pid, note, &zombie), 0);
	assert_int_equal(zombie.wanted_count, 0);
	struct process_exit exit;
	assert_int_equal(process_wait(pidfd, -1, &exit), 0);
	assert_int_equal(process_starttime(pid, &childs), -ESRCH);
	assert_int_equal(process_environ_has(pid, entry), -ESRCH);
}

/* Right after the spawn the kernel may still be laying the environment out. */
static void a_fresh_child_is_never_missed(void **state)
{
	(void)state;
	char *envp[] = {(char *)"MARK=1", NULL};
	char *argv[] = {(char *)"sleep", (char *)"60", NULL};
	struct process_spec spec = {PROCESS_SPEC_INIT, .path = "/bin/sleep", .argv = argv,
				    .envp = envp};
	for (int i = 0; i < 100; i++) {
		pid_t pid;
		_cleanup_close_ int pidfd = -1;
		assert_int_equal(process_spawn(&spec, &pid, &pidfd), 0);
		int has = process_environ_has(pid, "MARK=1");
		process_signal(pidfd, SIGKILL);
		struct process_exit exit;
		assert_int_equal(process_wait(pidfd, -1, &exit), 0);
		assert_int_equal(has, 1);
	}
}

static void boots_have_a_name(void **state)
{
	(void)state;
	char first[BOOT_ID_SIZE];
	char second[BOOT_ID_SIZE];
	assert_int_equal(boot_id(first), 0);
	assert_int_equal(boot_id(second), 0);
	assert_int_equal(strspn(first, "0123456789abcdef-"), BOOT_ID_SIZE - 1);
	assert_string_equal(first, second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children_are_found),
		cmocka_unit_test(a_fresh_child_is_never_missed),
		cmocka_unit_test(boots_have_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
