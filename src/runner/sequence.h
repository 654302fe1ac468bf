/*
 * Which engine commands an operation is made of. Pure: the server says which
 * operation comes, this says how. A plan that refreshes is both of refresh and
 * preview, as long as it finds no drift that has to be recorded first.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "engines/engine.h"
#include "runner/grant.h"

/* have_plan: the plan that the previous facts name is still in the workspace. */
enum engine_command sequence_command(const struct grant *grant, bool have_plan);
/* Whether that command may go on from refresh to preview by itself. */
bool sequence_is_fused(const struct grant *grant, enum engine_command command);
bool sequence_skips_refresh(const struct grant *grant, enum engine_command command);
bool sequence_destroys(const struct grant *grant);
/*
 * What has to follow within the same operation, after the command succeeded;
 * _ENGINE_COMMAND_INVALID: the operation is complete. drift: resources that differ.
 */
enum engine_command sequence_next(const struct grant *grant, enum engine_command command,
				  uint32_t drift);
