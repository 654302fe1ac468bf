/* One run of one engine command, from its launch to the server's answer to its end. */
#pragma once

#include <jansson.h>

#include "base/digest.h"
#include "runner/job.h"
#include "runner/launch.h"
#include "runner/progress.h"
#include "runner/report.h"
#include "runner/tail.h"

struct attempt {
	struct job *job;
	const struct grant *grant;
	const struct engine_install *install; /* NULL: there is none for this module */
	const struct engine_install *ran;     /* what was launched, or would be */
	enum engine_command command;
	struct process process;
	struct tail out, errors;
	struct progress progress;
	struct batch batch;
	uint64_t acked_stdout, acked_stderr;
	uint64_t started_ms; /* realtime */
	bool started_told, reused, interrupt_sent;
	bool found;    /* an earlier runner launched it */
	bool orphan;   /* the step is gone, but not all that it started */
	bool ended;    /* nothing of it is alive */
	char *refusal; /* why the server took a report as little as it ever will: no more of the
			  output is told */
	struct error *failure; /* why the engine was not started, or what failed after it */
	char init_key[DIGEST_HEX_SIZE];
	struct strbuf notes; /* lines for the log that are not in the output files */
	char *plan_json;     /* mapped */
	size_t plan_json_size;
	struct auxiliary variables; /* beside init */
};

enum attempt_outcome {
	ATTEMPT_NEXT,	  /* *ret_grant is the next one */
	ATTEMPT_RELEASED, /* the server has taken the job back */
	ATTEMPT_LOST,	  /* the lease is over; the engine has ended */
};

/* Runs the job's current grant. */
enum attempt_outcome attempt_run(struct job *job, json_t **ret_grant);

/*
 * Sends what the batch holds, with ended (borrowed, or NULL). RESYNC was dealt
 * with: tails and progress are where the server is.
 */
enum report_status attempt_report(struct attempt *attempt, json_t *ended,
				  struct report_answer *ret);
/* true: the process is to end. Also sees to interrupts meanwhile. */
bool attempt_pause(unsigned milliseconds, void *userdata);
