/* Writes the record that tells an ended command from one of which nothing is known. */
#include "step/exit_record.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fdutil.h"
#include "base/fileutil.h"

int exit_record_write(const struct exit_record *record, int dir_fd, int memfd)
{
	json_t *root = json_pack(
		"{s:i s:i s:I s:I s:I s:I s:I s:b s:b s:b}", "exitCode", record->exit_code,
		"signal", record->signal, "startedMs", (json_int_t)record->started_ms, "endedMs",
		(json_int_t)record->ended_ms, "maxRssKb", (json_int_t)record->max_rss_kb, "userMs",
		(json_int_t)record->user_ms, "systemMs", (json_int_t)record->system_ms, "timedOut",
		record->timed_out, "interrupted", record->interrupted, "killed", record->killed);
	if (record->error)
		json_object_set_new(root, "error", json_string(record->error));
	_cleanup_free_ char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (!text)
		out_of_memory();

	if (memfd >= 0)
		(void)write_all(memfd, text, strlen(text));
	return write_file_atomic_at(dir_fd, "exit.json", text, strlen(text), 0600);
}
