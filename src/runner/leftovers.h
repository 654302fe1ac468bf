/*
 * Processes of a launch whose step is gone. The engine among them is left to
 * end by itself (it may be writing state); plugins that outlive it are killed.
 */
#pragma once

#include <stdbool.h>

/*
 * Is anything of this launch alive? Found by PLANTON_LAUNCH in its environment
 * or by its hold on the folder's live file (dir_fd may be -1). Kills what is not
 * the engine once the engine is gone: call it again until it says no.
 */
bool leftovers_alive(const char *launch_name, const char *engine_path, int dir_fd);
/* One graceful interrupt to the engine itself, if it lives. */
void leftovers_interrupt(const char *launch_name, const char *engine_path);
