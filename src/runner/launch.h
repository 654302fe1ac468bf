/* Starting steps, and holding on to them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "runner/context.h"
#include "runner/workspace.h"

/* A step that runs, ran or is being looked for. Descriptors are -1 where there is none. */
struct process {
	int pidfd;		  /* of the step */
	int dir_fd;		  /* the attempt's folder; lives on when it is deleted */
	int stdout_fd, stderr_fd; /* for reading */
	int record_fd;		  /* a memfd that gets the exit record */
};

#define PROCESS_INIT                                                                         \
	{                                                                                    \
		.pidfd = -1, .dir_fd = -1, .stdout_fd = -1, .stderr_fd = -1, .record_fd = -1 \
	}
void process_release(struct process *process);
#define _cleanup_process_ _cleanup_(process_release)

/* "NAME=value" entries by which processes of a launch are found again; the caller frees. */
char **launch_marks(const struct runner *runner, const char *launch, int64_t epoch);

struct launch_request {
	const struct engine_install *install;
	char *const *argv;
	char *const *env; /* secret */
	const char *cwd;
	const char *launch; /* "<job>/<operation>/<attempt>" */
	int64_t epoch;
	const struct workspace *workspace; /* what it may write */
	uint64_t timeout_ms, file_limit;
	int folder_fd, users_fd; /* of the pool of providers that it uses; 0: none */
	bool sync;		 /* its exit record outlasts a power cut */
};

/* Makes the folder and starts the step in it. */
int launch(struct runner *runner, const char *attempt_dir, const struct launch_request *request,
	   struct process *ret, struct error **err);

/* What the sandbox lets a launch read and write; the caller decrefs. */
json_t *launch_sandbox(struct runner *runner, const struct engine_install *install,
		       const struct workspace *workspace);
/* A step, or another role of its program, with fds from 3 on. -errno. */
int launch_program(struct runner *runner, char *const *argv, char *const *env, const int *fds,
		   size_t n_fds, int stderr_fd, int *ret_pidfd, pid_t *ret_pid);

/* Opens what a folder holds, without starting anything; missing files stay -1. */
int process_attach(const char *attempt_dir, struct process *ret, struct error **err);

/* A pidfd of the step that the folder names, if that is alive; else -1. The caller closes it. */
int process_find_step(const struct process *process);

/* Has it left its record (and nothing alive)? It may be busy a little longer itself. */
bool process_has_record(const struct process *process);
/* exit.json, or its copy in the memfd; NULL when there is none. The caller decrefs. */
json_t *process_exit_record(const struct process *process);
/* SIGTERM: one graceful interrupt. SIGUSR1: kill. -ESRCH when the step is gone. */
int process_interrupt(const struct process *process);
int process_kill(const struct process *process);
