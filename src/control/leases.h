/*
 * The deadlines of leases, in memory only: monotonic, and granted anew in full by a server that
 * starts. A runner's leases last as long as one of its polls is connected, and lease_seconds from
 * then. Thread-safe; takes no transaction. Private to control/.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"

int lease_table_new(struct control *c, struct lease_table **ret, struct error **err);
void lease_table_free(struct lease_table *t);

void lease_poll_began(struct lease_table *t, const char *runner_id);
void lease_poll_ended(struct lease_table *t, const char *runner_id);
/* Something was heard of the runner. */
void lease_touch(struct lease_table *t, const char *runner_id);
/* A runner that is known from the store gets a full lease, unless it has one. */
void lease_know(struct lease_table *t, const char *runner_id);
/* Runners whose time has passed, each once until it is heard of again. Caller frees with
 * strv_free(). */
char **lease_take_expired(struct lease_table *t);
/* Its expiry could not be stored: tell it again. */
void lease_retry(struct lease_table *t, const char *runner_id);
/* Who is connected, or was within lease_seconds? */
bool lease_is_live(struct lease_table *t, const char *runner_id);

/* True once every few seconds for the same key: what is repeated until it is obeyed must not make
 * polls spin. */
bool lease_directive_due(struct lease_table *t, const char *key);

void lease_request_exit(struct lease_table *t, const char *runner_id);
/* True once after each request. */
bool lease_take_exit(struct lease_table *t, const char *runner_id);

/*
 * Jobs that run and are in nobody's hands. A hint: a name may be here that is not (any more) such a
 * job, never the other way round, once loaded from the store after a start.
 */
void lease_unassigned_add(struct lease_table *t, const char *job_id);
void lease_unassigned_remove(struct lease_table *t, const char *job_id);
/* In order of id, which is that of creation. Caller frees with strv_free(). */
char **lease_unassigned(struct lease_table *t);
/* True for the first caller, who loads from the store what the table has to know. */
bool lease_claim_loading(struct lease_table *t);
/* The loading failed: somebody else has to. */
void lease_unclaim_loading(struct lease_table *t);

/*
 * What kept a job from being handed out or taken back, so that it keeps no other job from it: what
 * was done for it was undone, and the next try passes it over for a while or, when the fault is the
 * job's own, fails it.
 */
void lease_fault_put(struct lease_table *t, const char *job_id, const char *why, bool its_own);
/* 0: none. 1: to be passed over for now. 2: to be failed with *ret_why, which the caller frees. */
int lease_fault_get(struct lease_table *t, const char *job_id, char **ret_why);
/* For people; NULL when there is none. Caller frees. */
char *lease_fault_describe(struct lease_table *t, const char *job_id);
void lease_fault_forget(struct lease_table *t, const char *job_id);

/* Where the look for jobs that need no runner goes on. */
int64_t lease_sweep_cursor(struct lease_table *t);
void lease_set_sweep_cursor(struct lease_table *t, int64_t number);
