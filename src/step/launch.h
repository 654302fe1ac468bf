/*
 * What a step is asked to run. As JSON:
 *     {"argv": [..], "env": ["K=V", ..], "cwd": "..",
 *      "providers": [{"path": "..", "ahead": 3}],
 *      "timeoutMs": 0, "graceMs": 30000, "sync": false,
 *      "limits": {"fileBytes": 0, "outputBytes": 0},
 *      "sandbox": {"read": [".."], "write": [".."]} | null}
 * argv[0] is an absolute path. A number of 0 sets no limit. providers are there
 * instead of argv for a pool (pool.h); ahead is how many start at once. In one entry
 * of env the text "<engine pid>", with its quotes, becomes the engine's own number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define LAUNCH_ENGINE_PID "\"<engine pid>\""

struct launch_provider {
	char *path;
	unsigned ahead;
};

struct launch {
	char **argv, **env;
	char *cwd;
	struct launch_provider *providers;
	size_t n_providers;
	uint64_t timeout_ms; /* then SIGINT; graceMs later SIGKILL */
	uint64_t grace_ms;
	uint64_t limit_file_bytes;
	uint64_t limit_output_bytes; /* of stdout and stderr: as timeout_ms; twice as much: SIGKILL
				      */
	bool sync;		     /* the exit record is to outlast a power cut */
	char **sandbox_read, **sandbox_write; /* both NULL: no sandbox */
};

/* Reads and closes nothing; the memory that held secrets is wiped. */
int launch_read(int fd, struct launch *ret, struct error **err);
void launch_release(struct launch *launch);
#define _cleanup_launch_ _cleanup_(launch_release)
