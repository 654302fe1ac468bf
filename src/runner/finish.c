/* From an exit record to a result, and from a result to what comes next. */
#include "runner/finish.h"

#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/strutil.h"
#include "lifecycle/sequence.h"
#include "runner/diffs.h"
#include "runner/evidence.h"
#include "runner/pack.h"
#include "runner/prepare.h"
#include "runner/sequence.h"

#define LOCK_FILE_MAX	(4 << 20)
#define STDERR_MAX	4000
#define STDERR_READ_MAX (1 << 20)

struct end {
	const char *result;
	int exit_code, signal;
	uint64_t time;
	json_t *usage; /* or NULL */
};

static bool flag(const json_t *record, const char *key)
{
	return json_is_true(json_object_get(record, key));
}

/* Only what the engine said where it says what nobody expects. */
static void add_stderr(struct attempt *attempt, const char *summary)
{
	char text[STDERR_MAX + 1];
	off_t size =
		attempt->process.stderr_fd < 0 ? 0 : lseek(attempt->process.stderr_fd, 0, SEEK_END);
	uint64_t from = size > STDERR_MAX ? (uint64_t)(size - STDERR_MAX) : 0;
	ssize_t length =
		size > 0 ? pread_full(attempt->process.stderr_fd, text, STDERR_MAX, from) : 0;

	text[MAX(length, (ssize_t)0)] = '\0';
	progress_add_error(&attempt->progress, summary, text);
}

static long long seconds_taken(const json_t *record)
{
	return (long long)(json_integer_value(json_object_get(record, "endedMs")) -
			   json_integer_value(json_object_get(record, "startedMs"))) /
	       1000;
}

static void explain_failure(struct attempt *attempt, const json_t *record, const struct end *end)
{
	struct progress *progress = &attempt->progress;
	const char *problem = json_string_value(json_object_get(record, "error"));

	if (problem) {
		progress_add_error(progress, "The engine could not be started", problem);
	} else if (flag(record, "flooded")) {
		progress_lead_error(
			progress, "The engine printed more than 1 GiB",
			flag(record, "killed")
				? "It did not stop when it was interrupted, and was killed."
				: "It was interrupted.");
	} else if (flag(record, "timedOut")) {
		_cleanup_free_ char *text =
			xasprintf("The %s passed its time limit, after %lld s",
				  operation_to_string(progress->operation), seconds_taken(record));
		progress_lead_error(
			progress, text,
			flag(record, "killed")
				? "It did not end when it was interrupted, and was killed."
				: "It was interrupted.");
	} else if (end->signal != 0) {
		_cleanup_free_ char *text = xasprintf("The engine was ended by signal %d (%s)",
						      end->signal, strsignal(end->signal));
		add_stderr(attempt, text);
	} else if (json_array_size(progress->errors) == 0) {
		_cleanup_free_ char *text =
			xasprintf("The engine ended with exit code %d", end->exit_code);
		add_stderr(attempt, text);
	}
}

/* As the kernel does when memory runs out: says nothing of what the engine was at. */
static bool was_killed_by_others(const json_t *record, const struct end *end)
{
	return end->signal == SIGKILL && !flag(record, "killed") && !flag(record, "timedOut");
}

static void take_record(struct attempt *attempt, struct end *end)
{
	json_t *record = process_exit_record(&attempt->process);

	if (!record) {
		end->result = "unknown";
		progress_add_error(&attempt->progress, "How the engine ended is unknown",
				   "It left no record of its end: its supervisor was killed, or "
				   "its folder deleted.");
		return;
	}
	end->exit_code = (int)json_integer_value(json_object_get(record, "exitCode"));
	end->signal = (int)json_integer_value(json_object_get(record, "signal"));
	end->time = (uint64_t)json_integer_value(json_object_get(record, "endedMs"));
	end->usage = json_pack("{s:O* s:O* s:O*}", "maxRssKb", json_object_get(record, "maxRssKb"),
			       "userMs", json_object_get(record, "userMs"), "systemMs",
			       json_object_get(record, "systemMs"));
	bool clean = end->exit_code == 0 && end->signal == 0 && !json_object_get(record, "error");
	if (clean)
		end->result = "succeeded";
	else if (flag(record, "interrupted") && !flag(record, "timedOut") &&
		 !flag(record, "flooded"))
		end->result = "interrupted";
	else if (was_killed_by_others(record, end) &&
		 !operation_is_change(attempt->grant->operation))
		end->result = "unknown";
	else
		end->result = "failed";
	if (streq(end->result, "failed") || streq(end->result, "unknown"))
		explain_failure(attempt, record, end);
	json_decref(record);
}

