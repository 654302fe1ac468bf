/* Launching, following and ending one engine command. */
#include "runner/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/process.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "runner/diffs.h"
#include "runner/evidence.h"
#include "runner/finish.h"
#include "runner/leftovers.h"
#include "runner/prepare.h"
#include "runner/providers.h"
#include "runner/sequence.h"

/* A command that says nothing is reported as started after this long. */
#define QUIET_START_MS	40
#define ORPHAN_CHECK_MS 100
/* A step that was started this long ago has made its files. */
#define STEP_START_MS 2000

/* ---- Reports ---- */

static json_t *started_payload(const struct attempt *attempt)
{
	const struct grant *grant = attempt->grant;
	json_t *covers = json_array();

	json_array_append_new(covers, json_string(operation_to_string(grant->operation)));
	if (sequence_is_fused(grant, attempt->command))
		json_array_append_new(covers, json_string(operation_to_string(OPERATION_PREVIEW)));
	json_t *started =
		json_pack("{s:I s:s s:o}", "time", (json_int_t)attempt->started_ms, "command",
			  engine_command_to_string(attempt->command), "covers", covers);
	if (attempt->reused)
		json_object_set_new(started, "reused", json_true());
	return started;
}

/* Without the secrets of the job nothing may be shown of its output; what the server refused once
 * it would refuse again. */
static void read_from(struct attempt *attempt, uint64_t out, uint64_t errors)
{
	const struct process *process = &attempt->process;
	bool blind = attempt->job->blind || attempt->refusal;

	tail_release(&attempt->out);
	tail_release(&attempt->errors);
	tail_init(&attempt->out, blind ? -1 : process->stdout_fd, out,
		  attempt->progress.skip_stdout);
	tail_init(&attempt->errors, blind ? -1 : process->stderr_fd, errors,
		  attempt->progress.skip_stderr);
}

/* Continues where the server is. */
static void go_to(struct attempt *attempt, const struct report_answer *answer)
{
	struct progress *progress = &attempt->progress;

	batch_reset(&attempt->batch);
	progress->operation = attempt->grant->operation;
	progress_from_cursor(progress, answer->cursor);
	read_from(attempt, answer->to_stdout, answer->to_stderr);
	attempt->acked_stdout = answer->to_stdout;
	attempt->acked_stderr = answer->to_stderr;
	attempt->started_told = answer->cursor != NULL;
	if (attempt->refusal)
		progress->diffs_done = true;
}

static void interrupt(struct attempt *attempt)
{
	if (attempt->interrupt_sent)
		return;
	attempt->interrupt_sent = true;
	log_info("interrupting the engine");
	if (attempt->orphan)
		leftovers_interrupt(attempt->job->id, attempt->ran->path);
	else
		(void)process_interrupt(&attempt->process);
}

bool attempt_pause(unsigned milliseconds, void *userdata)
{
	struct attempt *attempt = userdata;
	struct pollfd fd = {.fd = attempt->job->wake_fd, .events = POLLIN};
	uint64_t count;

	if (poll(&fd, 1, (int)milliseconds) > 0)
		(void)!read(attempt->job->wake_fd, &count, sizeof(count));
	/* The runner may have had to register again. */
	runner_client_refresh(attempt->job->runner, attempt->job->http);
	if (atomic_load(&attempt->job->interrupt))
		interrupt(attempt);
	return atomic_load(&attempt->job->runner->stopping) || atomic_load(&attempt->job->drop);
}

/* The engine goes on; its end is told without what it said. */
static enum report_status take_refusal(struct attempt *attempt, struct report_answer *ret)
{
	if (attempt->refusal)
		return REPORT_LOST;
	attempt->refusal = TAKE_PTR(ret->refusal);
	report_answer_release(ret);
	return report_probe(attempt->job->http, attempt->grant, attempt_pause, attempt, ret);
}

enum report_status attempt_report(struct attempt *attempt, json_t *ended, struct report_answer *ret)
{
	struct progress *progress = &attempt->progress;

