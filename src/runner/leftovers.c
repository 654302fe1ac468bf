/* Finding processes without a parent's help. */
#include "runner/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"
#include "base/process.h"
#include "base/strutil.h"

struct search {
	char *entry;
	const char *engine_path;
	struct stat live;
	bool has_live;
	size_t engines, others;
	int engine_signal, other_signal; /* sent to what is found; 0: none */
};

/* By the program's name: a wrapper may stand before the real engine, and a binary may have been
 * replaced. */
static bool is_engine(pid_t pid, const char *engine_path)
{
	const char *name = strrchr(engine_path, '/') + 1;
	char link[64], path[4096];

	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	ssize_t size = readlink(link, path, sizeof(path) - 1);
	if (size < 0)
		return false;
	path[size] = '\0';
	const char *base = strrchr(path, '/');
	const char *rest = base ? startswith(base + 1, name) : NULL;
	return rest && (!*rest || streq(rest, " (deleted)"));
}

static bool holds_file(pid_t pid, const struct stat *wanted)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *folder = opendir(path);
	struct dirent *entry;
	struct stat st;
	bool found = false;

	while (folder && !found && (entry = readdir(folder)))
		found = entry->d_name[0] != '.' &&
			fstatat(dirfd(folder), entry->d_name, &st, 0) == 0 &&
			st.st_dev == wanted->st_dev && st.st_ino == wanted->st_ino;
	if (folder)
		closedir(folder);
	return found;
}

static bool belongs(const struct search *search, pid_t pid)
{
	return process_environ_has(pid, search->entry) == 1 ||
	       (search->has_live && holds_file(pid, &search->live));
}

static void visit(struct search *search, pid_t pid)
{
	_cleanup_close_ int pidfd = process_open(pid);
	if (pidfd < 0 || process_has_ended(pidfd) != 0 || !belongs(search, pid))
		return;
	bool engine = is_engine(pid, search->engine_path);
	int signal_number = engine ? search->engine_signal : search->other_signal;
	if (engine)
		search->engines++;
	else
		search->others++;
	if (signal_number)
		(void)process_signal(pidfd, signal_number);
}

static void scan(struct search *search)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	search->engines = search->others = 0;
	while (folder && (entry = readdir(folder)))
		if (parse_u64(entry->d_name, &pid) == 0 && (pid_t)pid != getpid())
			visit(search, (pid_t)pid);
	if (folder)
		closedir(folder);
}

static void search_init(struct search *search, const char *launch_name, const char *engine_path,
			int dir_fd)
{
	*search = (struct search){
		.entry = xasprintf("PLANTON_LAUNCH=%s", launch_name),
		.engine_path = engine_path,
	};
	search->has_live = dir_fd >= 0 && fstatat(dir_fd, "live", &search->live, 0) == 0;
}

bool leftovers_alive(const char *launch_name, const char *engine_path, int dir_fd)
{
	struct search search;

	search_init(&search, launch_name, engine_path, dir_fd);
	scan(&search);
	if (search.engines == 0 && search.others > 0) {
		log_info("killing %zu processes that outlived the engine of %s", search.others,
			 launch_name);
		search.other_signal = SIGKILL;
		scan(&search);
	}
	free(search.entry);
	return search.engines + search.others > 0;
}

void leftovers_interrupt(const char *launch_name, const char *engine_path)
{
	struct search search;

	search_init(&search, launch_name, engine_path, -1);
	search.engine_signal = SIGINT;
	scan(&search);
	free(search.entry);
}
