/*
 * The providers of a job, kept warm between its engine commands: their pool
 * (step/pool.h) and who may use it. docs/decisions/0009-warm-providers.md says why.
 */
#pragma once

#include "runner/job.h"

/*
 * Sees to it that the job has a pool for the command that comes. Without one
 * (there are no providers, or too big ones, or one that does not start) the engine
 * starts its own. environment is the engine's; its marks, its state and its
 * providers are not looked at.
 */
void providers_prepare(struct job *job, const struct engine_install *install,
		       enum engine_command command, const struct engine_environment *environment);

/* For the engine's environment and its launch; NULL and 0 when there is no pool. */
const json_t *providers_running(const struct job *job);
int providers_folder(const struct job *job);
int providers_users(const struct job *job);

/* None of them is alive afterwards. False: the runner stops, and some may be. */
bool providers_end(struct job *job);
/* They end with the engine that uses them. */
void providers_leave(struct job *job);
