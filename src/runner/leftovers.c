/* Finding processes without a parent's help. */
#include "runner/leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"
#include "base/process.h"
#include "base/strutil.h"

struct search {
	char *entry; /* "PLANTON_LAUNCH=..." */
	bool prefix; /* entry is only the beginning */
	const char *engine_path;
	struct stat live;
	bool has_live;
	size_t engines, steps, others;
	int engine_signal, other_signal; /* sent to what is found; 0: none */
	int output_fd;			 /* of an engine; -2: not wanted */
};

/* Caller frees; NULL when there is none, or none that we may read. */
static char *environ_entry(pid_t pid, const char *prefix)
{
	char *rest = NULL;
	return process_environ_get(pid, prefix, &rest) < 0 ? NULL : rest;
}

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

static bool is_step(pid_t pid)
{
	char path[64], text[16] = "";
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	static const char step[] = "planton\0step";
	return fd >= 0 && read_full(fd, text, sizeof(text)) >= (ssize_t)sizeof(step) &&
	       memcmp(text, step, sizeof(step)) == 0;
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
	_cleanup_free_ char *rest = environ_entry(pid, search->entry);
	if (rest && (search->prefix || !*rest))
		return true;
	return search->has_live && holds_file(pid, &search->live);
}

static void visit(struct search *search, pid_t pid)
{
	_cleanup_close_ int pidfd = process_open(pid);
	if (pidfd < 0 || process_has_ended(pidfd) != 0 || !belongs(search, pid))
		return;
	bool engine = is_engine(pid, search->engine_path);
	bool step = !engine && is_step(pid);
	int signal_number = engine ? search->engine_signal : step ? 0 : search->other_signal;
	if (engine)
		search->engines++;
	else if (step)
		search->steps++;
	else
		search->others++;
	if (signal_number)
		(void)process_signal(pidfd, signal_number);
	if (engine && search->output_fd == -1) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/fd/1", (int)pid);
		/* It may have put anything there: a pipe is not waited for, nor read. */
		_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		struct stat st;
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			search->output_fd = TAKE_FD(fd);
	}
}

typedef void pid_callback(pid_t pid, void *userdata);

static void each_process(pid_callback *callback, void *userdata)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	uint64_t pid;

	while (folder && (entry = readdir(folder)))
		if (parse_u64(entry->d_name, &pid) == 0 && (pid_t)pid != getpid())
			callback((pid_t)pid, userdata);
	if (folder)
		closedir(folder);
}

static void visit_one(pid_t pid, void *userdata)
{
	visit(userdata, pid);
}

static void scan(struct search *search)
{
	search->engines = search->steps = search->others = 0;
	each_process(visit_one, search);
}

static struct search search_of(const char *name, bool prefix, const char *engine_path)
{
	return (struct search){
		.entry = xasprintf("PLANTON_LAUNCH=%s%s", name, prefix ? "/" : ""),
		.prefix = prefix,
		.engine_path = engine_path,
		.output_fd = -2,
	};
}

static bool is_alive(struct search *search)
{
	scan(search);
	if (search->engines + search->steps == 0 && search->others > 0) {
		log_info("killing %zu processes that outlived their engine (%s)", search->others,
			 search->entry);
		search->other_signal = SIGKILL;
		scan(search);
	}
	free(search->entry);
	return search->engines + search->steps + search->others > 0;
}

bool leftovers_alive(const char *launch, const char *engine_path, int dir_fd)
{
	struct search search = search_of(launch, false, engine_path);

	search.has_live = dir_fd >= 0 && fstatat(dir_fd, "live", &search.live, 0) == 0;
	/* Some do not let others look into them: a step, or what runs as somebody else. */
	bool held = search.has_live && flock_probe(dir_fd, "live") == 1;
	return is_alive(&search) || held;
}

bool leftovers_of_job_alive(const char *job_id, const char *engine_path)
{
	struct search search = search_of(job_id, true, engine_path);
	return is_alive(&search);
}

void leftovers_interrupt(const char *job_id, const char *engine_path)
{
	struct search search = search_of(job_id, true, engine_path);

	search.engine_signal = SIGINT;
	scan(&search);
	free(search.entry);
}

int leftovers_open_output(const char *job_id, const char *engine_path)
{
	struct search search = search_of(job_id, true, engine_path);

	search.output_fd = -1;
	scan(&search);
	free(search.entry);
	return search.output_fd;
}

struct finding {
	char *runner_entry;
	leftovers_callback *callback;
	void *userdata;
};

static void find_one(pid_t pid, void *userdata)
{
	struct finding *finding = userdata;
	_cleanup_free_ char *ours = environ_entry(pid, finding->runner_entry);
	_cleanup_free_ char *launch = ours && !*ours ? environ_entry(pid, "PLANTON_LAUNCH=") : NULL;
	_cleanup_free_ char *epoch = launch ? environ_entry(pid, "PLANTON_EPOCH=") : NULL;
	int64_t number;

	if (epoch && parse_i64(epoch, &number) == 0)
		finding->callback(launch, number, finding->userdata);
}

void leftovers_find(const char *runner_key, leftovers_callback *callback, void *userdata)
{
	struct finding finding = {
		.runner_entry = xasprintf("PLANTON_RUNNER=%s", runner_key),
		.callback = callback,
		.userdata = userdata,
	};
	each_process(find_one, &finding);
	free(finding.runner_entry);
}
