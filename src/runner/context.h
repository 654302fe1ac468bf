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
#include "http/client.h"
#include "runner/engine_install.h"
#include "runner/options.h"

struct runner {
	struct runner_options options;
	struct key_pair keys;
	char public_key[64]; /* base64 */
	char boot_id[37];
	char **passed_on; /* "NAME=value" for engines: proxies, certificates */
	uint64_t memory_limit;
	int step_fd; /* of the step's program, or -1: step_image.h */

	pthread_mutex_t engine_lock; /* of one look at a time */
	uint64_t looked_ms;
	_Atomic(struct engine_install *) tofu; /* engine_install.h */

	pthread_mutex_t lock; /* of what follows */
	char *id, *key;	      /* from the registration */
	struct jobs *jobs;
	json_t *protocols; /* of providers' programs, by the identity of their files */

	atomic_bool stopping;
};

/* Loads or makes the keys, makes the folders; the caller holds the folder's lock. */
int runner_init(struct runner *runner, struct error **err);

/* A client with the runner's key; one a thread. The caller frees it. */
int runner_client_new(struct runner *runner, struct http_client **ret, struct error **err);
/* Gives it the key that the runner has now. */
void runner_client_refresh(struct runner *runner, struct http_client *http);
