/* The pool: one mutex guards the queue, the sleepers and those done; nothing slow is done under it.
 */
#include "http/task.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/strutil.h"
#include "http/deadlines.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE ((size_t)2 << 20)
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STACK_SIZE ((size_t)2 << 20)
#endif
#endif
#ifndef STACK_SIZE
#define STACK_SIZE ((size_t)256 << 10)
#endif

#define BUCKETS 256

struct task_list {
	struct task *first, *last;
	size_t count;
};

/* Topics that share a bucket share its last wake: at worst a task runs once too often. */
struct bucket {
	struct task *sleepers;
	uint64_t last_wake;
};

struct task_pool {
	enum task_verdict (*run)(struct task *task, void *ctx);
	void *ctx;
	int event_fd;
	pthread_t *threads;
	unsigned thread_count;

	pthread_mutex_t lock;
	pthread_cond_t work;
	struct task_list queue;
	struct task_list done;
	struct bucket buckets[BUCKETS];
	struct deadlines deadlines; /* of all sleepers, those without one included */
	uint64_t armed_ms;	    /* the deadline that the owner knows of */
	uint64_t wakes;
	bool stopping; /* nobody sleeps any more */
	bool quitting; /* workers leave */
};

static void list_append(struct task_list *list, struct task *task)
{
	task->next = NULL;
	if (list->last)
		list->last->next = task;
	else
		list->first = task;
	list->last = task;
	list->count++;
}

static struct task *list_shift(struct task_list *list)
{
	struct task *task = list->first;
	list->first = task->next;
	if (!list->first)
		list->last = NULL;
	list->count--;
	return task;
}

static uint64_t hash(const char *topic)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
	for (; *topic; topic++)
		h = (h ^ (unsigned char)*topic) * 0x100000001b3;
	return h;
}

static struct bucket *bucket_of(struct task_pool *pool, uint64_t topic_hash)
{
	return &pool->buckets[(topic_hash ^ topic_hash >> 32) % BUCKETS];
}

static void notify_owner(struct task_pool *pool)
{
	uint64_t one = 1;
	ssize_t n = write(pool->event_fd, &one, sizeof(one));
	assert(n == sizeof(one) || errno == EAGAIN);
}

/* The rest, up to the worker, runs under the lock. */

static void enqueue(struct task_pool *pool, struct task *task)
{
	task->state = TASK_QUEUED;
	list_append(&pool->queue, task);
	pthread_cond_signal(&pool->work);
}

static void finish(struct task_pool *pool, struct task *task)
{
	task->state = TASK_DONE;
	list_append(&pool->done, task);
	if (pool->done.count == 1)
		notify_owner(pool);
}

static void fall_asleep(struct task_pool *pool, struct task *task)
{
	task->topic_hash = hash(task->topic);
	struct bucket *bucket = bucket_of(pool, task->topic_hash);
	if (task->cancelled || (pool->stopping && task->stop_is_done)) {
		finish(pool, task);
		return;
	}
	if (bucket->last_wake > task->seen || pool->stopping) {
		enqueue(pool, task);
		return;
	}

	task->state = TASK_SLEEPING;
	task->topic_previous = NULL;
	task->topic_next = bucket->sleepers;
	if (task->topic_next)
		task->topic_next->topic_previous = task;
	bucket->sleepers = task;
	deadlines_add(&pool->deadlines, task);
	if (task->deadline_ms < pool->armed_ms) {
		pool->armed_ms = task->deadline_ms;
		notify_owner(pool);
	}
}

static void rouse(struct task_pool *pool, struct task *task)
{
	assert(task->state == TASK_SLEEPING);
	if (task->topic_previous)
		task->topic_previous->topic_next = task->topic_next;
	else
		bucket_of(pool, task->topic_hash)->sleepers = task->topic_next;
	if (task->topic_next)
		task->topic_next->topic_previous = task->topic_previous;
	deadlines_remove(&pool->deadlines, task);
}

static void take_verdict(struct task_pool *pool, struct task *task, enum task_verdict verdict)
{
	switch (verdict) {
	case TASK_VERDICT_DONE:
		finish(pool, task);
		break;
	case TASK_VERDICT_AGAIN:
		if (task->cancelled)
			finish(pool, task);
		else
			enqueue(pool, task);
		break;
	case TASK_VERDICT_SLEEP:
		fall_asleep(pool, task);
		break;
	}
}

static void *worker(void *argument)
{
	struct task_pool *pool = argument;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->queue.first && !pool->quitting)
			pthread_cond_wait(&pool->work, &pool->lock);
		if (pool->quitting)
			break;
		struct task *task = list_shift(&pool->queue);
		task->state = TASK_RUNNING;
		task->seen = pool->wakes;
		pthread_mutex_unlock(&pool->lock);
		enum task_verdict verdict = pool->run(task, pool->ctx);
		pthread_mutex_lock(&pool->lock);
		take_verdict(pool, task, verdict);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Signals are the loop's business: workers start with all of them blocked. */
