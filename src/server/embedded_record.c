/* The record of the embedded runner's process. */
#include "server/embedded_record.h"

#include <signal.h>
#include <string.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/proc.h"
#include "base/process.h"
#include "base/strutil.h"
#include "model/json.h"

#define RECORD_MAX 4096

int embedded_record_write(const char *path, pid_t pid, const char *url, const char *work_root,
			  struct error **err)
{
	char boot[BOOT_ID_SIZE];
	uint64_t start;
	int r = boot_id(boot);
	if (r >= 0)
		r = process_starttime(pid, &start);
	if (r >= 0) {
		_cleanup_json_ json_t *record = json_new_object();
		json_set_int(record, "pid", pid);
		json_set_int(record, "startTime", (int64_t)start);
		json_set_string(record, "bootId", boot);
		json_set_string(record, "server", url);
		json_set_string(record, "workRoot", work_root);
		_cleanup_free_ char *text = json_to_text(record, JSON_WRITE_COMPACT);
		r = write_file_atomic(path, text, strlen(text), 0600);
	}
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot write %s", path);
	return 0;
}

/* A pidfd of the recorded process, or negative when it is gone. */
static int open_recorded(const json_t *record)
{
	char boot[BOOT_ID_SIZE];
	uint64_t start;
	const char *then = json_get_str(record, "bootId");
	pid_t pid = (pid_t)json_get_int(record, "pid", 0);
	if (pid <= 0 || !then || boot_id(boot) < 0 || !streq(boot, then))
		return -1;
	_cleanup_close_ int pidfd = process_open(pid);
	if (pidfd < 0 || process_starttime(pid, &start) < 0)
		return -1;
	return (int64_t)start == json_get_int(record, "startTime", -1) ? TAKE_FD(pidfd) : -1;
}

bool embedded_record_end_stray(const char *path, const char *url, const char *work_root)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *record = NULL;
	size_t size;
	if (read_file(path, RECORD_MAX, &text, &size) < 0 ||
	    json_parse(text, size, RECORD_MAX, &record, NULL) < 0)
		return false;
	const char *server = json_get_str(record, "server"),
		   *root = json_get_str(record, "workRoot");
	if ((!server || streq(server, url)) && (!root || streq(root, work_root)))
		return false;
	_cleanup_close_ int pidfd = open_recorded(record);
	return pidfd >= 0 && process_signal(pidfd, SIGTERM) >= 0;
}
