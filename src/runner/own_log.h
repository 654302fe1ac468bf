/* The log of a runner that a server started: <runner dir>/log, which is its stderr. */
#pragma once

/* When it has grown past 16 MiB, it becomes log.old (in the place of the last one), and a new one
 * begins. Nothing when stderr is something else. */
void own_log_bound(const char *dir);
