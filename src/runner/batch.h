/* What one report carries: events, and the raw bytes of log lines. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "model/enums.h"

#define BATCH_MAX_LINES 4096
#define BATCH_MAX_BYTES ((size_t)1 << 20)

struct batch {
	json_t *events;
	struct strbuf bytes;
	json_t *log; /* the event that the next line may join; borrowed from events */
	enum operation log_operation;
	const char *log_stream; /* static */
	size_t lines, event_bytes;
};

void batch_init(struct batch *batch);
void batch_release(struct batch *batch);
void batch_reset(struct batch *batch);
bool batch_is_empty(const struct batch *batch);
/* No more should be added; what was added last may have passed the limits. */
bool batch_is_full(const struct batch *batch);

/* stream: "stdout" or "stderr". */
void batch_add_line(struct batch *batch, enum operation operation, const char *stream,
		    const char *line, size_t size, bool cut);
/* Steals payload. */
void batch_add_event(struct batch *batch, enum event_type type, enum operation operation,
		     json_t *payload);
void batch_add_operation_begin(struct batch *batch, enum operation operation);
/* Steals summary. */
void batch_add_operation_end(struct batch *batch, enum operation operation, const char *result,
			     json_t *summary, uint32_t drift);
