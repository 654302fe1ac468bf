/*
 * Which process the embedded runner is and what it was told, kept in its folder for the
 * next server. A pid is only believed together with its start time and the boot that it is of.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

int embedded_record_write(const char *path, pid_t pid, const char *url, const char *work_root,
			  struct error **err);
/* Ends (SIGTERM) the recorded runner when it was told of another address, which never reaches this
 * server, or of another work root, which means that the data folder was moved. True when it did.
 * Jobs of the runner go on, its successor finds them. */
bool embedded_record_end_stray(const char *path, const char *url, const char *work_root);
