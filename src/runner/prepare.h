/* Making a workspace ready for an attempt's command. */
#pragma once

#include "runner/attempt.h"

/* 0: the engine is to be started. 1: nothing is to be run (init came from the cache). */
int prepare(struct attempt *attempt, struct error **err);
/* What is left to do once init itself succeeded: inputs, the cache. */
int prepare_after_init(struct attempt *attempt, struct error **err);
/* The hex digest of the plan in the workspace; "" when there is none. */
void prepare_plan_digest(const struct attempt *attempt, char ret[DIGEST_HEX_SIZE]);
/* The options that this attempt's command is run with. */
struct engine_options prepare_options(const struct attempt *attempt);
