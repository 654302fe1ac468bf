/*
 * What a job's events look like as lines. A view is fed events in order and appends finished lines;
 * what is still going on is asked for separately, to be shown in a live region or once a minute in
 * a log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "model/enums.h"

struct render_options {
	bool colour;
	bool stamps; /* each line begins with its time; changes are told as they are done */
	bool logs;   /* log lines and every transition */
	bool summary, diff, outputs;
	bool many;    /* lines begin with the job's label */
	size_t width; /* columns for what is better on one line */
};

struct job_view;

/* label: "PostgresDatabase/db". operation: what the job does (_INVALID when not known). Options are
 * copied. */
struct job_view *job_view_new(const char *id, const char *label, enum job_operation operation,
			      const struct render_options *options);
void job_view_free(struct job_view *v);

void job_view_event(struct job_view *v, const json_t *event, struct strbuf *out);
/* After the last event of a completed job: result, outputs. */
void job_view_end(struct job_view *v, struct strbuf *out);
/* At most max_lines (at least 1) lines about what is going on, cut to columns; nothing once it has
 * ended. */
void job_view_live(const struct job_view *v, uint64_t now_ms, unsigned frame, size_t columns,
		   size_t max_lines, struct strbuf *out);

enum status job_view_status(const struct job_view *v);
/* Is it at a point where somebody has to take it on? */
bool job_view_is_waiting(const struct job_view *v);
const char *job_view_id(const struct job_view *v);
/* By the result, or that it awaits approval. */
enum exit_code job_view_exit(const struct job_view *v);
/* Did it plan or make any change? */
bool job_view_has_changes(const struct job_view *v);

/* The worse of two results, for jobs that are followed together. */
enum exit_code exit_code_worse(enum exit_code a, enum exit_code b);
