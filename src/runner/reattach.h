/* Finding again what an earlier runner of this folder left running. */
#pragma once

#include <jansson.h>

#include "runner/context.h"

struct reattach;

/* Reads the jobs' folders; starts nothing. */
struct reattach *reattach_scan(struct runner *runner);
/* [{job, operation, attempt}], for the registration; the caller decrefs. */
json_t *reattach_held(const struct reattach *reattach);
/* Removes workspaces of jobs that are not among them. */
void reattach_sweep(struct reattach *reattach);
/* Starts a thread for each; frees reattach. */
void reattach_start(struct runner *runner, struct reattach *reattach);
