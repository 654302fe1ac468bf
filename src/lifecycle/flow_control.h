/* Rules about flow control policies; their shape and defaults are the model's (manifest.h). Pure.
 */
#pragma once

#include "model/manifest.h"

/* NULL when the policy makes sense, else why it does not. */
const char *flow_control_check(const struct flow_control *flow);
