/*
 * How an engine command ended. exit.json:
 *     {"exitCode": 0, "signal": 0, "startedMs": .., "endedMs": .., "maxRssKb": ..,
 *      "userMs": .., "systemMs": .., "timedOut": false, "interrupted": false,
 *      "killed": false, "flooded": false, "error": "exec /usr/bin/tofu: No such file or directory"}
 * flooded: its output passed its limit.
 * signal is not 0 when a signal ended it; error is there when it never ran.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct exit_record {
	int exit_code, signal;
	uint64_t started_ms, ended_ms; /* realtime */
	uint64_t max_rss_kb, user_ms, system_ms;
	bool timed_out, interrupted, killed, flooded;
	const char *error; /* borrowed; NULL when the engine ran */
};

/*
 * To the memfd first, then into the folder, whole or not there at all: whoever
 * waits for it goes on at once. -errno of the folder's write; the folder may be
 * gone. The caller closes *ret_fd.
 */
int exit_record_write(const struct exit_record *record, int dir_fd, int memfd, int *ret_fd);
/* Makes it outlast a power cut, while nobody waits any more. A record that is cut off counts as
 * none. */
int exit_record_sync(int dir_fd, int fd);
