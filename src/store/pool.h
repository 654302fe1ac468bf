/*
 * Connections for threads to borrow: opened when first needed, at most max of them; whoever comes
 * when all are out waits. A thread that holds one must not wait for another of the same pool.
 */
#pragma once

#include <pthread.h>

#include "store/db.h"

#define POOL_MAX 4

struct pool {
	const struct db_driver *driver;
	const char *target; /* borrowed */
	enum db_access access;
	size_t max;

	pthread_mutex_t lock;
	pthread_cond_t returned;
	size_t n_open; /* lent or idle */
	size_t n_idle;
	struct db *idle[POOL_MAX];
};

/* max: 1 .. POOL_MAX */
void pool_init(struct pool *pool, const struct db_driver *driver, const char *target,
	       enum db_access access, size_t max);
/* Every connection must be back. */
void pool_release(struct pool *pool);
int pool_take(struct pool *pool, struct db **ret, struct error **err);
void pool_give(struct pool *pool, struct db *db);
