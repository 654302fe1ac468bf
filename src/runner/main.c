/* From the command line to the polls. */
#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/strutil.h"
#include "runner/disk_budget.h"
#include "runner/jobs.h"
#include "runner/own_log.h"
#include "runner/poll.h"
#include "runner/reattach.h"
#include "runner/register.h"

#define REGISTER_FIRST_MS 50
#define REGISTER_LAST_MS  1000
#define EMBEDDED_END_MS	  60000

static struct runner *signalled;

static void on_signal(int number)
{
	(void)number;
	atomic_store(&signalled->stopping, true);
}

static void catch_signals(struct runner *runner)
{
	struct sigaction action = {.sa_handler = on_signal};

	signalled = runner;
	sigemptyset(&action.sa_mask);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* False when the runner is to stop. */
static bool sleep_ms(struct runner *runner, unsigned milliseconds)
{
	uint64_t until = now_monotonic_ms() + milliseconds;
	struct timespec moment = {.tv_nsec = 20000000};

	while (!atomic_load(&runner->stopping) && now_monotonic_ms() < until)
		nanosleep(&moment, NULL);
	return !atomic_load(&runner->stopping);
}

static void say(struct error *error)
{
	_cleanup_free_ char *text = error_describe(error);
	log_fields(LOG_LEVEL_ERROR, text, "hint", error->hint, NULL);
}

static bool may_pass(const struct error *error)
{
	return error->code == ERROR_UNAVAILABLE || error->code == ERROR_TIMEOUT ||
	       error->code == ERROR_INTERNAL || error->code == ERROR_RATE_LIMITED;
}

static bool wait_for_server(struct runner *runner, json_t *held, int *ret_code)
{
	uint64_t since = now_monotonic_ms();
	bool said = false;

	for (unsigned wait = REGISTER_FIRST_MS;; wait = MIN(wait * 2, (unsigned)REGISTER_LAST_MS)) {
		_cleanup_error_ struct error *error = NULL;
		if (runner_enrol(runner, held, &error) == 0)
			return true;
		if (!may_pass(error)) {
			say(error);
			*ret_code = error_code_exit(error->code);
			return false;
		}
		if (!said)
			log_info("waiting for the server at %s: %s", runner->options.server,
				 error->message);
		said = true;
		if (runner->options.embedded && json_array_size(held) == 0 &&
		    now_monotonic_ms() - since > EMBEDDED_END_MS)
			return false;
		if (!sleep_ms(runner, wait))
			return false;
	}
}

static int take_lock(const char *dir, struct error **err)
{
	_cleanup_free_ char *path = path_join(dir, "lock", NULL);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", path);
	int r = flock_try_exclusive(fd);
	if (r < 0) {
		safe_close(fd);
		return error_set_errno(err, ERROR_ALREADY_EXISTS, r, "%s", path);
	}
	return fd;
}

static int run(struct runner *runner)
{
	_cleanup_error_ struct error *error = NULL;
	int code = EXIT_CODE_OK;

	int r = mkdir_p(runner->options.dir, 0700);
	if (r < 0) {
		log_error("%s: %s", runner->options.dir, strerror(-r));
		return EXIT_CODE_ERROR;
	}
	/* Held until the process ends: no other runner works in this folder. */
	if (take_lock(runner->options.dir, &error) < 0) {
		if (error->code == ERROR_ALREADY_EXISTS) {
			log_info("a runner is at work in %s already", runner->options.dir);
			return EXIT_CODE_OK;
		}
		say(error);
		return EXIT_CODE_ERROR;
	}
	own_log_bound(runner->options.dir);
	if (runner_init(runner, &error) < 0) {
		say(error);
		return EXIT_CODE_ERROR;
	}
	runner->jobs = jobs_new(runner);
	struct reattach *reattach = reattach_scan(runner);
	json_t *held = reattach_held(reattach);
	reattach_sweep(reattach);
	if (json_array_size(held) == 0) {
		disk_budget_enforce(runner);
		/* Else later: what runs does not wait until it has said its version. */
		(void)runner_look_for_engine(runner);
	}
	bool registered = wait_for_server(runner, held, &code);
	json_decref(held);
	if (!registered)
		return code;
	log_info("registered as %s (%s), %d jobs at a time", runner->id, runner->options.name,
		 runner->options.capacity);
	reattach_start(runner, reattach);
	poll_run(runner);
	log_info("ending; steps that run are left to the next runner");
	return EXIT_CODE_OK;
}

int runner_main(int argc, char **argv)
{
	_cleanup_error_ struct error *error = NULL;
	struct runner *runner = xcalloc(1, sizeof(*runner));

	if (runner_options_parse(argc, argv, &runner->options, &error) < 0) {
		fprintf(stderr, "planton runner: %s\n", error->message);
		return EXIT_CODE_USAGE;
	}
	if (runner->options.help) {
		fputs(runner_usage, stdout);
		return EXIT_CODE_OK;
	}
	mallopt(M_ARENA_MAX, 2);
	/* Keys are in this memory. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	pthread_mutex_init(&runner->engine_lock, NULL);
	pthread_mutex_init(&runner->lock, NULL);
	catch_signals(runner);
	int code = run(runner);
	/* Threads of jobs are cut off wherever they are: the next runner goes on from what is
	 * stored. */
	_exit(code);
}
