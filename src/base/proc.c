/* Reading /proc. */
#include "base/proc.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fileutil.h"
#include "base/parse.h"
#include "base/strutil.h"

#define STAT_MAX     (64 * 1024)
#define ENVIRON_MAX  (8 * 1024 * 1024) /* the kernel allows 6 MB */
#define EXEC_WAIT_MS 100

static int read_proc(pid_t pid, const char *name, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	int r = read_file(path, max, ret, ret_size);
	return r == -ENOENT ? -ESRCH : r;
}

int boot_id(char ret[BOOT_ID_SIZE])
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file("/proc/sys/kernel/random/boot_id", STAT_MAX, &text, &size);
	if (r < 0)
		return r;
	if (size != BOOT_ID_SIZE || text[BOOT_ID_SIZE - 1] != '\n')
		return -EBADMSG;
	memcpy(ret, text, BOOT_ID_SIZE - 1);
	ret[BOOT_ID_SIZE - 1] = '\0';
	return 0;
}

/* Fields are counted from 1, as in proc(5); the command's name may hold blanks and brackets. */
static int stat_field(const char *text, int number, const char **ret)
{
	const char *c = strrchr(text, ')');
	if (!c || c[1] != ' ')
		return -EBADMSG;
	c += 2;
	for (int field = 3; field < number; field++) {
		c = strchr(c, ' ');
		if (!c)
			return -EBADMSG;
		c++;
	}
	*ret = c;
	return 0;
}

static int stat_number(const char *text, int number, uint64_t *ret)
{
	const char *start;
	int r = stat_field(text, number, &start);
	if (r < 0)
		return r;
	_cleanup_free_ char *digits = xstrndup(start, strcspn(start, " \n"));
	return parse_u64(digits, ret) < 0 ? -EBADMSG : 0;
}

int process_starttime(pid_t pid, uint64_t *ret)
{
	_cleanup_free_ char *text = NULL;
	int r = read_proc(pid, "stat", STAT_MAX, &text, NULL);
	return r < 0 ? r : stat_number(text, 22, ret);
}

/* Calls back for every process; those that end meanwhile are the callback's affair. */
static int each_process(process_callback *callback, void *userdata)
{
	DIR *proc = opendir("/proc");
	if (!proc)
		return -errno;
	int r = 0;
	struct dirent *entry;
	while (r == 0 && (entry = readdir(proc))) {
		uint64_t pid;
		if (parse_u64(entry->d_name, &pid) == 0 && pid <= INT32_MAX)
			r = callback((pid_t)pid, userdata);
	}
	closedir(proc);
	return r;
}

struct scan {
	pid_t session;
	const char *entry;
	process_callback *callback;
	void *userdata;
};

static bool is_zombie(const char *stat_text)
{
	const char *state;
	return stat_field(stat_text, 3, &state) == 0 && (*state == 'Z' || *state == 'X');
}

static int check_session(pid_t pid, void *userdata)
{
	struct scan *scan = userdata;
	_cleanup_free_ char *text = NULL;
	uint64_t session;
	if (read_proc(pid, "stat", STAT_MAX, &text, NULL) < 0 || is_zombie(text) ||
	    stat_number(text, 6, &session) < 0 || (pid_t)session != scan->session)
		return 0;
	return scan->callback(pid, scan->userdata);
}

int process_session_members(pid_t session, process_callback *callback, void *userdata)
{
	struct scan scan = {.session = session, .callback = callback, .userdata = userdata};
	return each_process(check_session, &scan);
}

/* No memory (zombies, kernel threads), or an environment laid out and empty. */
static bool has_no_environ(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	uint64_t memory;
	uint64_t start;
	uint64_t end;
	if (read_proc(pid, "stat", STAT_MAX, &text, NULL) < 0 ||
	    stat_number(text, 23, &memory) < 0 || stat_number(text, 50, &start) < 0 ||
	    stat_number(text, 51, &end) < 0)
		return true;
	return memory == 0 || (end != 0 && start == end);
}

/*
 * The kernel lets posix_spawn() return when the new image has its memory, an
 * instant before it has its environment.
 */
static int read_environ(pid_t pid, char **ret, size_t *ret_size)
{
	for (int attempt = 0;; attempt++) {
		_cleanup_free_ char *text = NULL;
		size_t size;
		int r = read_proc(pid, "environ", ENVIRON_MAX, &text, &size);
		if (r < 0)
			return r;
		if (size > 0 || attempt == EXEC_WAIT_MS || has_no_environ(pid)) {
			*ret = TAKE_PTR(text);
			*ret_size = size;
			return 0;
		}
		usleep(1000);
	}
}

int process_environ_get(pid_t pid, const char *prefix, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_environ(pid, &text, &size);
	if (r < 0)
		return r;
	for (const char *c = text; c < text + size; c += strlen(c) + 1) {
		const char *rest = startswith(c, prefix);
		if (!rest)
			continue;
		*ret = xstrdup(rest);
		return 0;
	}
	return -ENOENT;
}

int process_environ_has(pid_t pid, const char *entry)
{
	_cleanup_free_ char *rest = NULL;
	int r = process_environ_get(pid, entry, &rest);
	return r == -ENOENT ? 0 : r < 0 ? r : !*rest;
}

static int check_environ(pid_t pid, void *userdata)
{
	struct scan *scan = userdata;
	return process_environ_has(pid, scan->entry) == 1 ? scan->callback(pid, scan->userdata) : 0;
}

int process_environ_members(const char *entry, process_callback *callback, void *userdata)
{
	struct scan scan = {.entry = entry, .callback = callback, .userdata = userdata};
	return each_process(check_environ, &scan);
}
