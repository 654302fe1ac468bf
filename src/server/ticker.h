/* The server's own clock: a thread that lets leases and approvals expire, and forgets old answers.
 */
#pragma once

#include "control/work.h"

struct ticker;

int ticker_start(struct control *c, struct store *store, struct ticker **ret, struct error **err);
/* Lets a running turn finish. */
void ticker_stop(struct ticker *t);
