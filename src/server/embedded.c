/* Starts the embedded runner when none is at work, and again when it ended. */
#include "server/embedded.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/process.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "control/runners.h"
#include "server/embedded_record.h"
#include "server/local_access.h"
#include "server/places.h"

#define WATCH_USEC	 1000000
#define BACKOFF_FIRST_MS 500
#define BACKOFF_MAX_MS	 30000
/* One that lived for this long starts over with the first delay. */
#define STEADY_MS 60000

extern char **environ;

struct embedded_runner {
	sd_event *loop;
	sd_event_source *timer, *end_source;
	struct control *control;
	char *binary, *url, *capacity;
	char *folder, *lock, *log, *record, *token_file, *work_root;
	int pidfd; /* of our child; -1: none, or one that an earlier server started */
	uint64_t started_ms, start_again_ms, backoff_ms;
};

/* What concerns the server alone, or is a secret of its. */
static bool is_inherited(const char *variable)
{
	static const char *const kept_back[] = {
		"PLANTON_MASTER_KEY", "PLANTON_TOKEN",	"NOTIFY_SOCKET",    "WATCHDOG_", "LISTEN_",
		"INVOCATION_ID",      "JOURNAL_STREAM", "MEMORY_PRESSURE_",
	};
	for (size_t i = 0; i < ARRAY_SIZE(kept_back); i++)
		if (startswith(variable, kept_back[i]))
			return false;
	return true;
}

static char **environment(const struct embedded_runner *e)
{
	char **variables = NULL;
	for (char **v = environ; *v; v++)
		if (is_inherited(*v))
			strv_add(&variables, *v);
	strv_addf(&variables, "PLANTON_TOKEN_FILE=%s", e->token_file);
	return variables;
}

static void schedule_restart(struct embedded_runner *e)
{
	uint64_t now = now_monotonic_ms();
	if (now - e->started_ms >= STEADY_MS)
		e->backoff_ms = BACKOFF_FIRST_MS;
	e->start_again_ms = now + e->backoff_ms;
	e->backoff_ms = MIN(e->backoff_ms * 2, (uint64_t)BACKOFF_MAX_MS);
}

static int on_end(sd_event_source *source, int fd, uint32_t events, void *runner)
{
	(void)source;
	(void)events;
	struct embedded_runner *e = runner;
	struct process_exit end = {0};
	e->end_source = sd_event_source_disable_unref(e->end_source);
	process_wait(fd, -1, &end);
	e->pidfd = safe_close(e->pidfd);
	schedule_restart(e);
	log_warning("the embedded runner ended with %s %d (its log: %s)",
		    end.signaled ? "signal" : "exit code", end.code, e->log);
	return 0;
}