	progress->skip_stdout = attempt->out.skipping;
	progress->skip_stderr = attempt->errors.skipping;
	json_t *cursor = progress_to_cursor(progress);
	json_t *started = attempt->started_told ? NULL : started_payload(attempt);
	const struct report report = {
		.from_stdout = attempt->acked_stdout,
		.from_stderr = attempt->acked_stderr,
		.to_stdout = attempt->out.offset,
		.to_stderr = attempt->errors.offset,
		.cursor = cursor,
		.started = started,
		.ended = ended,
		.batch = &attempt->batch,
	};
	enum report_status status = report_send(attempt->job->http, attempt->grant, &report,
						attempt_pause, attempt, ret);
	json_decref(cursor);
	json_decref(started);

	if (status == REPORT_REFUSED)
		status = take_refusal(attempt, ret);
	if (status == REPORT_RESYNC)
		go_to(attempt, ret);
	if (status == REPORT_STORED) {
		attempt->acked_stdout = report.to_stdout;
		attempt->acked_stderr = report.to_stderr;
		attempt->started_told = true;
		batch_reset(&attempt->batch);
	}
	if (status != REPORT_LOST && ret->interrupt)
		interrupt(attempt);
	return status;
}

/* ---- Following the output ---- */

static void drain_one(struct attempt *attempt, struct tail *tail, const char *stream)
{
	struct tail_line line;

	while (tail->fd >= 0 && !batch_is_full(&attempt->batch) &&
	       tail_next(tail, attempt->ended, &line) == 1)
		progress_add_line(&attempt->progress, stream, &line, &attempt->batch);
}

/* Once: the cursor knows. */
static void add_notes(struct attempt *attempt)
{
	const char *at = attempt->notes.data, *end = at + attempt->notes.size;

	if (at == end || attempt->progress.notes_sent || attempt->refusal)
		return;
	while (at < end) {
		size_t size = strcspn(at, "\n");
		const struct tail_line line = {.data = at, .size = size};
		progress_add_line(&attempt->progress, "stdout", &line, &attempt->batch);
		at += size + 1;
	}
	attempt->progress.notes_sent = true;
}

/* Fills the batch with what there is, as far as it fits. */
static void drain(struct attempt *attempt)
{
	add_notes(attempt);
	drain_one(attempt, &attempt->out, "stdout");
	drain_one(attempt, &attempt->errors, "stderr");
}

/* A step that ended properly took all with it; one that was killed did not. */
static void check_end(struct attempt *attempt)
{
	struct process *process = &attempt->process;

	if (attempt->ended)
		return;
	if (!attempt->orphan) {
		if (process->pidfd >= 0 && process_has_ended(process->pidfd) == 0 &&
		    !process_has_record(process))
			return;
		json_t *record = process_exit_record(process);
		attempt->ended = record != NULL;
		attempt->orphan = record == NULL;
		json_decref(record);
		process->pidfd = safe_close(process->pidfd);
	}
	if (attempt->orphan) {
		_cleanup_free_ char *name = job_launch_name(attempt->job);
		/* One that was only starting when it was looked for. */
		process->pidfd = process_find_step(process);
		if (process->pidfd >= 0) {
			attempt->orphan = false;
			return;
		}
		attempt->ended = !leftovers_alive(name, attempt->ran->path, process->dir_fd);
	}
}

struct watches {
	int inotify_fd; /* borrowed */
	int wd[3];
};

static struct watches watch_output(const struct attempt *attempt)
{
	const int files[] = {attempt->process.stdout_fd, attempt->process.stderr_fd};
	struct watches watches = {.inotify_fd = attempt->job->inotify_fd};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/self/fd/%d", files[i]);
		watches.wd[i] = inotify_add_watch(watches.inotify_fd, path, IN_MODIFY);
	}
	/* Of the exit record: the step itself is busy with it a little longer. */
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", attempt->process.dir_fd);
	watches.wd[2] = inotify_add_watch(watches.inotify_fd, path, IN_MOVED_TO);
	return watches;
}

