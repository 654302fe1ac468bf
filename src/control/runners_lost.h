/* Jobs whose runner is gone. Private to control/. */
#pragma once

#include "control/jobs_state.h"

/* The unfinished jobs that a runner has. */
struct job_filter runner_jobs_filter(const char *runner_id);
/* why: JOB_EVENT_LEASE_EXPIRED or JOB_EVENT_RUNNER_LOST. */
int runner_lose_job(struct work *w, const char *job_id, enum job_event_type why,
		    struct error **err);
int runner_lose_all(struct work *w, const char *runner_id, enum job_event_type why,
		    struct error **err);
