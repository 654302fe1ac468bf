/* What /proc tells about processes. Functions return -errno; -ESRCH: no such process. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

/* 36 characters and a NUL. */
#define BOOT_ID_SIZE 37

/* Names this boot; with a start time it makes a pid unique. */
int boot_id(char ret[BOOT_ID_SIZE]);

/* Field 22 of /proc/<pid>/stat: clock ticks since boot. */
int process_starttime(pid_t pid, uint64_t *ret);

/*
 * Calls back for every process that fits; a callback's non-zero answer stops
 * the scan and is returned. Zombies are left out. A scan is no snapshot:
 * repeat until it finds nothing.
 */
typedef int process_callback(pid_t pid, void *userdata);

int process_session_members(pid_t session, process_callback *callback, void *userdata);
/* What follows "KEY=" (or any prefix of an entry) in its initial environment; -ENOENT when there is
 * no such entry, -EACCES when it is not ours to read. The caller frees *ret. */
int process_environ_get(pid_t pid, const char *prefix, char **ret);
/* Is "KEY=VALUE" in its initial environment? 1, 0, -EACCES when it is not ours. */
int process_environ_has(pid_t pid, const char *entry);
/* Processes whose environment we may not read do not count as having it. */
int process_environ_members(const char *entry, process_callback *callback, void *userdata);
