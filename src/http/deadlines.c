/* The heap: heap[0] is due first. */
#include "http/deadlines.h"

#include <assert.h>

static void put(struct deadlines *d, size_t at, struct task *task)
{
	d->heap[at] = task;
	task->heap_index = at;
}

static void sift_up(struct deadlines *d, size_t at, struct task *task)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;
		if (d->heap[parent]->deadline_ms <= task->deadline_ms)
			break;
		put(d, at, d->heap[parent]);
		at = parent;
	}
	put(d, at, task);
}

static void sift_down(struct deadlines *d, size_t at, struct task *task)
{
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= d->count)
			break;
		if (child + 1 < d->count &&
		    d->heap[child + 1]->deadline_ms < d->heap[child]->deadline_ms)
			child++;
		if (task->deadline_ms <= d->heap[child]->deadline_ms)
			break;
		put(d, at, d->heap[child]);
		at = child;
	}
	put(d, at, task);
}

void deadlines_add(struct deadlines *d, struct task *task)
{
	if (d->count == d->capacity) {
		d->capacity = d->capacity ? d->capacity * 2 : 16;
		d->heap = xreallocarray(d->heap, d->capacity, sizeof(struct task *));
	}
	sift_up(d, d->count++, task);
}

void deadlines_remove(struct deadlines *d, struct task *task)
{
	size_t at = task->heap_index;
	assert(at < d->count && d->heap[at] == task);
	struct task *last = d->heap[--d->count];
	if (last == task)
		return;
	if (at > 0 && last->deadline_ms < d->heap[(at - 1) / 2]->deadline_ms)
		sift_up(d, at, last);
	else
		sift_down(d, at, last);
}

void deadlines_release(struct deadlines *d)
{
	free(d->heap);
	*d = (struct deadlines){0};
}
