/* A fixed number of database connections shared by threads. */
#include "store/pool.h"

#include <assert.h>

void pool_init(struct pool *pool, const struct db_driver *driver, const char *target,
	       enum db_access access, size_t max)
{
	assert(max >= 1 && max <= POOL_MAX);
	*pool = (struct pool){.driver = driver, .target = target, .access = access, .max = max};
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->returned, NULL);
}

void pool_release(struct pool *pool)
{
	assert(pool->n_idle == pool->n_open);
	while (pool->n_idle > 0)
		db_close(pool->idle[--pool->n_idle]);
	pthread_cond_destroy(&pool->returned);
	pthread_mutex_destroy(&pool->lock);
}

int pool_take(struct pool *pool, struct db **ret, struct error **err)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->n_idle == 0 && pool->n_open == pool->max)
		pthread_cond_wait(&pool->returned, &pool->lock);
	if (pool->n_idle > 0) {
		*ret = pool->idle[--pool->n_idle];
		pthread_mutex_unlock(&pool->lock);
		return 0;
	}
	pool->n_open++;
	pthread_mutex_unlock(&pool->lock);

	int r = pool->driver->open(pool->target, pool->access, ret, err);
	if (r < 0) {
		pthread_mutex_lock(&pool->lock);
		pool->n_open--;
		pthread_cond_signal(&pool->returned);
		pthread_mutex_unlock(&pool->lock);
	}
	return r;
}

void pool_give(struct pool *pool, struct db *db)
{
	pthread_mutex_lock(&pool->lock);
	pool->idle[pool->n_idle++] = db;
	pthread_cond_signal(&pool->returned);
	pthread_mutex_unlock(&pool->lock);
}
