/*
 * What a change that ended in the dark may have left: resources reported complete and in no saved
 * state, and those begun and never reported complete. Private to control/.
 */
#pragma once

#include <jansson.h>

#include "control/jobs_state.h"

/* From the stored resource events of the attempt. hold: then the resource needs a refresh before
 * its next change, if anything was begun. */
int evidence_collect(struct work *w, struct job_state *s, bool hold, struct error **err);
/* The engine of the job that holds the resource is gone for good: engine_may_live becomes
 * needs_refresh, or nothing when no resource was ever begun. */
int evidence_close(struct work *w, const struct job_state *s, struct error **err);
/* What a refreshed state now knows is resolved. */
int evidence_resolve(struct work *w, const struct job_row *job, struct error **err);