static void watches_end(struct watches *watches)
{
	for (size_t i = 0; i < ARRAY_SIZE(watches->wd); i++)
		if (watches->wd[i] >= 0)
			inotify_rm_watch(watches->inotify_fd, watches->wd[i]);
}

static void empty(int fd)
{
	char buffer[4096];
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
}

/* Engines print line by line: what comes within this time travels together. */
#define GATHER_MS 3

static void wait_for_more(struct attempt *attempt)
{
	uint64_t count;
	struct pollfd fds[] = {
		{.fd = attempt->process.pidfd, .events = POLLIN},
		{.fd = attempt->job->wake_fd, .events = POLLIN},
		{.fd = auxiliary_pidfd(&attempt->job->show), .events = POLLIN},
		{.fd = attempt->job->inotify_fd, .events = POLLIN},
	};
	/* Without inotify (its instances are few) the output is looked at from time to time. */
	int timeout = attempt->orphan || attempt->job->inotify_fd < 0 ? ORPHAN_CHECK_MS
		      : attempt->started_told			      ? -1
								      : QUIET_START_MS;

	if (poll(fds, ARRAY_SIZE(fds), timeout) <= 0)
		return;
	if (fds[3].revents && !fds[0].revents)
		(void)poll(fds, ARRAY_SIZE(fds) - 1, GATHER_MS);
	if (fds[3].revents)
		empty(attempt->job->inotify_fd);
	if (fds[1].revents)
		(void)!read(attempt->job->wake_fd, &count, sizeof(count));
}

static bool is_stopping(const struct attempt *attempt)
{
	return atomic_load(&attempt->job->runner->stopping);
}

/* Until the engine has ended; the last lines are left for the last report. */
static enum report_status follow(struct attempt *attempt)
{
	_cleanup_(watches_end) struct watches watches = watch_output(attempt);
	uint64_t tell_at = now_monotonic_ms() + QUIET_START_MS;

	for (;;) {
		if (atomic_load(&attempt->job->drop) || is_stopping(attempt))
			return REPORT_LOST;
		if (atomic_load(&attempt->job->interrupt))
			interrupt(attempt);
		check_end(attempt);
		drain(attempt);
		bool full = batch_is_full(&attempt->batch);
		if (attempt->ended && !full)
			return REPORT_STORED;
		if (auxiliary_has_ended(&attempt->job->show)) {
			diffs_take(attempt);
			enum report_status status = diffs_send(attempt);
			if (status == REPORT_LOST)
				return status;
		}
		bool tell = !attempt->started_told && now_monotonic_ms() >= tell_at;
		if (batch_is_empty(&attempt->batch) && !tell) {
			wait_for_more(attempt);
			continue;
		}
		struct report_answer answer = {0};
		enum report_status status = attempt_report(attempt, NULL, &answer);
		report_answer_release(&answer);
		if (status == REPORT_LOST)
			return status;
	}
}

/* ---- Start and end ---- */

/* The operation's limit, or what is left of the job's; 0: none. */
static uint64_t time_limit(const struct grant *grant)
{
	uint64_t now = now_realtime_ms();

	if (!grant->job_deadline_ms)
		return grant->timeout_ms;
	uint64_t left = grant->job_deadline_ms > now ? grant->job_deadline_ms - now : 1;
	return grant->timeout_ms ? MIN(left, grant->timeout_ms) : left;
}

