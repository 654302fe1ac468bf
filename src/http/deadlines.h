/* A binary heap of sleeping tasks by deadline; each task knows its place, so any can leave. */
#pragma once

#include <stddef.h>

#include "http/task.h"

struct deadlines {
	struct task **heap;
	size_t count, capacity;
};

void deadlines_add(struct deadlines *d, struct task *task);
void deadlines_remove(struct deadlines *d, struct task *task);
void deadlines_release(struct deadlines *d);
