/* The inside of a job's view; for render*.c only. */
#pragma once

#include "base/hashmap.h"
#include "cli/render.h"
#include "cli/style.h"

#define TAIL_LINES 20

struct row {
	char *address, *action;
	enum { ROW_PLANNED, ROW_STARTED, ROW_DONE, ROW_FAILED } phase;
	uint64_t started_ms;
};

struct rows {
	struct row *items;
	size_t count;
};

struct operation_view {
	enum status status;
	enum result result;
	uint64_t started_ms;
	bool shown; /* its last line was */
};

struct job_view {
	char *id, *label;
	enum job_operation job_operation;
	struct render_options o;

	enum status status;
	enum result result;
	char *reason, *error_code, *error_message;
	uint64_t now_ms;     /* of the newest event */
	uint64_t since_ms;   /* when the present status began */
	uint64_t running_ms; /* without waiting */
	bool ran;

	struct operation_view operations[_OPERATION_MAX];
	enum operation current;
	struct rows plan; /* what is planned, and how far it is */
	struct rows drifted;
	struct hashmap *refreshed; /* addresses; to see drift is to read them again */
	bool plan_shown;
	int64_t drift;		     /* -1: not known */
	struct hashmap *diffs;	     /* address -> json_t */
	struct hashmap *drift_diffs; /* the same */
	json_t *counts;		     /* of the change, else of the plan */
	bool counts_are_done;	     /* and not only planned */
	json_t *outputs;
	char *tail[TAIL_LINES]; /* a ring of log lines of the current operation */
	size_t n_tail;
	bool diagnosed; /* an error was shown */
};

/* Begins a line: time and label. */
void view_begin(const struct job_view *v, struct strbuf *out);
const char *action_symbol(const char *action);
enum style action_style(const char *action);
/* "connection_limit 20 → 50"; caller frees; NULL when nothing is known. */
char *diff_inline(const json_t *diff);
/* A line for each changed attribute. */
void diff_block(const struct job_view *v, const json_t *diff, struct strbuf *out);
/* Rows with their changes, each a line. */
void rows_show(const struct job_view *v, const struct rows *rows, const struct hashmap *diffs,
	       const char *note, struct strbuf *out);
void diagnostic_show(struct job_view *v, const json_t *payload, struct strbuf *out);
void outputs_show(const struct job_view *v, struct strbuf *out);
/* "1 created, 2 updated" or, for a plan, "1 to create, 2 to update"; appends "no changes" when
 * there are none. */
void counts_add(struct strbuf *out, const json_t *counts, bool planned);