static int start_engine(struct attempt *attempt, struct error **err)
{
	struct job *job = attempt->job;
	/* Preparing took its time. */
	const struct engine_install *install = runner_look_for_engine(job->runner);
	const struct grant *grant = attempt->grant;
	const struct workspace *workspace = &job->workspace;
	_cleanup_free_ char *dir = job_attempt_dir(job);
	_cleanup_free_ char *name = job_launch_name(job);
	_cleanup_free_ char *address = job_state_address(job);
	const struct engine_options options = prepare_options(attempt);
	json_t *credentials;

	attempt->install = attempt->ran = install;
	int r = workspace_write_files(workspace, grant->secrets, &credentials, err);
	if (r < 0)
		return r;
	_cleanup_strv_ char **marks = launch_marks(job->runner, name, grant->epoch);
	struct engine_environment environment = {
		.home = workspace->home,
		.tmp = workspace->tmp_link ? workspace->tmp_link : workspace->tmp,
		.cli_config = install->cli_config,
		.state_address = address,
		.state_username = grant->state_username,
		.state_password = grant_state_password(grant),
		.marks = marks,
		.memory_limit = job->runner->memory_limit,
		.credentials = credentials,
		.passed_on = job->runner->passed_on,
	};
	if (attempt->command != ENGINE_INIT) {
		providers_prepare(job, install, attempt->command, &environment);
		environment.providers = providers_running(job);
	}
	_cleanup_strv_ char **argv =
		install->engine->command_line(install->path, attempt->command, &options);
	_cleanup_strv_ char **env = install->engine->environment(&environment);
	const struct launch_request request = {
		.install = install,
		.argv = argv,
		.env = env,
		.cwd = workspace->module,
		.launch = name,
		.epoch = grant->epoch,
		.workspace = workspace,
		.timeout_ms = time_limit(grant),
		.folder_fd = environment.providers ? providers_folder(job) : 0,
		.users_fd = environment.providers ? providers_users(job) : 0,
		.sync = true,
	};
	r = launch(job->runner, dir, &request, &attempt->process, err);
	json_decref(credentials);
	return r;
}

/* The engine runs afterwards, or attempt->ended with or without a failure. */
static void start(struct attempt *attempt)
{
	attempt->started_ms = now_realtime_ms();
	int unstored = attempt->job->unstored, r = -1;

	if (unstored < 0)
		error_set_errno(
			&attempt->failure, ERROR_INTERNAL, unstored,
			"nothing was started: the runner cannot store what it needs to find "
			"it again, in %s",
			attempt->job->dir);
	else if (!attempt->install)
		error_set(&attempt->failure, ERROR_PRECONDITION_FAILED,
			  "this runner has no engine for this module");
	else if (attempt->install->problem)
		error_set(&attempt->failure, ERROR_PRECONDITION_FAILED,
			  "this runner has no engine: %s", attempt->install->problem);
	else
		r = prepare(attempt, &attempt->failure);
	if (r == 0)
		r = start_engine(attempt, &attempt->failure);
	attempt->ended = r != 0;
	if (r == 0 && diffs_beside_apply(attempt))
		diffs_start(attempt);
	else
		/* Of a plan that is not the one to be applied. */
		auxiliary_release(&attempt->job->show);
	read_from(attempt, 0, 0);
}

