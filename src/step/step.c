/* One engine command, from its launch to its exit record. */
#include "step/step.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/parse.h"
#include "base/proc.h"
#include "base/strbuf.h"
#include "step/engine.h"
#include "step/exit_record.h"
#include "step/launch.h"
#include "step/sandbox.h"

#define NEVER		UINT64_MAX
#define OUTPUT_CHECK_MS 500

struct step {
	int dir_fd, record_fd, signal_fd;
	int stdout_fd, stderr_fd, live_fd;
	int folder_fd, users_fd; /* of a pool of providers; -1: none */
	struct launch launch;
	struct engine_child engine;
	struct exit_record record;
	uint64_t interrupt_at, kill_at; /* monotonic ms */
};

static int block_signals(struct error **err)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "signal mask");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);

	int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? error_set_errno(err, ERROR_INTERNAL, errno, "signalfd") : fd;
}

static int open_output(int dir_fd, const char *name, struct error **err)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? error_set_errno(err, ERROR_INTERNAL, errno, "%s", name) : fd;
}

/* A probe of the runner's may hold the lock for an instant. */
static int take_live(int fd, struct error **err)
{
	for (int tries = 0; tries < 1000; tries++) {
		int r = flock_try_exclusive(fd);
		if (r == 0)
			return 0;
		if (r != -EWOULDBLOCK)
			return error_set_errno(err, ERROR_INTERNAL, r, "live");
		struct timespec pause = {.tv_nsec = 1000000};
		nanosleep(&pause, NULL);
	}
	return error_set(err, ERROR_CONFLICT, "another step is alive in this folder");
}

static int write_identity(int dir_fd, struct error **err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	char boot[BOOT_ID_SIZE];
	uint64_t start;

	int r = boot_id(boot);
	if (r >= 0)
		r = process_starttime(getpid(), &start);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "identity of this process");
	strbuf_addf(&text, "{\"pid\":%d,\"starttime\":%llu,\"bootId\":\"%s\"}", (int)getpid(),
		    (unsigned long long)start, boot);

	/* Not synced: after a power cut there is no process that it could name. */
	_cleanup_close_ int fd =
		openat(dir_fd, ".step", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "step");
	r = write_all(fd, text.data, text.size);
	if (r == 0 && renameat(dir_fd, ".step", dir_fd, "step") < 0)
		r = -errno;
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "step") : 0;
}

static int prepare(struct step *step, int launch_fd, struct error **err)
{
	struct rlimit no_core = {0, 0};
	int r;

	/* Before it cannot be looked into any more: from one of the two a runner must always see
	 * that it lives. */
	if ((r = step->live_fd = open_output(step->dir_fd, "live", err)) < 0 ||
	    (r = take_live(step->live_fd, err)) < 0)
		return r;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "process settings");

	if ((r = step->signal_fd = block_signals(err)) < 0 ||
	    (r = launch_read(launch_fd, &step->launch, err)) < 0 ||
	    (r = step->stdout_fd = open_output(step->dir_fd, "stdout", err)) < 0 ||
	    (r = step->stderr_fd = open_output(step->dir_fd, "stderr", err)) < 0 ||
	    (r = write_identity(step->dir_fd, err)) < 0)
		return r;
	return 0;
}

static int start(struct step *step, struct error **err)
{
	_cleanup_close_ int ruleset = -1;
	/* What it starts inherits them, too. */
	const int fds[] = {step->stdout_fd, step->stderr_fd, step->live_fd, step->folder_fd,
			   step->users_fd};
	size_t n_fds = step->users_fd >= 0 ? ARRAY_SIZE(fds) : ARRAY_SIZE(fds) - 2;

	int r = sandbox_prepare(step->launch.sandbox_read, step->launch.sandbox_write, &ruleset,
				err);
	if (r < 0)
		return r;
	step->record.started_ms = now_realtime_ms();
	return engine_start(&step->launch, step->launch.argv, ruleset, fds, n_fds, false,
			    &step->engine, err);
}

static void interrupt_engine(struct step *step)
{
	if (step->record.interrupted)
		return;
	step->record.interrupted = true;
	pidfd_send_signal(step->engine.pidfd, SIGINT, NULL, 0);
}

static void kill_engine(struct step *step)
{
	step->record.killed = true;
	step->kill_at = NEVER;
	pidfd_send_signal(step->engine.pidfd, SIGKILL, NULL, 0);
}

static void take_signals(struct step *step)
{
	struct signalfd_siginfo info;

	while (read(step->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGUSR1)
			kill_engine(step);
		else
			interrupt_engine(step);
	}
}

static void check_deadlines(struct step *step)
{
	uint64_t now = now_monotonic_ms();

	if (now >= step->interrupt_at) {
		step->record.timed_out = true;
		step->interrupt_at = NEVER;
		step->kill_at = now + step->launch.grace_ms;
		interrupt_engine(step);
	}
	if (now >= step->kill_at)
		kill_engine(step);
}

