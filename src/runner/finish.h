/* What an attempt's end means, and the work that belongs to it. */
#pragma once

#include "runner/attempt.h"

/*
 * The `ended` of the last report. Does what follows a success (digest, diffs,
 * pack, init cache) and sends diffs meanwhile: *ret_status LOST when the lease
 * was found to be over. The caller decrefs.
 */
json_t *finish(struct attempt *attempt, enum report_status *ret_status);
