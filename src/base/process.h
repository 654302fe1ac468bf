/*
 * Starting processes and holding on to them. A pidfd is the handle; a bare
 * pid is only for showing. Functions return -errno.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A descriptor of ours and the number that it has in the child. */
struct process_fd {
	int source;
	int target; /* above 2 */
};

struct process_spec {
	const char *path;  /* absolute: there is no search */
	char *const *argv; /* ends with NULL */
	char *const *envp; /* ends with NULL; NULL for our own environment */
	const char *cwd;   /* NULL for ours */
	int stdin_fd;	   /* -1 for /dev/null, as the next two */
	int stdout_fd;
	int stderr_fd;
	const struct process_fd *fds; /* more to pass; everything else is closed */
	size_t n_fds;
	bool new_session;
};

#define PROCESS_SPEC_INIT .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1

/*
 * Starts it with an empty signal mask and default dispositions. All descriptors
 * stay the caller's. A failing exec is our -errno (-ENOENT, -EACCES), never an
 * exit code. The caller closes *ret_pidfd (CLOEXEC) and reaps by process_wait().
 * SIGCHLD must not be ignored.
 */
int process_spawn(const struct process_spec *spec, pid_t *ret_pid, int *ret_pidfd);

struct process_exit {
	bool signaled;
	int code; /* exit code, or the signal's number */
};

/* Waits for a child of ours and reaps it. timeout_ms -1: for ever. -ETIMEDOUT; -ECHILD if not a
 * child. */
int process_wait(int pidfd, int timeout_ms, struct process_exit *ret);

/* A CLOEXEC pidfd for any process; -ESRCH when there is none. */
int process_open(pid_t pid);
/* -ESRCH when it has ended and was reaped. */
int process_signal(int pidfd, int signal);
/* Has it ended (also as a zombie)? Works for processes that are not ours. 1, 0, -errno. */
int process_has_ended(int pidfd);
