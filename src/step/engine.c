/*
 * vfork, not posix_spawn: the sandbox must be entered by the child alone, between
 * the two, and a helper's exec would cost more than the engine's own start.
 */
#include "step/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "base/fdutil.h"
#include "base/parse.h"
#include "step/sandbox.h"

#define TELL_AFTER_MS 2000

enum stage {
	STAGE_FDS,
	STAGE_CWD,
	STAGE_LIMITS,
	STAGE_SANDBOX,
	STAGE_EXEC,
};

static const char *const stage_names[] = {
	[STAGE_FDS] = "descriptors", [STAGE_CWD] = "working directory",
	[STAGE_LIMITS] = "limits",   [STAGE_SANDBOX] = "sandbox",
	[STAGE_EXEC] = "exec",
};

/* Shared with the child, whose memory is ours until it execs. */
struct start {
	const struct launch *launch;
	char *const *argv;
	int ruleset_fd;
	int fds[1 + ENGINE_FDS_MAX];
	int n_fds;
	pid_t bound_to; /* 0: nobody */
	char *pid_at;	/* where its pid goes, in the environment */
	volatile enum stage stage;
	volatile int error;
};

static int limit(int resource, uint64_t value)
{
	struct rlimit rlimit = {.rlim_cur = value, .rlim_max = value};
	return value > 0 ? setrlimit((__rlimit_resource_t)resource, &rlimit) : 0;
}

static char *find_pid_place(char *const *env)
{
	char *found = NULL;
	for (; env && *env && !found; env++)
		found = strstr(*env, LAUNCH_ENGINE_PID);
	return found;
}

/* There and further on; blanks before the number. */
static void write_pid(char *at)
{
	for (; at; at = strstr(at, LAUNCH_ENGINE_PID)) {
		pid_t pid = getpid();
		for (size_t i = strlen(LAUNCH_ENGINE_PID); i-- > 0; pid /= 10)
			at[i] = (char)(pid > 0 ? '0' + pid % 10 : ' ');
	}
}

/* Only system calls, and no write to memory but *start and pid_at. All of its sources are above 9.
 */
static void child_main(struct start *start)
{
	const struct launch *launch = start->launch;
	struct rlimit no_core = {0, 0};
	sigset_t none;

	for (int signal_number = 1; signal_number < _NSIG; signal_number++)
		if (signal_number != SIGKILL && signal_number != SIGSTOP)
			signal(signal_number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	start->stage = STAGE_FDS;
	for (int fd = 0; fd < start->n_fds; fd++)
		if (dup2(start->fds[fd], fd) < 0)
			goto failed;
	start->stage = STAGE_CWD;
	if (chdir(launch->cwd) < 0)
		goto failed;
	start->stage = STAGE_LIMITS;
	if (start->bound_to &&
	    (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != start->bound_to))
		goto failed;
	if (setrlimit(RLIMIT_CORE, &no_core) < 0 ||
	    limit(RLIMIT_FSIZE, launch->limit_file_bytes) < 0)
		goto failed;
	start->stage = STAGE_SANDBOX;
	int r = sandbox_enter(start->ruleset_fd);
	if (r < 0) {
		errno = -r;
		goto failed;
	}
	if (start->pid_at)
		write_pid(start->pid_at);
	start->stage = STAGE_EXEC;
	execve(start->argv[0], start->argv, launch->env);
failed:
	start->error = errno;
	_exit(127);
}

static int above(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

static void close_fds(struct start *start)
{
	for (int i = 0; i < start->n_fds; i++)
		safe_close(start->fds[i]);
}

int engine_start(const struct launch *launch, char *const *argv, int ruleset_fd, const int *fds,
		 size_t n_fds, bool bound, struct engine_child *ret, struct error **err)
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	_cleanup_close_ int ruleset = ruleset_fd < 0 ? -1 : above(ruleset_fd);
	_cleanup_(close_fds) struct start start = {
		.launch = launch,
		.argv = argv,
		.ruleset_fd = ruleset,
		.bound_to = bound ? getpid() : 0,
		.pid_at = find_pid_place(launch->env),
	};
	bool whole = ruleset_fd < 0 || ruleset >= 0;
	for (size_t i = 0; whole && i < 1 + n_fds; i++) {
		int fd = above(i == 0 ? null_fd : fds[i - 1]);
		whole = fd >= 0;
		if (whole)
			start.fds[start.n_fds++] = fd;
	}
	if (!whole)
		return error_set_errno(err, ERROR_INTERNAL, errno, "descriptors of the engine");

	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */
	if (pid == 0)
		child_main(&start); /* NOLINT(clang-analyzer-unix.Vfork) */
	if (pid < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s: vfork", argv[0]);
	if (start.error) {
		waitpid(pid, NULL, 0);
		return error_set_errno(err, ERROR_INTERNAL, start.error, "%s: %s", argv[0],
				       stage_names[start.stage]);
	}

	int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		int saved = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return error_set_errno(err, ERROR_INTERNAL, saved, "%s: pidfd", argv[0]);
	}
	*ret = (struct engine_child){.pid = pid, .pidfd = pidfd};
	return 0;
}

void engine_reap(struct engine_child *child, int *ret_exit_code, int *ret_signal,
		 struct rusage *ret_usage)
{
	int status = 0;

	while (wait4(child->pid, &status, 0, ret_usage) < 0 && errno == EINTR)
		;
	*ret_exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	*ret_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	child->pidfd = safe_close(child->pidfd);
}

struct child {
	int pid;
	char state, name[32];
};

/* Is it a child of ours? */
static bool read_child(uint64_t pid, struct child *ret)
{
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t size = read_full(fd, text, sizeof(text) - 1);
	if (size <= 0)
		return false;
	text[size] = '\0';
	/* "pid (name, which may hold anything) state ppid ..." */
	const char *name = strchr(text, '('), *end = strrchr(text, ')');
	struct child child = {.pid = (int)pid};
	int parent;
	if (!name || !end || sscanf(end + 1, " %c %d", &child.state, &parent) != 2 ||
	    parent != getpid())
		return false;
	snprintf(child.name, sizeof(child.name), "%.*s", (int)(end - name - 1), name + 1);
	*ret = child;
	return true;
}

/* *ret_child: one of them. */
static void kill_children(struct child *ret_child)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	while (folder && (entry = readdir(folder)))
		if (parse_u64(entry->d_name, &pid) == 0 && read_child(pid, ret_child))
			kill((pid_t)pid, SIGKILL);
	if (folder)
		closedir(folder);
}

void kill_descendants(int tell_fd)
{
	struct child child = {0};
	bool told = false;

	for (long waited_ms = 0, pause_ms;; waited_ms += pause_ms) {
		pid_t pid;
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0 || (pid < 0 && errno == EINTR))
			;
		if (pid < 0)
			return;
		/* A child of ours keeps its pid until it was reaped here, so the kill cannot hit a
		 * stranger. */
		kill_children(&child);
		if (!told && child.pid && waited_ms >= TELL_AFTER_MS) {
			dprintf(tell_fd,
				"The engine has ended. Process %d (%s) of it was killed and does "
				"not go: it is in state %c; waiting for it.\n",
				child.pid, child.name, child.state);
			told = true;
		}
		pause_ms = MIN(1 + waited_ms / 8, 100L);
		struct timespec pause = {.tv_nsec = pause_ms * 1000000};
		nanosleep(&pause, NULL);
	}
}
