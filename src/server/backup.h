/* `planton server backup` and `planton server restore`. Both return the exit code. */
#pragma once

#include "server/options.h"

int server_backup(const struct server_options *o, struct error **err);
int server_restore(const struct server_options *o, struct error **err);
