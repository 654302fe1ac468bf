/*
 * The server's half of the runner protocol (docs/protocol.md, /runner/v1): leases, grants, reports,
 * lost runners, evidence. Only epochs persist; deadlines are monotonic and in memory, and a server
 * that starts grants every lease its full time again.
 */
#pragma once

#include <jansson.h>

#include "control/work.h"

/* body as in the protocol. *ret_answer: {runnerId, key?, leaseSeconds}; key only when newly made.
 */
int runner_register(struct work *w, const json_t *body, json_t **ret_answer, struct error **err);

/* What the poll of w->actor.runner_id has to hear now. *ret_answer NULL: nothing yet (park on
 * "runner:<id>" and "queue", at most until the poll's deadline; then ask with last_try, which
 * always answers). first: the poll has just arrived, so `held` counts. A write transaction; commit
 * whatever the answer, for jobs may have moved without one. */
int runner_poll(struct work *w, const json_t *body, bool first, bool last_try, json_t **ret_answer,
		struct error **err);
/* A connected poll keeps the runner's leases alive; its end starts their countdown. Any thread, no
 * transaction. */
void runner_poll_began(struct control *c, const char *runner_id);
void runner_poll_ended(struct control *c, const char *runner_id);

/* header: the JSON line; logs: the raw bytes behind it. */
int runner_report(struct work *w, const char *job_id, const json_t *header, const void *logs,
		  size_t logs_len, json_t **ret_answer, struct error **err);
int runner_artifact_put(struct work *w, const char *job_id, const char *name, int64_t epoch,
			const char *digest, const void *bytes, size_t len, struct error **err);
int runner_artifact_get(struct work *w, const char *job_id, const char *name, int64_t epoch,
			char **ret_digest, void **ret_bytes, size_t *ret_len, struct error **err);
int runner_evidence(struct work *w, const char *job_id, const json_t *body, struct error **err);

/* Ends what it holds; confirm false: ERROR_CONFLICT that says what is at stake. */
int runner_abandon(struct work *w, const char *runner_id, const char *reason, bool confirm,
		   struct error **err);
json_t *runner_render(struct work *w, const struct runner_row *r);
/* Why it has no engine, in its own words, and so gets no jobs; NULL when it has one. Caller frees.
 */
char *runner_engine_problem(const struct runner_row *r);

/* Expires leases whose deadline has passed, and takes jobs out of the queue that need no runner for
 * it (failing preflights, manual starts). Called about every second from a worker. */
int runners_tick(struct control *c, struct error **err);
/* The server wants its embedded runner replaced (another version): the next poll of that runner is
 * answered with exit. */
void runner_request_exit(struct control *c, const char *runner_id);
