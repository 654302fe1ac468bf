/*
 * One leased job: a thread that runs its attempts one after another until the
 * server takes it back. Written as blocking code; only what says so is touched
 * by other threads.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "http/client.h"
#include "runner/auxiliary.h"
#include "runner/context.h"
#include "runner/grant.h"
#include "runner/mask.h"
#include "runner/workspace.h"

struct job {
	struct runner *runner;
	char *id, *dir; /* <runner dir>/jobs/<id> */
	int inotify_fd; /* of the running attempt's output; closing one takes the kernel many ms */
	int wake_fd;	/* an eventfd, written by other threads after setting a flag */
	atomic_bool interrupt, drop;
	atomic_llong epoch;
	struct grant *waiting; /* a lease that came before the last one was cleaned up; the table's
				  lock */

	/* The job's own thread only. */
	struct grant *grant;
	struct engine_install *launched; /* by an earlier runner, for the first attempt */
	struct http_client *http;
	struct workspace workspace;
	struct masker *masker;
	struct auxiliary
		show; /* the plan as JSON: after a plan that waits for it, else beside the apply */
	struct providers *providers; /* kept warm, or NULL */
	bool cold;		     /* they cannot be */
	json_t *module_secrets;	     /* strings that the module declares sensitive */
	int unstored;  /* -errno: the grant is not on disk, so nothing may be started */
	bool reattach; /* the first attempt may have been started by an earlier runner */
	/* Its grant is lost with its folder: no secrets are known, so no output is sent. */
	bool blind;
};

enum job_start {
	JOB_START_NEW,
	JOB_START_REATTACH, /* an earlier runner may have started the attempt */
	JOB_START_BLIND,    /* one did, and the folder is lost: the grant says only which */
};

/* Takes the grant over. */
struct job *job_new(struct runner *runner, struct grant *grant, enum job_start start);
void job_free(struct job *job);

/* The thread's main function; returns when the job is over for this runner. */
void job_run(struct job *job);

/* From the grant's secrets and the module's; the job's own thread. */
void job_build_masker(struct job *job);

/* Any thread. */
void job_interrupt(struct job *job);
void job_drop(struct job *job);

/* <runner dir>/jobs/<job>/<operation>/<attempt>; caller frees. */
char *job_attempt_dir(const struct job *job);
/* The URL of its state, NULL when the grant names none; caller frees. */
char *job_state_address(const struct job *job);
/* "<job>/<operation>/<attempt>"; caller frees. */
char *job_launch_name(const struct job *job);
