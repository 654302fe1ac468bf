/* Taking jobs out of the queue. Private to control/. */
#pragma once

#include <jansson.h>

#include "control/jobs_state.h"

/* The next job for this runner: 1 and its grant, 0 when there is none for it now. Jobs that fail
 * their preflight or wait for approval before their start are dealt with on the way. */
int dispatch_claim(struct work *w, const struct runner_row *runner, json_t **ret_grant,
		   struct error **err);

/* Only what needs no runner: preflights that fail, pauses before the start. Looks at a few
 * candidates a call, all in turn. */
int dispatch_sweep(struct work *w, struct error **err);

/* Once after a start: whose leases go on, and which jobs run in nobody's hands. */
int dispatch_load(struct work *w, struct error **err);
