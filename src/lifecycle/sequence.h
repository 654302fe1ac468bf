/* Which engine operations a job has, in order, and where it waits for a person. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model/enums.h"
#include "model/manifest.h"

#define SEQUENCE_MAX 4

struct sequence {
	enum operation all[SEQUENCE_MAX]; /* of the job's kind, those that the policy leaves out
					     included */
	size_t n_all;
	enum operation run[SEQUENCE_MAX]; /* without those */
	size_t n_run;
	unsigned left_out; /* bit (1 << operation) */
	bool pause_before_start;
	bool pause_before_change; /* between preview and apply or destroy */
};

/* flow must be valid (flow_control_check()). An explicit refresh refreshes and an explicit preview
 * previews whatever it says. */
struct sequence sequence_of(enum job_operation operation, const struct flow_control *flow);

/* Apply and destroy change infrastructure; they are never tried again by themselves. */
bool operation_is_change(enum operation operation);