static void fail(struct attempt *attempt, struct end *end, const struct error *error)
{
	_cleanup_free_ char *text = error ? error_describe(error) : xstrdup("unknown");

	end->result = "failed";
	progress_add_error(&attempt->progress, text, error ? error->hint : NULL);
}

/* Who applied a plan that the state left behind wants to know what to do. */
static void explain_stale_plan(struct attempt *attempt)
{
	size_t i;
	json_t *error;

	json_array_foreach(attempt->progress.errors, i, error)
	{
		const char *summary = json_string_value(json_object_get(error, "summary"));
		if (!summary || !attempt->install->engine->is_stale_plan(summary))
			continue;
		_cleanup_free_ char *detail = xasprintf("Nothing was changed. Rerun the job to "
							"plan again: planton stack-job rerun %s",
							attempt->grant->job_id);
		progress_lead_error(&attempt->progress,
				    "The state changed after this plan was made", detail);
		return;
	}
}

/* What a Go program prints when it dies of itself, of what providers said on stderr. */
static void explain_lost_provider(struct attempt *attempt)
{
	_cleanup_free_ char *path =
		path_join(attempt->job->workspace.aux, "providers/stderr", NULL);
	_cleanup_free_ char *said = NULL;
	const char *panic =
		read_file(path, STDERR_READ_MAX, &said, NULL) == 0 ? strstr(said, "panic: ") : NULL;
	_cleanup_free_ char *detail = xasprintf(
		"What it had begun may exist without being in the state: this job lists it.%s%.*s",
		panic ? "\n" : "", STDERR_MAX, panic ? panic : "");

	progress_lead_error(&attempt->progress, "A provider ended while it was at work", detail);
}

static enum report_status show_plan(struct attempt *attempt)
{
	enum report_status status;

	diffs_start(attempt);
	if (attempt->job->show.running)
		diffs_take(attempt);
	while ((status = diffs_send(attempt)) == REPORT_RESYNC)
		;
	return status;
}

static enum report_status after_plan(struct attempt *attempt, struct end *end)
{
	_cleanup_error_ struct error *error = NULL;
	enum report_status status = REPORT_STORED;
	bool of_preview = attempt->progress.operation == OPERATION_PREVIEW;

	if (diffs_for_later(attempt))
		diffs_start(attempt);
	if (diffs_after_plan(attempt) && of_preview)
		status = show_plan(attempt);
	if (status == REPORT_STORED && attempt->grant->pause_before_change && of_preview) {
		error_free(TAKE_PTR(error));
		if (pack_store(attempt->job, &error) < 0)
			fail(attempt, end, error);
	}
	return status;
}

static enum report_status after_success(struct attempt *attempt, struct end *end)
{
	switch (attempt->command) {
	case ENGINE_INIT: {
		_cleanup_error_ struct error *error = NULL;
		if (prepare_after_init(attempt, &error) < 0)
			fail(attempt, end, error);
		return REPORT_STORED;
	}
	case ENGINE_PLAN:
		progress_reading_done(&attempt->progress, &attempt->batch);
		return after_plan(attempt, end);
	case ENGINE_PLAN_REFRESH_ONLY:
		/* What differs is about to be overwritten in the state. */
		return attempt->progress.drift > 0 ? show_plan(attempt) : REPORT_STORED;
	case ENGINE_APPLY_REFRESH_ONLY:
	case ENGINE_APPLY:
	case ENGINE_SHOW_PLAN:
	case ENGINE_SHOW_VARIABLES:
	case _ENGINE_COMMAND_MAX:
	case _ENGINE_COMMAND_INVALID:
		break;
	}
	return REPORT_STORED;
}