static int spawn(struct embedded_runner *e, struct error **err)
{
	_cleanup_close_ int log_fd = open(e->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot open %s", e->log);
	char *argv[] = {e->binary,
			(char *)"runner",
			(char *)"--embedded",
			(char *)"--server",
			e->url,
			(char *)"--dir",
			e->folder,
			(char *)"--work-root",
			e->work_root,
			(char *)"--capacity",
			e->capacity,
			NULL};
	_cleanup_strv_ char **variables = environment(e);
	const struct process_spec spec = {
		.path = e->binary,
		.argv = argv,
		.envp = variables,
		.cwd = e->folder,
		.stdin_fd = -1,
		.stdout_fd = log_fd,
		.stderr_fd = log_fd,
		.new_session = true,
	};
	pid_t pid;
	int r = process_spawn(&spec, &pid, &e->pidfd);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot start %s", e->binary);
	e->started_ms = now_monotonic_ms();
	r = sd_event_add_io(e->loop, &e->end_source, e->pidfd, EPOLLIN, on_end, e);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot watch the embedded runner");
	log_info("started the embedded runner (pid %d)", (int)pid);
	return embedded_record_write(e->record, pid, e->url, e->work_root, err);
}

static bool is_at_work(const struct embedded_runner *e)
{
	return e->pidfd >= 0 || flock_probe(AT_FDCWD, e->lock) == 1;
}

static int start_if_needed(struct embedded_runner *e, struct error **err)
{
	if (is_at_work(e) || now_monotonic_ms() < e->start_again_ms)
		return 0;
	return spawn(e, err);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *runner)
{
	(void)usec;
	struct embedded_runner *e = runner;
	_cleanup_error_ struct error *problem = NULL;
	if (start_if_needed(e, &problem) < 0) {
		_cleanup_free_ char *message = error_describe(problem);
		log_error("%s", message);
		schedule_restart(e);
	}
	sd_event_source_set_time_relative(source, WATCH_USEC);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	return 0;
}

/* The runner whose key is in the folder; *ret->id is NULL when it never registered here. */
static int find_registration(struct embedded_runner *e, struct runner_row *ret, struct error **err)
{
	static const struct actor system_actor = {.principal = "system", .admin = true};
	_cleanup_free_ char *path = path_join(e->folder, "runner.key", NULL);
	_cleanup_key_pair_ struct key_pair keys;
	_cleanup_(work_rollbackp) struct work *w = NULL;
	_cleanup_error_ struct error *lookup = NULL;
	if (key_pair_load(path, &keys) < 0)
		return 0;
	_cleanup_free_ char *public_key = base64_encode(keys.public_key, sizeof(keys.public_key));
	int r = work_begin(e->control, &system_actor, STORE_READ, &w, err);
	if (r < 0)
		return r;
	r = runner_get_by_public_key(w->tx, public_key, ret, &lookup);
	return r < 0 && lookup->code != ERROR_NOT_FOUND ? error_move(err, &lookup) : 0;
}

/* One that an earlier server started: it is kept, unless it cannot reach us or our folder, or is of
 * another version. */
static int adopt(struct embedded_runner *e, struct error **err)
{
	_cleanup_(runner_row_release) struct runner_row row = {0};
	if (embedded_record_end_stray(e->record, e->url, e->work_root)) {
		log_info("the embedded runner was told of another address or folder: it is "
			 "replaced; engines that run now go on with the old one");
		return 0;
	}
	int r = find_registration(e, &row, err);
	if (r < 0)
		return r;
	if (row.id && !streq(row.version, PLANTON_VERSION)) {
		log_info("the embedded runner is of version %s, not %s: it is replaced",
			 row.version, PLANTON_VERSION);
		runner_request_exit(e->control, row.id);
		return 0;
	}
	log_info("the embedded runner is at work already: it is left so");
	return 0;
}

static struct embedded_runner *embedded_new(sd_event *loop, const struct embedded_options *o)
{
	struct embedded_runner *e = xcalloc(1, sizeof(*e));
	e->loop = sd_event_ref(loop);
	e->control = o->control;
	e->url = xstrdup(o->url);
	e->capacity = xasprintf("%u", o->capacity);
	e->folder = path_join(o->data, "runner", NULL);
	e->work_root = path_join(o->data, "work", NULL);
	e->lock = path_join(e->folder, "lock", NULL);
	e->log = path_join(e->folder, "log", NULL);
	e->record = path_join(e->folder, "process.json", NULL);
	e->token_file = path_join(e->folder, "registration.key", NULL);
	e->pidfd = -1;
	e->backoff_ms = BACKOFF_FIRST_MS;
	return e;
}

void embedded_runner_leave(struct embedded_runner *e)
{
	if (!e)
		return;
	sd_event_source_disable_unref(e->timer);
	sd_event_source_disable_unref(e->end_source);
	sd_event_unref(e->loop);
	safe_close(e->pidfd);
	free(e->binary);
	free(e->url);
	free(e->capacity);
	free(e->folder);
	free(e->work_root);
	free(e->lock);
	free(e->log);
	free(e->record);
	free(e->token_file);
	free(e);
}

DEFINE_CLEANUP(struct embedded_runner *, embedded_runner_leave);

int embedded_runner_start(sd_event *loop, const struct embedded_options *o,
			  struct embedded_runner **ret, struct error **err)
{
	_cleanup_(embedded_runner_leave_p) struct embedded_runner *e = embedded_new(loop, o);
	int r = own_binary(&e->binary, err);
	if (r < 0)
		return r;
	if ((r = mkdir_p(e->folder, 0700)) < 0 || (r = mkdir_p(e->work_root, 0700)) < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot make the runner's folders");
	r = runner_key_ensure(o->control, e->token_file, err);
	if (r < 0)
		return r;
	r = is_at_work(e) ? adopt(e, err) : spawn(e, err);
	if (r < 0)
		return r;
	r = sd_event_add_time_relative(loop, &e->timer, CLOCK_MONOTONIC, WATCH_USEC, 0, on_timer,
				       e);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot set a timer");
	*ret = TAKE_PTR(e);
	return 0;
}
