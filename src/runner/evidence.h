/*
 * What the server must know of a change even when the lease is over, or when
 * the engine could not save its state (docs/protocol.md, /evidence).
 */
#pragma once

#include "runner/attempt.h"

/* The engine left a state that it could not save. */
bool evidence_has_errored_state(const struct attempt *attempt);
/*
 * Sends the journal of changed resources and such a state; ended is borrowed or
 * NULL. final: nothing of the engine is alive. False when the process is to end
 * before it was taken.
 */
bool evidence_send(struct attempt *attempt, json_t *ended, bool final);
