/* The engine's binary on this machine: it may be missing, come, go and be replaced meanwhile. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "engines/engine.h"

struct runner;

/* Immutable. */
struct engine_install {
	const struct engine *engine;
	char *problem;	   /* why nothing can be launched with it, and where it was looked for */
	char *path;	   /* absolute; with a problem where it was, or would be */
	char *version;	   /* "" with a problem */
	char *identity;	   /* changes when the binary does */
	char *cli_config;  /* its configuration file, or NULL */
	char *cli_content; /* of that file; "" when there is none */
	char **read_paths; /* what the sandbox lets it read: itself, its configuration and mirrors
			    */
};

void engine_install_free(struct engine_install *install);

/*
 * What there is now; asks its version only when the file is not the one that was asked before, or
 * had a problem some seconds ago. Any thread. Lives as long as the runner, because attempts go on
 * with the one that they were launched with.
 */
const struct engine_install *runner_look_for_engine(struct runner *runner);

/* What the last look found; NULL before the first, and for what no runner can do. Any thread. */
const struct engine_install *runner_engine(struct runner *runner, enum provisioner provisioner);

/* For the server: {engines, engineProblem}; install may be NULL. The caller decrefs. */
json_t *engine_install_info(const struct engine_install *install);

/* What an earlier runner launched in that attempt's folder, as far as its record tells: engine,
 * path and version ("" when it is not known). NULL: nothing. The caller frees. */
struct engine_install *engine_install_launched(const char *attempt_dir);
