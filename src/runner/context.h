/*
 * What all threads of a runner share. Set up before the first job; afterwards
 * only what says so changes.
 */
#pragma once

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/seal.h"
#include "engines/engine.h"
#include "http/client.h"
#include "runner/options.h"

/* An engine's binary on this machine. */
struct engine_install {
	const struct engine *engine;
	char *path, *version;
	char *identity;	   /* changes when the binary does */
	char *cli_config;  /* its configuration file, or NULL */
	char *cli_content; /* of that file; "" when there is none */
	char **read_paths; /* what the sandbox lets it read: itself, its configuration and mirrors
			    */
};

struct runner {
	struct runner_options options;
	struct key_pair keys;
	char public_key[64]; /* base64 */
	char boot_id[37];
	struct engine_install tofu;
	char **passed_on; /* "NAME=value" for engines: proxies, certificates */
	uint64_t memory_limit;
	int step_fd; /* of the step's program, or -1: step_image.h */

	pthread_mutex_t lock; /* of what follows */
	char *id, *key;	      /* from the registration */
	struct jobs *jobs;

	atomic_bool stopping;
};

/* Loads or makes the keys, makes the folders; the caller holds the folder's lock. */
int runner_init(struct runner *runner, struct error **err);

/*
 * Looks the engine up and asks its version. ERROR_NOT_FOUND: none there yet.
 * ERROR_UNPROCESSABLE: one that must not be used.
 */
int runner_find_engine(struct runner *runner, struct error **err);

const struct engine_install *runner_engine(const struct runner *runner,
					   enum provisioner provisioner);

/* A client with the runner's key; one a thread. The caller frees it. */
int runner_client_new(struct runner *runner, struct http_client **ret, struct error **err);
/* Gives it the key that the runner has now. */
void runner_client_refresh(struct runner *runner, struct http_client *http);
