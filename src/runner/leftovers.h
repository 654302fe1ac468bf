/*
 * Processes of launches, found without their parents' help: by PLANTON_LAUNCH in
 * their environment or by their hold on a folder's live file. The engine among
 * them is left to end by itself (it may be writing state), and so is a step, which
 * cleans up itself; what outlives both is killed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Is anything of this launch ("<job>/<operation>/<attempt>") alive? dir_fd may
 * be -1. Kills what outlived the engine and its step: call it again until it
 * says no.
 */
bool leftovers_alive(const char *launch, const char *engine_path, int dir_fd);
/* The same for all launches of a job. */
bool leftovers_of_job_alive(const char *job_id, const char *engine_path);
/* One graceful interrupt to each engine of the job. */
void leftovers_interrupt(const char *job_id, const char *engine_path);
/* The engine's output file for reading, also when its name is gone; -1 when there is no engine. */
int leftovers_open_output(const char *job_id, const char *engine_path);

typedef void leftovers_callback(const char *launch, int64_t epoch, void *userdata);
/* Every launch of this runner that something is alive of; one may come more than once. */
void leftovers_find(const char *runner_key, leftovers_callback *callback, void *userdata);
