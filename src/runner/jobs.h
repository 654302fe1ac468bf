/* The jobs that this runner holds, each with its thread. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "runner/context.h"
#include "runner/grant.h"
#include "runner/job.h"

struct jobs;

struct jobs *jobs_new(struct runner *runner);
/*
 * Starts a thread for it; takes the grant over. For a job whose thread is still
 * cleaning up after its last lease, the grant waits until that is done. False when
 * there can be no thread.
 */
bool jobs_start(struct jobs *jobs, struct grant *grant, enum job_start start);
size_t jobs_count(struct jobs *jobs);
/* [{job, epoch}]; the caller decrefs. */
json_t *jobs_held(struct jobs *jobs);
/* type: "interrupt", or "drop", which is for the lease with that epoch alone. */
void jobs_direct(struct jobs *jobs, const char *job_id, int64_t epoch, const char *type);
