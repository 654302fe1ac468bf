/*
 * A small pool of worker threads for work that may sleep without a thread: until a topic is woken,
 * a deadline passes or it is cancelled. It knows nothing of HTTP.
 *
 *                 submit, wake, stop       worker             verdict DONE
 *     IDLE ------------------> QUEUED ----------> RUNNING ------------------> DONE --> IDLE
 *      |                        ^                    |                         ^     (take_done)
 *      |  sleep                 |  wake, deadline    |  verdict SLEEP          |
 *      +------------------> SLEEPING <---------------+                         |
 *                               +--------- cancel, deadline, stop -------------+
 *
 * The owner (the loop thread) may touch a task only while it is IDLE; its worker while it RUNS.
 *
 * No wake is lost: every run notes the sequence of wakes before it starts, and a task whose topic
 * was woken after that runs again instead of going to sleep.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define TASK_NEVER UINT64_MAX

enum task_state {
	TASK_IDLE,
	TASK_QUEUED,
	TASK_RUNNING,
	TASK_SLEEPING,
	TASK_DONE,
	_TASK_STATE_MAX,
	_TASK_STATE_INVALID = -1,
};

enum task_verdict {
	TASK_VERDICT_DONE,  /* the owner has something to do */
	TASK_VERDICT_AGAIN, /* back to the end of the queue */
	TASK_VERDICT_SLEEP, /* topic and deadline_ms say until when */
};

struct task {
	enum task_state state;
	struct task *next; /* in the queue, or among those done */
	struct task *topic_previous, *topic_next;
	size_t heap_index; /* of the deadline */
	uint64_t seen;	   /* sequence of wakes when the last run began */

	/* Set while the task is the caller's. */
	const char *topic;     /* borrowed; does not change during sleep */
	uint64_t topic_hash;   /* filled by the pool */
	uint64_t deadline_ms;  /* monotonic, or TASK_NEVER */
	bool deadline_is_done; /* a deadline hands the task to its owner instead of a worker */
	bool stop_is_done;     /* the same for task_pool_stop_sleep() */

	/* Why it came back, for the owner. */
	bool cancelled;
	bool expired; /* by its deadline; cleared by the owner */
};

struct task_pool;

/* run is called on workers. workers: threads, at least 1. */
int task_pool_new(unsigned workers, enum task_verdict (*run)(struct task *task, void *ctx),
		  void *ctx, struct task_pool **ret, struct error **err);
/* Waits for running tasks; those queued or asleep are forgotten. NULL is fine. */
void task_pool_free(struct task_pool *pool);

/* An eventfd, readable when tasks are done or an earlier deadline came up. */
int task_pool_fd(const struct task_pool *pool);

/* By the owner, for an IDLE task. */
void task_submit(struct task_pool *pool, struct task *task);
/* By the owner: goes (back) to sleep without a run; runs at once if it was woken since the last. */
void task_sleep(struct task_pool *pool, struct task *task);
/* By the owner, in any state: what sleeps is done now, what is under way does not sleep again. */
void task_cancel(struct task_pool *pool, struct task *task);
/* By the owner: clears the eventfd, returns those done (a list by next), all IDLE now. */
struct task *task_pool_take_done(struct task_pool *pool);
/* By the owner: ends the sleep of those whose time has come; returns the next deadline. */
uint64_t task_pool_expire(struct task_pool *pool, uint64_t now_ms);

/* Any thread. */
void task_pool_wake(struct task_pool *pool, const char *topic);
/* Ends all sleep, now and from now on: tasks run once more, or are done if stop_is_done. */
void task_pool_stop_sleep(struct task_pool *pool);
/* Any thread: has task_pool_stop_sleep() been called? */
bool task_pool_is_stopping(struct task_pool *pool);
/* Any thread: those that wait for a worker. */
size_t task_pool_queued(struct task_pool *pool);
