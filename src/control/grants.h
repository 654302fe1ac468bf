/*
 * Grants: each gives one engine launch to the runner that holds the job, with a new epoch and a new
 * state credential, which void the ones before. Private to control/.
 */
#pragma once

#include <jansson.h>

#include "control/jobs_state.h"

/*
 * Gives the operation to s->row.runner_id. A grant whose engine never started is given again in the
 * place of the old one. Returns 1 and *ret_grant; 0 when the launch was refused (its plan is stale,
 * a reference or a credential is not to be had): the job has ended then, and says why.
 */
int grant_issue(struct work *w, struct job_state *s, enum operation o, json_t **ret_grant,
		struct error **err);

/* base64 of a new key, sealed; for a job's options. Caller frees. */
char *artifact_key_new(struct work *w, const char *job_id);
