/* Jobs whose runner is gone. Private to control/. */
#pragma once

#include "control/jobs_state.h"

/* The unfinished jobs that a runner has. */
struct job_filter runner_jobs_filter(const char *runner_id);
/* ERROR_CONFLICT for one that was away while others moved on to another work root. */
int runner_check_work_root(struct work *w, const struct runner_row *runner, struct error **err);
/* why: JOB_EVENT_LEASE_EXPIRED or JOB_EVENT_RUNNER_LOST. */
int runner_lose_job(struct work *w, const char *job_id, enum job_event_type why,
		    struct error **err);
/* Runs fn so that its failure stays with that job: what it did is undone, why is kept as the job's
 * fault, and nothing is tried again for a while. 1 then. */
int runner_guard_job(struct work *w, const char *job_id,
		     int (*fn)(struct work *w, const char *job_id, void *ctx, struct error **err),
		     void *ctx, struct error **err);
