/*
 * The platform's services: what people, runners and engines may ask for, each inside one unit of
 * work = one store transaction that knows who asks and what to tell whom once it is committed.
 * Between the HTTP routes (api), which render, and the pure rules (lifecycle) and the store, which
 * remembers. State changes only here.
 *
 * Nothing is woken, shown or acted upon before work_commit() returned 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/seal.h"
#include "control/catalog.h"
#include "store/store.h"

/* Who asks. Strings are borrowed. */
struct actor {
	const char *principal; /* "admin", "key_01…", "runner:rnr_01…" */
	const char *runner_id; /* for runners, else NULL */
	bool admin;
};

struct control_options {
	struct store *store; /* borrowed, as all below */
	const struct catalog *catalog;
	const struct master_key *master_key;
	/* Called after a commit, once per topic; any thread. Topics: "job:<id>" (its stream),
	 * "runner:<id>" (its poll), "queue". */
	void (*wake)(const char *topic, void *ctx);
	void *wake_ctx;
	unsigned lease_seconds;		    /* 0: 30 */
	unsigned operation_timeout_seconds; /* 0: 6 h */
};

struct control;
int control_new(const struct control_options *o, struct control **ret, struct error **err);
void control_free(struct control *c);

struct work {
	struct control *control;
	struct store_tx *tx;
	struct actor actor;
	int64_t now_ms;
	char **topics;		/* to wake after the commit */
	bool forgot_unassigned; /* the lease table went ahead of what is stored: without the commit
				   it is read again */
};

int work_begin(struct control *c, const struct actor *a, enum store_access access,
	       struct work **ret, struct error **err);
/* Commits, wakes, frees. */
int work_commit(struct work *w, struct error **err);
void work_rollback(struct work *w);
void work_rollbackp(struct work **w); /* for _cleanup_ */
void work_wake_after(struct work *w, const char *topic);
