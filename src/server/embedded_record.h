/*
 * Which process the embedded runner is and which server it was told of, kept in its folder for the
 * next server. A pid is only believed together with its start time and the boot that it is of.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

int embedded_record_write(const char *path, pid_t pid, const char *url, struct error **err);
/* Ends (SIGTERM) the recorded runner when it was told of another address than url: it would never
 * reach this server. True when it did. Jobs of the runner go on, its successor finds them. */
bool embedded_record_end_stray(const char *path, const char *url);