/* When an earlier runner launched it: its record was written then. */
static uint64_t launch_time(int dir_fd)
{
	struct stat st;
	if (dir_fd < 0 || fstatat(dir_fd, "launch.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return now_realtime_ms();
	return (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000;
}

/*
 * False: nothing of it is to be found. A step makes the live file before it starts
 * the engine, so without that there was no engine, unless the folder is lost.
 */
static bool attach(struct attempt *attempt)
{
	struct job *job = attempt->job;
	_cleanup_free_ char *dir = job_attempt_dir(job);
	_cleanup_free_ char *live = path_join(dir, "live", NULL);
	uint64_t until = now_monotonic_ms() + STEP_START_MS;

	for (;;) {
		if (access(live, F_OK) == 0 && process_attach(dir, &attempt->process, NULL) == 0)
			break;
		if (!leftovers_of_job_alive(job->id, attempt->ran->path))
			return false;
		if (now_monotonic_ms() > until) {
			attempt->orphan = true;
			attempt->process.stdout_fd =
				leftovers_open_output(job->id, attempt->ran->path);
			break;
		}
		if (attempt_pause(20, attempt))
			return true;
	}
	log_info("found %s again", dir);
	attempt->started_ms = launch_time(attempt->process.dir_fd);
	read_from(attempt, 0, 0);
	return true;
}

static enum report_status catch_up(struct attempt *attempt)
{
	struct report_answer answer = {0};
	enum report_status status =
		report_probe(attempt->job->http, attempt->grant, attempt_pause, attempt, &answer);

	if (status == REPORT_RESYNC)
		go_to(attempt, &answer);
	report_answer_release(&answer);
	return status == REPORT_LOST ? status : REPORT_STORED;
}

/* Of all that there was to tell only this. */
static void fail_as_refused(struct attempt *attempt, json_t *ended)
{
	json_t *error =
		json_pack("{s:s s:s+}", "summary", "The server refused what this attempt reported",
			  "detail", attempt->refusal,
			  ": the rest of its output and events is missing here, and how it ended "
			  "is not said.");
	json_t *facts = json_object_get(ended, "facts"), *kept = json_object();
	static const char *const names[] = {"command", "operation", "attempt"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (json_object_get(facts, names[i]))
			json_object_set(kept, names[i], json_object_get(facts, names[i]));
	json_object_set_new(ended, "facts", kept);
	json_object_set_new(ended, "errors", json_pack("[o*]", error));
	json_object_set_new(ended, "result", json_string("failed"));
	json_object_set_new(ended, "operationEnds", json_true());
	json_object_del(ended, "next");
	batch_reset(&attempt->batch);
}

static enum report_status tell_end(struct attempt *attempt, json_t *ended,
				   struct report_answer *ret)
{
	for (;;) {
		drain(attempt);
		if (attempt->refusal)
			fail_as_refused(attempt, ended);
		enum report_status status = diffs_send(attempt);
		if (status == REPORT_STORED) {
			bool more = batch_is_full(&attempt->batch);
			status = attempt_report(attempt, more ? NULL : ended, ret);
			if (status == REPORT_STORED && !more)
				return status;
		}
		if (status == REPORT_LOST)
			return status;
		report_answer_release(ret);
	}
}

/*
 * An engine that ended as it should has left none of them at work; otherwise they
 * may still be. Those of an earlier runner's pool are found by their marks. False:
 * the runner is to stop.
 */
static bool end_providers(struct attempt *attempt)
{
	json_t *record = process_exit_record(&attempt->process);
	bool clean = record && json_integer_value(json_object_get(record, "exitCode")) == 0 &&
		     json_integer_value(json_object_get(record, "signal")) == 0;
	json_decref(record);
	if (clean)
		return true;
	if (!providers_end(attempt->job))
		return false;
	while (attempt->found && leftovers_of_job_alive(attempt->job->id, attempt->install->path))
		if (attempt_pause(ORPHAN_CHECK_MS, attempt) && is_stopping(attempt))
			return false;
	return true;
}

/* The lease is over. The engine ends in its own time, and what it did is told. */
static void give_up(struct attempt *attempt)
{
	log_warning("the lease is over: waiting for the engine to end");
	attempt->started_told = true;
	while (!attempt->ended && !is_stopping(attempt)) {
		interrupt(attempt);
		check_end(attempt);
		if (!attempt->ended)
			wait_for_more(attempt);
	}
	/* The last word is that nothing is alive. */
	if (!end_providers(attempt))
		return;
	/* A hold may end by nothing else: the server says again and again that the job is to be
	 * dropped. */
	do
		atomic_store(&attempt->job->drop, false);
	while (attempt->ended && !evidence_send(attempt, NULL, true) && !is_stopping(attempt));
}

static void attempt_init(struct attempt *attempt, struct job *job)
{
	const struct grant *grant = job->grant;
	char digest[DIGEST_HEX_SIZE];

	*attempt = (struct attempt){
		.job = job,
		.grant = grant,
		.install = runner_engine(job->runner, grant->provisioner),
		.process = PROCESS_INIT,
		.out = {.fd = -1},
		.errors = {.fd = -1},
		.variables = AUXILIARY_INIT,
	};
	attempt->ran = job->reattach && job->launched ? job->launched : attempt->install;
	tail_init(&attempt->out, -1, 0, false);
	tail_init(&attempt->errors, -1, 0, false);
	strbuf_init(&attempt->notes);
	batch_init(&attempt->batch);
	progress_init(&attempt->progress);

	bool have_plan = false;
	const char *planned = json_string_value(json_object_get(grant->previous, "planDigest"));
	if (planned && attempt->install) {
		prepare_plan_digest(attempt, digest);
		have_plan = streq(digest, planned);
	}
	attempt->command = sequence_command(grant, have_plan);
	attempt->progress.engine = attempt->install ? attempt->install->engine : &tofu_engine;
	attempt->progress.masker = job->masker;
	attempt->progress.command = attempt->command;
	attempt->progress.operation = grant->operation;
	attempt->progress.fused = sequence_is_fused(grant, attempt->command);
	attempt->progress.drift_is_final = grant->job_operation == JOB_PREVIEW;
}

static void attempt_release(struct attempt *attempt)
{
	auxiliary_release(&attempt->variables);
	diffs_release(attempt);
	process_release(&attempt->process);
	tail_release(&attempt->out);
	tail_release(&attempt->errors);
	batch_release(&attempt->batch);
	progress_release(&attempt->progress);
	strbuf_release(&attempt->notes);
	error_free(attempt->failure);
	free(attempt->refusal);
}

static enum report_status run(struct attempt *attempt, struct report_answer *answer)
{
	attempt->found = attempt->job->reattach && attempt->install && attach(attempt);
	enum report_status status = REPORT_STORED;

	if (attempt->job->reattach)
		status = catch_up(attempt);
	attempt->job->reattach = false;
	if (status == REPORT_STORED && attempt->found && !attempt->progress.diffs_done &&
	    diffs_beside_apply(attempt))
		diffs_start(attempt);
	if (status == REPORT_STORED && !attempt->found) {
		/* The server knows of a start here, and nothing is left of it: it is over. */
		if (attempt->started_told)
			attempt->ended = true;
		else
			start(attempt);
	}
	if (status == REPORT_STORED && attempt->grant->interrupt)
		interrupt(attempt);
	if (status == REPORT_STORED)
		status = follow(attempt);
	if (status == REPORT_STORED && attempt->job->show.running)
		diffs_take(attempt);
	if (status != REPORT_STORED)
		return status;

	if (!end_providers(attempt))
		return REPORT_LOST;
	json_t *ended = finish(attempt, &status);
	if (status == REPORT_STORED && attempt->job->blind && !evidence_send(attempt, ended, true))
		status = REPORT_LOST;
	if (status == REPORT_STORED)
		status = tell_end(attempt, ended, answer);
	json_decref(ended);
	return status;
}

enum attempt_outcome attempt_run(struct job *job, json_t **ret_grant)
{
	struct attempt attempt;
	struct report_answer answer = {0};
	enum attempt_outcome outcome = ATTEMPT_LOST;

	attempt_init(&attempt, job);
	LOG_CONTEXT("operation", operation_to_string(job->grant->operation));
	log_info("%s starts", engine_command_to_string(attempt.command));
	enum report_status status = run(&attempt, &answer);

	const char *type = json_string_value(json_object_get(answer.next, "type"));
	json_t *grant = json_object_get(answer.next, "grant");
	if (status == REPORT_STORED && type && streq(type, "grant") && grant) {
		*ret_grant = json_incref(grant);
		outcome = ATTEMPT_NEXT;
	} else if (status == REPORT_STORED && type && streq(type, "release")) {
		outcome = ATTEMPT_RELEASED;
	} else if (!is_stopping(&attempt)) {
		give_up(&attempt);
	}
	report_answer_release(&answer);
	attempt_release(&attempt);
	return outcome;
}
