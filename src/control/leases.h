/*
 * The deadlines of leases, in memory only: monotonic, and granted anew in full by a server that starts. A runner's leases last as
 * long as one of its polls is connected, and lease_seconds from then. Thread-safe; takes no transaction. Private to control/.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"

int lease_table_new(struct control *c, struct lease_table **ret, struct error **err);
void lease_table_free(struct lease_table *t);
