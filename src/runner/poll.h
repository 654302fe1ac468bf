/* The long poll: heartbeat, claim and the way directives arrive. */
#pragma once

#include "runner/context.h"

/* Returns when the runner is to stop: a signal, the server's wish, or (embedded) nobody there. */
void poll_run(struct runner *runner);
