/* posix_spawn() and pidfds: starting does not copy this process, however big it is. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fdutil.h"

/*
 * Where each descriptor goes. Sources are first duplicated above all targets,
 * so that no dup2() in the child overwrites a source that is still needed.
 */
struct plan {
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int *copies;
	size_t n_copies;
};

static void plan_release(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_copies; i++)
		safe_close(plan->copies[i]);
	free(plan->copies);
	posix_spawn_file_actions_destroy(&plan->actions);
	posix_spawnattr_destroy(&plan->attributes);
}

static int plan_fd(struct plan *plan, int source, int target, int above)
{
	_cleanup_close_ int null_fd = -1;
	if (source < 0) {
		null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null_fd < 0)
			return -errno;
		source = null_fd;
	}
	int copy = fcntl(source, F_DUPFD_CLOEXEC, above);
	if (copy < 0)
		return -errno;
	plan->copies[plan->n_copies++] = copy;
	return -posix_spawn_file_actions_adddup2(&plan->actions, copy, target);
}

static bool is_target(const struct process_spec *spec, int fd)
{
	for (size_t i = 0; i < spec->n_fds; i++)
		if (spec->fds[i].target == fd)
			return true;
	return false;
}

/* Closes what was inherited without CLOEXEC, as from whoever started us. */
static int plan_closing(struct plan *plan, const struct process_spec *spec, int above)
{
	int r = 0;
	for (int fd = STDERR_FILENO + 1; fd < above && r == 0; fd++)
		if (!is_target(spec, fd))
			r = -posix_spawn_file_actions_addclose(&plan->actions, fd);
	return r < 0 ? r : -posix_spawn_file_actions_addclosefrom_np(&plan->actions, above);
}

static int plan_fds(struct plan *plan, const struct process_spec *spec)
{
	int above = STDERR_FILENO + 1;
	for (size_t i = 0; i < spec->n_fds; i++) {
		if (spec->fds[i].target <= STDERR_FILENO || spec->fds[i].source < 0)
			return -EINVAL;
		above = MAX(above, spec->fds[i].target + 1);
	}

	plan->copies = xcalloc(spec->n_fds + 3, sizeof(int));
	const int standard[] = {spec->stdin_fd, spec->stdout_fd, spec->stderr_fd};
	for (int target = 0; target < (int)ARRAY_SIZE(standard); target++) {
		int r = plan_fd(plan, standard[target], target, above);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < spec->n_fds; i++) {
		int r = plan_fd(plan, spec->fds[i].source, spec->fds[i].target, above);
		if (r < 0)
			return r;
	}
	return plan_closing(plan, spec, above);
}

static int plan_attributes(struct plan *plan, const struct process_spec *spec)
{
	sigset_t all;
	sigset_t none;
	sigfillset(&all);
	sigemptyset(&none);
	int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	if (spec->new_session)
		flags |= POSIX_SPAWN_SETSID;
	posix_spawnattr_setsigmask(&plan->attributes, &none);
	posix_spawnattr_setsigdefault(&plan->attributes, &all);
	int r = -posix_spawnattr_setflags(&plan->attributes, (short)flags);
	if (r == 0 && spec->cwd)
		r = -posix_spawn_file_actions_addchdir_np(&plan->actions, spec->cwd);
	return r;
}

int process_spawn(const struct process_spec *spec, pid_t *ret_pid, int *ret_pidfd)
{
	if (spec->path[0] != '/')
		return -EINVAL;

	_cleanup_(plan_release) struct plan plan = {0};
	int r = -posix_spawn_file_actions_init(&plan.actions);
	if (r == 0)
		r = -posix_spawnattr_init(&plan.attributes);
	if (r == 0)
		r = plan_fds(&plan, spec);
	if (r == 0)
		r = plan_attributes(&plan, spec);
	if (r < 0)
		return r;

	pid_t pid;
	r = -posix_spawn(&pid, spec->path, &plan.actions, &plan.attributes, spec->argv,
			 spec->envp ? spec->envp : environ);
	if (r < 0)
		return r;

	/* The child is ours and not reaped, so its pid cannot be another's. */
	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		r = -errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	*ret_pidfd = pidfd;
	return 0;
}

static int wait_readable(int fd, int timeout_ms)
{
	uint64_t deadline = timeout_ms < 0 ? 0 : now_monotonic_ms() + (uint64_t)timeout_ms;
	for (;;) {
		int left = -1;
		if (timeout_ms >= 0) {
			uint64_t now = now_monotonic_ms();
			left = now < deadline ? (int)(deadline - now) : 0;
		}
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int n = poll(&ready, 1, left);
		if (n > 0)
			return ready.revents & POLLNVAL ? -EBADF : 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int process_wait(int pidfd, int timeout_ms, struct process_exit *ret)
{
	int r = wait_readable(pidfd, timeout_ms);
	if (r < 0)
		return r;
	siginfo_t info = {0};
	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0)
		if (errno != EINTR)
			return -errno;
	ret->signaled = info.si_code != CLD_EXITED;
	ret->code = info.si_status;
	return 0;
}

int process_open(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0);
	return pidfd < 0 ? -errno : pidfd;
}

int process_signal(int pidfd, int signal)
{
	return pidfd_send_signal(pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int process_has_ended(int pidfd)
{
	int r = wait_readable(pidfd, 0);
	if (r == -ETIMEDOUT)
		return 0;
	return r < 0 ? r : 1;
}
