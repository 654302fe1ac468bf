/* State versions at rest: sealed with the master key, each bound to its own id. Private to
 * control/. */
#pragma once

#include "control/work.h"

/* Seals bytes, completes the row (id, size, md5, times) and appends it. */
int state_version_store(struct work *w, struct state_version_row *row, const void *bytes,
			size_t len, struct error **err);
/* Opens row->sealed. The caller wipes and frees. */
int state_version_open(struct control *c, const struct state_version_row *row, char **ret_bytes,
		       size_t *ret_len, struct error **err);
