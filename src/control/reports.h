/* What runners report of their engines, made into events. Private to control/. */
#pragma once

#include <jansson.h>

#include "control/jobs_state.h"

#define REPORT_MAX_LOG_BYTES ((size_t)16 << 20)
#define REPORT_MAX_EVENTS    20000
#define REPORT_MAX_LINES     200000
#define REPORT_MAX_PAYLOAD   ((size_t)4 << 20) /* of one event */
#define REPORT_MAX_CURSOR    ((size_t)1 << 20)
#define REPORT_MAX_ERRORS \
	((size_t)256 << 10) /* errors of an operation, facts of an attempt: each */

/* Stores the events of one report. logs: the raw bytes of all its lines. */
int report_store_events(struct work *w, struct job_state *s, const struct attempt_row *attempt,
			const json_t *events, const void *logs, size_t logs_len,
			struct error **err);
