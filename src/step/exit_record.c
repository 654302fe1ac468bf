/* Writes the record that tells an ended command from one of which nothing is known. */
#include "step/exit_record.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fdutil.h"

static int put(int dir_fd, const char *text, size_t size, int *ret_fd)
{
	_cleanup_close_ int fd =
		openat(dir_fd, ".exit.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, text, size);
	if (r == 0 && renameat(dir_fd, ".exit.json", dir_fd, "exit.json") < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int exit_record_write(const struct exit_record *record, int dir_fd, int memfd, int *ret_fd)
{
	json_t *root = json_pack(
		"{s:i s:i s:I s:I s:I s:I s:I s:b s:b s:b s:b}", "exitCode", record->exit_code,
		"signal", record->signal, "startedMs", (json_int_t)record->started_ms, "endedMs",
		(json_int_t)record->ended_ms, "maxRssKb", (json_int_t)record->max_rss_kb, "userMs",
		(json_int_t)record->user_ms, "systemMs", (json_int_t)record->system_ms, "timedOut",
		record->timed_out, "interrupted", record->interrupted, "killed", record->killed,
		"flooded", record->flooded);
	if (record->error)
		json_object_set_new(root, "error", json_string(record->error));
	_cleanup_free_ char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		out_of_memory();

	if (memfd >= 0)
		(void)write_all(memfd, text, strlen(text));
	return put(dir_fd, text, strlen(text), ret_fd);
}

int exit_record_sync(int dir_fd, int fd)
{
	return fd < 0 || fsync(fd) < 0 || fsync(dir_fd) < 0 ? -errno : 0;
}
