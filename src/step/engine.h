/* The engine as the step's child, and everything that it leaves behind. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "step/launch.h"

struct engine_child {
	pid_t pid;
	int pidfd; /* -1 once it was reaped */
};

#define ENGINE_FDS_MAX 5

/*
 * Starts argv as the launch says, in the sandbox, with an empty signal mask and
 * default dispositions. fds become its descriptors from 1 on; 0 is /dev/null. It is
 * killed when this process dies if bound says so. A failing exec is an error here,
 * never an exit code.
 */
int engine_start(const struct launch *launch, char *const *argv, int ruleset_fd, const int *fds,
		 size_t n_fds, bool bound, struct engine_child *ret, struct error **err);

/* After its end. */
void engine_reap(struct engine_child *child, int *ret_exit_code, int *ret_signal,
		 struct rusage *ret_usage);

/*
 * Kills and reaps all that this process adopted (it must be a subreaper), until
 * nothing is left. What keeps it waiting (a process that sleeps in the kernel) is
 * told in a line to tell_fd.
 */
void kill_descendants(int tell_fd);
