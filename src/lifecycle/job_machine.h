/*
 * The life of a stack job as one table: phase x event -> what happens, or why it is refused. Pure:
 * the services of control/ make a view of what is stored, ask, and store the changed view and the
 * effects in one transaction.
 */
#pragma once

#include <stdbool.h>

#include "model/enums.h"

/* How often one operation may end without a known outcome (or with its runner) before the job
 * fails. */
#define JOB_MAX_TRIES 3
/* The same when the system killed its engine: where memory is short, one more try is enough. */
#define JOB_MAX_TRIES_KILLED 2

enum job_phase {
	JOB_PHASE_QUEUED,
	JOB_PHASE_PAUSED_BEFORE_START,
	JOB_PHASE_UNASSIGNED, /* running, but in no runner's hands: resumed, or its runner was lost
			       */
	JOB_PHASE_READING,    /* init, refresh or preview is in a runner's hands */
	JOB_PHASE_STOPPING,   /* the same, and what follows is cancelled */
	JOB_PHASE_CHANGING,   /* apply or destroy is in a runner's hands */
	JOB_PHASE_PAUSED_BEFORE_CHANGE,
	JOB_PHASE_COMPLETED,
	_JOB_PHASE_MAX,
	_JOB_PHASE_INVALID = -1,
};

enum job_event_type {
	JOB_EVENT_DISPATCHED,	       /* a runner takes it */
	JOB_EVENT_PAUSED_BEFORE_START, /* its policy says isManual */
	JOB_EVENT_PREFLIGHT_FAILED,    /* error_code, error_message */
	JOB_EVENT_LAUNCH_REFUSED,    /* the next engine may not start: error_code, error_message */
	JOB_EVENT_OPERATION_STARTED, /* operation, as in all below */
	JOB_EVENT_OPERATION_SPLIT, /* it succeeded and the same engine process goes on with the next
				    */
	JOB_EVENT_OPERATION_CONTINUES, /* its process ended, another of the same operation follows
					*/
	JOB_EVENT_OPERATION_SUCCEEDED,
	JOB_EVENT_OPERATION_FAILED,
	JOB_EVENT_OPERATION_INTERRUPTED, /* the engine ended because it was told to */
	JOB_EVENT_OPERATION_UNKNOWN,	 /* the engine is gone and left no exit record; or, killed
					    while reading, by somebody else */
	JOB_EVENT_LEASE_EXPIRED,	 /* nothing was heard of the runner */
	JOB_EVENT_RUNNER_LOST, /* the runner says that it does not have it, or an admin gave it up
				*/
	JOB_EVENT_CANCEL,
	JOB_EVENT_FORCE_CANCEL,
	JOB_EVENT_RESUME,
	_JOB_EVENT_MAX,
	_JOB_EVENT_INVALID = -1,
};

enum job_pause {
	JOB_PAUSE_NONE,
	JOB_PAUSE_BEFORE_START,
	JOB_PAUSE_BEFORE_CHANGE,
};

struct operation_view {
	bool included; /* an operation of this job that its policy does not leave out */
	enum status status;
	enum result result;
	int lost; /* attempts of it so far that ended with no outcome known */
};

struct job_view {
	enum job_operation operation;
	enum status status;
	enum result result;
	bool assigned;		  /* in a runner's hands */
	enum job_pause pause;	  /* while awaiting approval */
	bool pause_before_change; /* its policy pauses there */
	bool approved_start, approved_change;
	bool cancel_requested, force_requested;
	struct operation_view operations[_OPERATION_MAX];
};

struct job_event {
	enum job_event_type type;
	enum operation operation;
	const char *error_code, *error_message; /* borrowed */
	bool killed; /* a signal ended the engine: what it did last, it could not say or save */
};

enum job_effect {
	JOB_EFFECT_STATUS = 1 << 0,    /* status or result of the job changed */
	JOB_EFFECT_GRANT = 1 << 1,     /* grant_operation may be launched by who holds the job */
	JOB_EFFECT_RELEASE = 1 << 2,   /* the runner's hold of the job ends */
	JOB_EFFECT_INTERRUPT = 1 << 3, /* the engine is to be sent its graceful interrupt */
	JOB_EFFECT_FINISHED = 1 << 4,  /* the job is completed */
	JOB_EFFECT_HOLD = 1 << 5,     /* its engine may live and change things: hold the resource */
	JOB_EFFECT_EVIDENCE = 1 << 6, /* a change ended in the dark: look at what was reported */
	JOB_EFFECT_STATE_FRESH = 1 << 7, /* the state was synchronised by an explicit refresh */
};

struct job_effects {
	unsigned flags;
	unsigned changed; /* operations whose status or result changed: bit (1 << operation) */
	enum operation grant_operation;
	const char *error_code; /* why the job failed; NULL when it did not */
	const char
		*error_message; /* static or the event's; NULL: the operation's own errors say it */
};

enum job_phase job_phase_of(const struct job_view *view);
/* The first of its operations that is not completed; _OPERATION_INVALID when there is none. */
enum operation job_next_operation(const struct job_view *view);

/*
 * 0, view changed and *ret filled; or a negative number, nothing touched but *ret_refusal: a static
 * text that says why, beginning with "the job ...".
 */
int job_machine_step(struct job_view *view, const struct job_event *event, struct job_effects *ret,
		     const char **ret_refusal);
