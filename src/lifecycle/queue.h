/* Jobs of one resource run one at a time, in order of creation; what may pass what. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/enums.h"

#define QUEUE_REASON_SIZE 512

/* An unfinished job on the same state. */
struct queue_job {
	const char *id;
	int64_t number; /* order of creation */
	enum status status;
	bool assigned; /* in a runner's hands */
	enum job_operation operation;
};

enum hold_kind {
	HOLD_NONE,
	HOLD_ENGINE_MAY_LIVE, /* a lost runner's engine may still change things: nothing starts */
	HOLD_NEEDS_REFRESH,   /* it may have changed what the state does not know: refresh first */
	_HOLD_MAX,
	_HOLD_INVALID = -1,
};
const char *hold_kind_to_string(enum hold_kind kind);
enum hold_kind hold_kind_from_string(const char *string);

struct hold {
	enum hold_kind kind;
	const char *runner, *job; /* whose change it was */
	const char *resource;	  /* how a command names the resource */
};

struct queue_verdict {
	bool may_start;
	const char *job; /* who blocks it, one of others' ids; NULL when it is the hold */
	char reason[QUEUE_REASON_SIZE]; /* for people, with what to do; "" when it may start */
};

/*
 * May self be given to a runner? others: unfinished jobs on its state, in order of creation, self
 * left out or not; they may be cut to the oldest, but every one that runs must be there.
 */
void queue_decide(const struct queue_job *self, const struct queue_job *others, size_t count,
		  const struct hold *hold, struct queue_verdict *ret);
/*
 * The same for a resource whose outputs self's manifest refers to: an update waits for those that
 * were created before it and may change them. others: unfinished jobs of that resource; source:
 * what people call it.
 */
void queue_decide_source(const struct queue_job *self, const struct queue_job *others, size_t count,
			 const char *source, struct queue_verdict *ret);
