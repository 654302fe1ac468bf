/*
 * What all services share for as long as the server lives. Private to control/.
 */
#pragma once

#include <pthread.h>

#include "control/work.h"

struct lease_table;

struct control {
	struct store *store;
	const struct catalog *catalog;
	const struct master_key *master_key;
	void (*wake)(const char *topic, void *ctx);
	void *wake_ctx;
	unsigned lease_seconds;
	unsigned operation_timeout_seconds;
	struct lease_table *leases; /* of leases.c: deadlines, connected polls */
};

/* Seals text (a NUL-terminated secret) for a context; base64. Aborts only when memory runs out. */
char *control_seal(const struct control *c, const char *context, const void *data, size_t size);
/* The opposite; *ret is NUL-terminated, caller wipes and frees. */
int control_unseal(const struct control *c, const char *context, const char *base64, char **ret,
		   size_t *ret_size, struct error **err);