static json_t *providers(const struct attempt *attempt)
{
	const struct engine *engine = attempt->install->engine;
	_cleanup_free_ char *text = NULL;

	return workspace_read(&attempt->job->workspace, engine->lock_file, LOCK_FILE_MAX, &text,
			      NULL) < 0
		       ? json_array()
		       : engine->read_providers(text);
}

static json_t *facts(const struct attempt *attempt, const struct end *end)
{
	const struct progress *progress = &attempt->progress;
	const struct engine_counts counts = progress_counts(progress);
	json_t *json =
		json_pack("{s:s s:s s:s s:i s:o s:i s:b s:b}", "command",
			  engine_command_to_string(attempt->command), "operation",
			  operation_to_string(attempt->grant->operation), "result", end->result,
			  "attempt", attempt->grant->attempt, "changes",
			  engine_counts_to_json(&counts), "drift", (int)progress->drift,
			  "hasChanges", engine_counts_any(&counts) || progress->outputs_change,
			  "diffs", progress->diffs_done);
	char digest[DIGEST_HEX_SIZE];

	/* Of one that was lost with its folder, nobody knows it. */
	if (attempt->ran && *attempt->ran->version && !attempt->job->blind)
		json_object_set_new(
			json, "engine",
			json_pack("{s:s s:s}", "provisioner",
				  provisioner_to_string(attempt->ran->engine->provisioner),
				  "version", attempt->ran->version));
	if (attempt->install) {
		if (attempt->command == ENGINE_INIT)
			json_object_set_new(json, "providers", providers(attempt));
		if (attempt->command == ENGINE_PLAN ||
		    attempt->command == ENGINE_PLAN_REFRESH_ONLY) {
			prepare_plan_digest(attempt, digest);
			if (digest[0] && streq(end->result, "succeeded"))
				json_object_set_new(json, "planDigest", json_string(digest));
		}
	}
	if (end->usage)
		json_object_set(json, "usage", end->usage);
	return json;
}

json_t *finish(struct attempt *attempt, enum report_status *ret_status)
{
	const struct grant *grant = attempt->grant;
	struct end end = {.result = "succeeded", .time = now_realtime_ms()};
	enum report_status status = REPORT_STORED;

	if (attempt->failure)
		fail(attempt, &end, attempt->failure);
	else if (!attempt->reused)
		take_record(attempt, &end);

	if (streq(end.result, "succeeded"))
		status = after_success(attempt, &end);
	if (!streq(end.result, "succeeded") && attempt->command == ENGINE_APPLY)
		explain_stale_plan(attempt);
	bool lost = attempt->progress.provider_lost && attempt->command == ENGINE_APPLY &&
		    !streq(end.result, "succeeded");
	if (lost)
		explain_lost_provider(attempt);
	if (attempt->install && evidence_has_errored_state(attempt)) {
		progress_lead_error(&attempt->progress, "The state could not be saved",
				    "What the engine knew is kept as evidence of this job: "
				    "errored.tfstate. HTTP error 413 means "
				    "that the state passes the platform's limit of 64 MiB.");
		end.result = "failed";
		if (status == REPORT_STORED && !evidence_send(attempt, NULL, false))
			status = REPORT_LOST;
	}

	bool succeeded = streq(end.result, "succeeded");
	enum engine_command next =
		succeeded ? sequence_next(grant, attempt->command, attempt->progress.drift)
			  : _ENGINE_COMMAND_INVALID;
	json_t *ended = json_pack("{s:I s:s s:i s:i s:O s:b s:o}", "time", (json_int_t)end.time,
				  "result", end.result, "exitCode", end.exit_code, "signal",
				  end.signal, "errors", attempt->progress.errors, "operationEnds",
				  next == _ENGINE_COMMAND_INVALID, "facts", facts(attempt, &end));
	if (lost)
		json_object_set_new(json_object_get(ended, "facts"), "providerLost", json_true());
	if (next != _ENGINE_COMMAND_INVALID)
		json_object_set_new(ended, "next",
				    json_pack("{s:s s:s}", "operation",
					      operation_to_string(grant->operation), "command",
					      engine_command_to_string(next)));
	json_decref(end.usage);
	*ret_status = status;
	return ended;
}
