/* The engine as the step's child, and everything that it leaves behind. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "step/launch.h"

struct engine_child {
	pid_t pid;
	int pidfd; /* -1 once it was reaped */
};

/*
 * Starts it in the sandbox, with an empty signal mask and default dispositions.
 * live_fd is inherited, as descriptor 3, by it and by what it starts. A failing
 * exec is an error here, never an exit code.
 */
int engine_start(const struct launch *launch, int ruleset_fd, int stdout_fd, int stderr_fd,
		 int live_fd, struct engine_child *ret, struct error **err);

/* After its end. */
void engine_reap(struct engine_child *child, int *ret_exit_code, int *ret_signal,
		 struct rusage *ret_usage);

/*
 * Kills and reaps all that this process adopted (it must be a subreaper), until
 * nothing is left. What keeps it waiting (a process that sleeps in the kernel) is
 * told in a line to tell_fd.
 */
void kill_descendants(int tell_fd);
