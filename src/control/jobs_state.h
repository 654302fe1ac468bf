/*
 * One job as the rules see it, with its operations and attempts; and the one way in which it
 * changes: an event, put to the job machine of lifecycle, whose answer becomes rows and events of
 * this transaction. Private to control/.
 */
#pragma once

#include <jansson.h>

#include "control/resources.h"
#include "lifecycle/job_machine.h"
#include "lifecycle/queue.h"
#include "lifecycle/sequence.h"

struct job_state {
	struct job_row row;
	struct job_view view;
	struct sequence sequence;
	struct operation_row *operations; /* all of its kind, in order */
	size_t n_operations;
	struct attempt_row *attempts; /* in order of epoch */
	size_t n_attempts;
	json_t *essentials;	   /* NULL before it left the queue */
	json_t *pause;		   /* NULL: it never waited */
	enum status stored_status; /* what the store has: for compare-and-set */
	int64_t stored_epoch;
};
void job_state_release(struct job_state *s);
#define _cleanup_job_state_ _cleanup_(job_state_release)

int job_state_load(struct work *w, const char *id, struct job_state *ret, struct error **err);
/* Writes the row; row.pause and row.essentials follow s->pause and s->essentials. */
int job_state_store(struct work *w, struct job_state *s, struct error **err);

/* What goes with an event. All borrowed; zero means nothing. */
struct job_step {
	struct job_event event;
	int64_t time_ms;       /* 0: now */
	const json_t *errors;  /* of the operation: [{summary, detail}] */
	const json_t *summary; /* its counts */
	const int64_t *drift;  /* NULL: not known */
	int attempt;	       /* number to show */
	bool reused;
	const char *reason; /* of a change of the job's status, for people */
};
/* ERROR_CONFLICT when the machine refuses. */
int job_state_step(struct work *w, struct job_state *s, const struct job_step *step,
		   struct job_effects *ret, struct error **err);

/* Takes the essentials into use: what its policy leaves out is skipped. Steals essentials. */
int job_state_set_essentials(struct work *w, struct job_state *s, json_t *essentials,
			     struct error **err);

struct operation_row *job_state_operation(struct job_state *s, enum operation o);
/* The newest, NULL before the first. */
struct attempt_row *job_state_latest_attempt(struct job_state *s);
struct attempt_row *job_state_attempt_of_epoch(struct job_state *s, int64_t epoch);
/* Which number an attempt has for an operation that it covers (a fused plan covers two). */
int job_state_attempt_number(const struct job_state *s, enum operation o, int64_t epoch);
/* The document kept in an attempt's row: {covers[], outcome, endedIn, facts{}, report: digest of
 * the last one stored}; caller drops it. */
json_t *attempt_facts(const struct attempt_row *a);
void attempt_set_facts(struct attempt_row *a, const json_t *facts);
/* Marks the attempt that a runner had as ended without its word; attempt_was_given_up(): with the
 * outcome "lost". */
bool attempt_was_given_up(const struct attempt_row *a);
int job_state_end_attempt(struct work *w, struct job_state *s, enum result result,
			  const char *outcome, struct error **err);
/* Of the newest succeeded preview; NULL when there is none. Caller frees. */
char *job_state_plan_digest(const struct job_state *s);
/* {"versionId", "serial", "lineage"} of the newest state version, {} when there is none. */
int job_state_position(struct work *w, const struct job_state *s, json_t **ret, struct error **err);
/* Has the state moved since the job's pause? */
int job_state_has_moved(struct work *w, const struct job_state *s, bool *ret, struct error **err);

int job_event(struct work *w, const char *job_id, enum event_type type, enum operation o,
	      int64_t time_ms, const json_t *payload, struct error **err);

/* Everything that a completed job leaves to do: outputs, the resource's status, artifacts, lock,
 * wakes. Part of job_state_step(). */
int job_finish(struct work *w, struct job_state *s, struct error **err);

/* The hold of a resource; strings point into *ret_document, which the caller drops. */
int job_hold_of(struct work *w, const char *resource_id, struct hold *ret, json_t **ret_document,
		struct error **err);
/* May it start now? Strings of *ret are valid as long as *s and until the next call frees
 * ret_blocker. */
int job_queue_verdict(struct work *w, const struct job_row *row, struct queue_verdict *ret,
		      char **ret_blocker, struct error **err);

/* Calls fn for each job of the filter, a page at a time, until it fails; fn may change that job. */
int job_foreach(struct work *w, const struct job_filter *f,
		int (*fn)(struct work *w, const struct job_row *row, void *ctx, struct error **err),
		void *ctx, struct error **err);

json_t *json_of_text(const char *text); /* {} for NULL or nonsense */
