/* From operations to commands. */
#include "runner/sequence.h"

#include "base/strutil.h"

/* The facts of the last attempt, if it was this operation's and succeeded. */
static enum engine_command done_before(const struct grant *grant, enum operation operation)
{
	const json_t *facts = grant->previous;
	const char *of = json_string_value(json_object_get(facts, "operation"));
	const char *result = json_string_value(json_object_get(facts, "result"));

	if (!of || operation_from_string(of) != operation || !streq_null(result, "succeeded"))
		return _ENGINE_COMMAND_INVALID;
	return engine_command_from_string(json_string_value(json_object_get(facts, "command")));
}

static uint32_t drift_before(const struct grant *grant)
{
	return (uint32_t)json_integer_value(json_object_get(grant->previous, "drift"));
}

static enum engine_command refresh_command(const struct grant *grant, bool have_plan)
{
	switch (done_before(grant, OPERATION_REFRESH)) {
	case ENGINE_PLAN:
		return ENGINE_PLAN_REFRESH_ONLY;
	case ENGINE_PLAN_REFRESH_ONLY:
		return have_plan ? ENGINE_APPLY_REFRESH_ONLY : ENGINE_PLAN_REFRESH_ONLY;
	default:
		return grant->job_operation == JOB_REFRESH ? ENGINE_PLAN_REFRESH_ONLY : ENGINE_PLAN;
	}
}

static enum engine_command change_command(const struct grant *grant, bool have_plan)
{
	if (grant->plan_digest)
		return ENGINE_APPLY;
	/* No plan was shown: one of ours is made first, unless the refresh already made it. */
	if (have_plan && done_before(grant, grant->operation) == ENGINE_PLAN)
		return ENGINE_APPLY;
	if (have_plan && done_before(grant, OPERATION_REFRESH) == ENGINE_PLAN &&
	    drift_before(grant) == 0)
		return ENGINE_APPLY;
	return ENGINE_PLAN;
}

enum engine_command sequence_command(const struct grant *grant, bool have_plan)
{
	switch (grant->operation) {
	case OPERATION_INIT:
		return ENGINE_INIT;
	case OPERATION_REFRESH:
		return refresh_command(grant, have_plan);
	case OPERATION_PREVIEW:
		return ENGINE_PLAN;
	case OPERATION_APPLY:
	case OPERATION_DESTROY:
		return change_command(grant, have_plan);
	case _OPERATION_MAX:
	case _OPERATION_INVALID:
		break;
	}
	return _ENGINE_COMMAND_INVALID;
}

bool sequence_is_fused(const struct grant *grant, enum engine_command command)
{
	return grant->operation == OPERATION_REFRESH && command == ENGINE_PLAN &&
	       grant_includes(grant, OPERATION_PREVIEW);
}

bool sequence_skips_refresh(const struct grant *grant, enum engine_command command)
{
	if (command != ENGINE_PLAN || grant->operation == OPERATION_REFRESH)
		return false;
	/* A preview job never records drift, so a second plan of it has to look again. */
	return grant->job_operation != JOB_PREVIEW || !grant_includes(grant, OPERATION_REFRESH);
}

bool sequence_destroys(const struct grant *grant)
{
	return grant->job_operation == JOB_DESTROY;
}

enum engine_command sequence_next(const struct grant *grant, enum engine_command command,
				  uint32_t drift)
{
	bool changes = grant->operation == OPERATION_APPLY || grant->operation == OPERATION_DESTROY;

	if (command == ENGINE_PLAN_REFRESH_ONLY)
		return ENGINE_APPLY_REFRESH_ONLY;
	if (command == ENGINE_PLAN && grant->operation == OPERATION_REFRESH && drift > 0 &&
	    grant->job_operation != JOB_PREVIEW)
		return ENGINE_PLAN_REFRESH_ONLY;
	if (command == ENGINE_PLAN && changes)
		return ENGINE_APPLY;
	return _ENGINE_COMMAND_INVALID;
}
