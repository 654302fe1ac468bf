/*
 * What the server must know of a change even when the lease is over, or when
 * the engine could not save its state (docs/protocol.md, /evidence).
 */
#pragma once

#include "runner/attempt.h"

#define EVIDENCE_MAX_ADDRESSES 20000

/*
 * What an engine's output says of each address that it changed, the newest entry
 * of each, in their order; of more addresses than the limit the newest. The caller
 * decrefs.
 */
json_t *evidence_journal(const struct engine *engine, const struct masker *masker, int stdout_fd);
/* The engine left a state that it could not save. */
bool evidence_has_errored_state(const struct attempt *attempt);
/*
 * Sends the journal of changed resources and such a state; ended is borrowed or
 * NULL. final: nothing of the engine is alive. False when the process is to end
 * before it was taken.
 */
bool evidence_send(struct attempt *attempt, json_t *ended, bool final);
