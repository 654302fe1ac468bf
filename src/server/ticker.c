/* A thread that wakes every second, so that the loop never waits for the database. */
#include "server/ticker.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "control/runners.h"

#define TICK_MS		    1000
#define EXPIRE_EVERY_MS	    3600000
#define IDEMPOTENCY_KEEP_MS (24 * 3600 * 1000)

struct ticker {
	struct control *control;
	struct store *store;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	bool stop;
};

static void complain(const char *what, struct error **err)
{
	_cleanup_free_ char *message = error_describe(*err);
	log_error("%s: %s", what, message);
	error_free(TAKE_PTR(*err));
}

static void expire_answers(struct ticker *t)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	int r = store_begin(t->store, STORE_WRITE, &tx, &e);
	if (r >= 0)
		r = idempotency_expire(tx, (int64_t)now_realtime_ms() - IDEMPOTENCY_KEEP_MS, &e);
	if (r >= 0)
		r = store_commit(TAKE_PTR(tx), &e);
	if (r < 0)
		complain("cannot forget old answers", &e);
}

/* True when it is time to stop. */
static bool wait_for_tick(struct ticker *t, uint64_t at_ms)
{
	struct timespec until = {
		.tv_sec = (time_t)(at_ms / 1000),
		.tv_nsec = (long)(at_ms % 1000) * 1000000,
	};
	pthread_mutex_lock(&t->lock);
	while (!t->stop && pthread_cond_timedwait(&t->stopped, &t->lock, &until) != ETIMEDOUT)
		;
	bool stop = t->stop;
	pthread_mutex_unlock(&t->lock);
	return stop;
}

static void *run(void *ticker)
{
	struct ticker *t = ticker;
	uint64_t next_expiry = 0;
	while (!wait_for_tick(t, now_monotonic_ms() + TICK_MS)) {
		_cleanup_error_ struct error *e = NULL;
		if (runners_tick(t->control, &e) < 0)
			complain("cannot look after leases", &e);
		if (now_monotonic_ms() >= next_expiry) {
			expire_answers(t);
			next_expiry = now_monotonic_ms() + EXPIRE_EVERY_MS;
		}
	}
	return NULL;
}

int ticker_start(struct control *c, struct store *store, struct ticker **ret, struct error **err)
{
	struct ticker *t = xcalloc(1, sizeof(*t));
	t->control = c;
	t->store = store;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&t->stopped, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int r = pthread_create(&t->thread, NULL, run, t);
	if (r != 0) {
		free(t);
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot start a thread");
	}
	*ret = t;
	return 0;
}

void ticker_stop(struct ticker *t)
{
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->stopped);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->stopped);
	pthread_mutex_destroy(&t->lock);
	free(t);
}
