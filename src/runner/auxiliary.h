/*
 * Engine commands that print JSON for the runner alone. Their output may hold
 * secrets: it lies in the workspace and goes as soon as it was read.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"
#include "engines/engine.h"
#include "runner/launch.h"

struct job;

struct auxiliary {
	bool running;
	char *dir;
	const struct engine *engine;
	struct process process;
};

#define AUXILIARY_INIT                  \
	{                               \
		.process = PROCESS_INIT \
	}

int auxiliary_start(struct auxiliary *auxiliary, struct job *job,
		    const struct engine_install *install, enum engine_command command,
		    struct error **err);
/* Has it ended? A descriptor to poll, -1 when it is not running. */
int auxiliary_pidfd(const struct auxiliary *auxiliary);
bool auxiliary_has_ended(const struct auxiliary *auxiliary);
/*
 * Waits for its end and maps its output; the file is deleted. The error holds
 * what it printed. The caller unmaps (munmap) when *ret_size is not 0.
 */
int auxiliary_finish(struct auxiliary *auxiliary, char **ret_output, size_t *ret_size,
		     struct error **err);
/* Kills it if it runs; removes what it left. */
void auxiliary_release(struct auxiliary *auxiliary);
