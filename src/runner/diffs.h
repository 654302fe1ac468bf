/* The changes of a plan, resource by resource, as events. */
#pragma once

#include "runner/attempt.h"

/* Has this attempt to show the plan that it makes, or the one that it applies? */
bool diffs_after_plan(const struct attempt *attempt);
bool diffs_beside_apply(const struct attempt *attempt);
/* Has the plan that this attempt made to be shown by the apply that follows? Then it may begin now.
 */
bool diffs_for_later(const struct attempt *attempt);
/* Begins to show the plan, unless that was begun. Failure is only told to people. */
void diffs_start(struct attempt *attempt);
/* Once the plan was shown: takes its output over. Failure is only told to people. */
void diffs_take(struct attempt *attempt);
/* Sends those that the server has not; STORED when done (the last may still be in the batch). */
enum report_status diffs_send(struct attempt *attempt);
void diffs_release(struct attempt *attempt);