static int start_workers(struct task_pool *pool, unsigned workers)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);

	int r = 0;
	pool->threads = xcalloc(workers, sizeof(*pool->threads));
	while (r == 0 && pool->thread_count < workers) {
		r = pthread_create(&pool->threads[pool->thread_count], &attributes, worker, pool);
		if (r == 0)
			pool->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -r;
}

int task_pool_new(unsigned workers, enum task_verdict (*run)(struct task *task, void *ctx),
		  void *ctx, struct task_pool **ret, struct error **err)
{
	assert(workers > 0);
	int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event_fd < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot make an eventfd");

	struct task_pool *pool = xcalloc(1, sizeof(*pool));
	pool->run = run;
	pool->ctx = ctx;
	pool->event_fd = event_fd;
	pool->armed_ms = TASK_NEVER;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	int r = start_workers(pool, workers);
	if (r < 0) {
		task_pool_free(pool);
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot start worker threads");
	}
	*ret = pool;
	return 0;
}

void task_pool_free(struct task_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->quitting = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);

	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	deadlines_release(&pool->deadlines);
	safe_close(pool->event_fd);
	free(pool->threads);
	free(pool);
}

int task_pool_fd(const struct task_pool *pool)
{
	return pool->event_fd;
}

void task_submit(struct task_pool *pool, struct task *task)
{
	pthread_mutex_lock(&pool->lock);
	assert(task->state == TASK_IDLE);
	enqueue(pool, task);
	pthread_mutex_unlock(&pool->lock);
}

void task_sleep(struct task_pool *pool, struct task *task)
{
	pthread_mutex_lock(&pool->lock);
	assert(task->state == TASK_IDLE);
	fall_asleep(pool, task);
	pthread_mutex_unlock(&pool->lock);
}

void task_cancel(struct task_pool *pool, struct task *task)
{
	pthread_mutex_lock(&pool->lock);
	task->cancelled = true;
	if (task->state == TASK_SLEEPING) {
		rouse(pool, task);
		finish(pool, task);
	}
	pthread_mutex_unlock(&pool->lock);
}

struct task *task_pool_take_done(struct task_pool *pool)
{
	uint64_t count;
	pthread_mutex_lock(&pool->lock);
	ssize_t n = read(pool->event_fd, &count, sizeof(count));
	assert(n == sizeof(count) || errno == EAGAIN);
	struct task *first = pool->done.first;
	pool->done = (struct task_list){0};
	for (struct task *task = first; task; task = task->next)
		task->state = TASK_IDLE;
	pthread_mutex_unlock(&pool->lock);
	return first;
}

uint64_t task_pool_expire(struct task_pool *pool, uint64_t now_ms)
{
	pthread_mutex_lock(&pool->lock);
	struct deadlines *deadlines = &pool->deadlines;
	while (deadlines->count && deadlines->heap[0]->deadline_ms <= now_ms) {
		struct task *task = deadlines->heap[0];
		rouse(pool, task);
		task->expired = true;
		if (task->deadline_is_done)
			finish(pool, task);
		else
			enqueue(pool, task);
	}
	uint64_t next = deadlines->count ? deadlines->heap[0]->deadline_ms : TASK_NEVER;
	pool->armed_ms = next;
	pthread_mutex_unlock(&pool->lock);
	return next;
}

void task_pool_wake(struct task_pool *pool, const char *topic)
{
	uint64_t topic_hash = hash(topic);
	pthread_mutex_lock(&pool->lock);
	struct bucket *bucket = bucket_of(pool, topic_hash);
	bucket->last_wake = ++pool->wakes;
	for (struct task *task = bucket->sleepers, *next; task; task = next) {
		next = task->topic_next;
		if (task->topic_hash != topic_hash || !streq(task->topic, topic))
			continue;
		rouse(pool, task);
		enqueue(pool, task);
	}
	pthread_mutex_unlock(&pool->lock);
}

void task_pool_stop_sleep(struct task_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	while (pool->deadlines.count) {
		struct task *task = pool->deadlines.heap[0];
		rouse(pool, task);
		if (task->stop_is_done)
			finish(pool, task);
		else
			enqueue(pool, task);
	}
	pthread_mutex_unlock(&pool->lock);
}

bool task_pool_is_stopping(struct task_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	bool stopping = pool->stopping;
	pthread_mutex_unlock(&pool->lock);
	return stopping;
}

size_t task_pool_queued(struct task_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	size_t queued = pool->queue.count;
	pthread_mutex_unlock(&pool->lock);
	return queued;
}
