/* Follows jobs to their end, together, and shows them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "cli/options.h"
#include "cli/session.h"

struct follow_job {
	char *id, *label;
	char *operation; /* of the job, or NULL */
	uint64_t after;
};

struct follow_options {
	bool follow; /* false: only what is stored */
	bool exit_on_pause;
	bool logs, summary, diff, outputs;
	const char *only; /* events of one operation, or NULL */
	bool plan_exit;	  /* succeeded with changes: exit 2 (--detailed-exitcode) */
};

/* --tail and what belongs to it. */
extern const struct option tail_options[];
extern const struct option show_options[];
extern const struct option pause_options[];
struct follow_options follow_options_of(const struct arguments *a);

/* Of a job's JSON. */
void follow_job_init(struct follow_job *job, const json_t *stack_job);
void follow_job_release(struct follow_job *job);

/* The worst result of all as an exit code; after Ctrl-C 130. Errors of the way are shown. */
int follow_jobs(struct cli *cli, const struct follow_job *jobs, size_t count,
		const struct follow_options *options);
