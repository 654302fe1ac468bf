/*
 * Reads one job's events on a thread of its own and puts them in a queue shared by all readers. A
 * lost connection is taken up again after the last event that came, for as long as the reader
 * lives; nothing is lost or doubled.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "cli/session.h"

enum item_type { ITEM_EVENT, ITEM_END, ITEM_LOST, ITEM_FAILED };

struct item {
	enum item_type type;
	size_t job;	     /* index of its reader */
	json_t *event;	     /* ITEM_EVENT; owned */
	struct error *error; /* ITEM_FAILED; owned */
};

struct event_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	struct item *items;
	size_t count;
	atomic_bool stopping;
};

void event_queue_init(struct event_queue *q);
/* Readers must have been joined. */
void event_queue_release(struct event_queue *q);
/* Waits at most timeout_ms for items and takes them all; the caller frees the array and what is in
 * it. */
size_t event_queue_take(struct event_queue *q, unsigned timeout_ms, struct item **ret);
void item_release(struct item *item);

struct reader;
/* Begins after the event with number `after`; !follow: ends after what is stored. */
struct reader *reader_start(const struct cli *cli, struct event_queue *q, size_t job,
			    const char *id, uint64_t after, bool follow);
/* q->stopping must be set, or ITEM_END or ITEM_FAILED have come. */
void reader_join(struct reader *r);
