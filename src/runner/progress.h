/*
 * What an attempt's output has said so far, and the making of events from its
 * lines. Saved with each report as the cursor, so that a runner that starts, or
 * lost an answer, goes on in the middle.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engines/engine.h"
#include "runner/batch.h"
#include "runner/mask.h"
#include "runner/tail.h"

/* Of log text, for one attempt. */
#define LOG_MAX_BYTES ((uint64_t)100 << 20)

struct progress {
	/* Set once, from the grant. */
	const struct engine *engine;
	const struct masker *masker;
	enum engine_command command;
	enum operation operation; /* moves on from refresh to preview */
	bool fused;		  /* it may */
	bool drift_is_final;	  /* a preview job: drift is only told, planning goes on */

	/* The cursor. */
	uint32_t refreshes_started, refreshes_complete;
	uint32_t drift;
	uint32_t replaces_planned;
	struct engine_counts planned, applied;
	bool outputs_change, applied_summary;
	uint64_t log_bytes;
	bool log_full;
	bool skip_stdout, skip_stderr; /* in the middle of a line that was cut */
	uint32_t diffs_sent;
	bool diffs_done, notes_sent;
	bool provider_lost;
	json_t *errors; /* [{summary, detail}], the first few */

	struct engine_line line; /* scratch */
	struct strbuf masked;
};

void progress_init(struct progress *progress);
void progress_release(struct progress *progress);

/* A new reference. */
json_t *progress_to_cursor(const struct progress *progress);
void progress_from_cursor(struct progress *progress, const json_t *cursor);

void progress_add_line(struct progress *progress, const char *stream, const struct tail_line *line,
		       struct batch *batch);
/* The command succeeded: whatever it read, it has read. */
void progress_reading_done(struct progress *progress, struct batch *batch);
void progress_add_error(struct progress *progress, const char *summary, const char *detail);
/* One that explains the others: it comes first. */
void progress_lead_error(struct progress *progress, const char *summary, const char *detail);
/* Counts of changes so far: planned ones, or applied ones in an apply. */
struct engine_counts progress_counts(const struct progress *progress);
