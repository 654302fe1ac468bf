/* Rules about flow control policies. */
#include "lifecycle/flow_control.h"

#include <stddef.h>

const char *flow_control_check(const struct flow_control *flow)
{
	if (flow->pause_between_preview_and_update_or_destroy &&
	    !flow->preview_before_update_or_destroy)
		return "pauseBetweenPreviewAndUpdateOrDestroy needs previewBeforeUpdateOrDestroy: "
		       "without a preview there is nothing to approve";
	return NULL;
}
