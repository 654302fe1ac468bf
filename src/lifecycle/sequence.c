/* The sequences of operations. */
#include "lifecycle/sequence.h"

static const struct {
	enum operation operations[SEQUENCE_MAX];
	size_t count;
} sequences[_JOB_OPERATION_MAX] = {
	[JOB_REFRESH] = {{OPERATION_INIT, OPERATION_REFRESH}, 2},
	[JOB_PREVIEW] = {{OPERATION_INIT, OPERATION_REFRESH, OPERATION_PREVIEW}, 3},
	[JOB_UPDATE] = {{OPERATION_INIT, OPERATION_REFRESH, OPERATION_PREVIEW, OPERATION_APPLY}, 4},
	[JOB_DESTROY] = {{OPERATION_INIT, OPERATION_REFRESH, OPERATION_PREVIEW, OPERATION_DESTROY},
			 4},
};

bool operation_is_change(enum operation operation)
{
	return operation == OPERATION_APPLY || operation == OPERATION_DESTROY;
}

static bool is_left_out(enum job_operation job, enum operation operation,
			const struct flow_control *flow)
{
	if (operation == OPERATION_REFRESH)
		return flow->skip_refresh && job != JOB_REFRESH;
	if (operation == OPERATION_PREVIEW)
		return !flow->preview_before_update_or_destroy && job != JOB_PREVIEW;
	return false;
}

struct sequence sequence_of(enum job_operation operation, const struct flow_control *flow)
{
	struct sequence s = {.pause_before_start = flow->is_manual};
	for (size_t i = 0; i < sequences[operation].count; i++) {
		enum operation o = sequences[operation].operations[i];
		s.all[s.n_all++] = o;
		if (is_left_out(operation, o, flow))
			s.left_out |= 1U << o;
		else
			s.run[s.n_run++] = o;
		if (operation_is_change(o))
			s.pause_before_change = flow->pause_between_preview_and_update_or_destroy;
	}
	return s;
}