static uint64_t size_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

/* The files are the engine's own, so that its output outlives this process: their size can only be
 * looked at. */
static void check_output(struct step *step)
{
	uint64_t limit = step->launch.limit_output_bytes;
	uint64_t size = size_of(step->stdout_fd) + size_of(step->stderr_fd);

	if (!limit || size <= limit)
		return;
	if (!step->record.flooded) {
		step->record.flooded = true;
		step->kill_at = MIN(step->kill_at, now_monotonic_ms() + step->launch.grace_ms);
		interrupt_engine(step);
	}
	if (size / 2 > limit)
		kill_engine(step);
}

static int wait_ms(const struct step *step)
{
	uint64_t now = now_monotonic_ms();
	uint64_t look_at = step->launch.limit_output_bytes ? now + OUTPUT_CHECK_MS : NEVER;
	uint64_t at = MIN(MIN(step->interrupt_at, step->kill_at), look_at);
	if (at == NEVER)
		return -1;
	return at <= now ? 0 : (int)MIN(at - now, (uint64_t)3600000);
}

static void supervise(struct step *step)
{
	struct pollfd fds[] = {
		{.fd = step->engine.pidfd, .events = POLLIN},
		{.fd = step->signal_fd, .events = POLLIN},
	};

	step->kill_at = NEVER;
	step->interrupt_at =
		step->launch.timeout_ms ? now_monotonic_ms() + step->launch.timeout_ms : NEVER;
	for (;;) {
		int r = poll(fds, ARRAY_SIZE(fds), wait_ms(step));
		if (r < 0 && errno != EINTR)
			break;
		if (r > 0 && fds[0].revents)
			break;
		if (r > 0 && fds[1].revents)
			take_signals(step);
		check_deadlines(step);
		check_output(step);
	}

	struct rusage usage = {0};
	struct exit_record *record = &step->record;
	engine_reap(&step->engine, &record->exit_code, &record->signal, &usage);
	record->max_rss_kb = (uint64_t)usage.ru_maxrss;
	record->user_ms =
		(uint64_t)usage.ru_utime.tv_sec * 1000 + (uint64_t)usage.ru_utime.tv_usec / 1000;
	record->system_ms =
		(uint64_t)usage.ru_stime.tv_sec * 1000 + (uint64_t)usage.ru_stime.tv_usec / 1000;
}

static int parse_fd(const char *string)
{
	uint64_t fd;
	if (parse_u64(string, &fd) < 0 || fd < 3 || fd > 1023 || fcntl((int)fd, F_GETFD) < 0)
		return -1;
	(void)fd_set_cloexec((int)fd, true);
	return (int)fd;
}

int step_main(int argc, char **argv)
{
	if (argc != 5 && argc != 7) {
		fprintf(stderr, "planton step is started by planton runner, not by hand\n");
		return EXIT_CODE_USAGE;
	}
	int launch_fd = parse_fd(argv[2]);
	struct step step = {
		.dir_fd = parse_fd(argv[3]),
		.record_fd = parse_fd(argv[4]),
		.folder_fd = argc == 7 ? parse_fd(argv[5]) : -1,
		.users_fd = argc == 7 ? parse_fd(argv[6]) : -1,
		.signal_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
		.live_fd = -1,
		.engine = {.pidfd = -1},
	};
	if (launch_fd < 0 || step.dir_fd < 0 || step.record_fd < 0) {
		fprintf(stderr, "planton step: a descriptor is missing\n");
		return EXIT_CODE_USAGE;
	}

	/* Such as the program that runs: the engine is not to inherit it. */
	int last_fd = MAX(MAX(launch_fd, step.users_fd), MAX(step.dir_fd, step.record_fd));
	(void)close_range((unsigned)last_fd + 1, ~0U, 0);

	_cleanup_error_ struct error *error = NULL;
	_cleanup_free_ char *reason = NULL;
	int r = prepare(&step, launch_fd, &error);
	safe_close(launch_fd);
	/* All records here are the other one's. */
	if (r < 0 && error->code == ERROR_CONFLICT)
		return error_code_exit(error->code);
	if (r == 0)
		r = start(&step, &error);
	if (r == 0) {
		supervise(&step);
		kill_descendants(step.stderr_fd);
	} else {
		reason = error_describe(error);
		step.record.error = reason;
	}
	bool sync = step.launch.sync;
	launch_release(&step.launch);
	step.record.ended_ms = now_realtime_ms();
	if (!step.record.started_ms)
		step.record.started_ms = step.record.ended_ms;
	_cleanup_close_ int written_fd = -1;
	if (exit_record_write(&step.record, step.dir_fd, step.record_fd, &written_fd) == 0 && sync)
		(void)exit_record_sync(step.dir_fd, written_fd);
	return r < 0 ? EXIT_CODE_ERROR : EXIT_CODE_OK;
}
