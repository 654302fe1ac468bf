/* Diffs come from no output of the attempt: the cursor counts those that were sent. */
#include "runner/diffs.h"

#include <sys/mman.h>

#include "base/log.h"
#include "runner/sequence.h"

bool diffs_after_plan(const struct attempt *attempt)
{
	return attempt->command == ENGINE_PLAN && (attempt->grant->pause_before_change ||
						   attempt->grant->job_operation == JOB_PREVIEW);
}

static bool changes_resources(const json_t *facts)
{
	const struct engine_counts counts =
		engine_counts_from_json(json_object_get(facts, "changes"));
	return engine_counts_any(&counts);
}

bool diffs_beside_apply(const struct attempt *attempt)
{
	const json_t *facts = attempt->grant->previous;
	const char *command = json_string_value(json_object_get(facts, "command"));

	/* What waited for an approval was shown before it. */
	if (attempt->command != ENGINE_APPLY || attempt->grant->plan_artifact ||
	    json_is_true(json_object_get(facts, "diffs")))
		return false;
	return engine_command_from_string(command) != ENGINE_PLAN || changes_resources(facts);
}

bool diffs_for_later(const struct attempt *attempt)
{
	const struct engine_counts counts = progress_counts(&attempt->progress);
	const struct grant *grant = attempt->grant;
	enum engine_command next = sequence_next(grant, attempt->command, attempt->progress.drift);

	return attempt->command == ENGINE_PLAN && !diffs_after_plan(attempt) &&
	       (grant->job_operation == JOB_UPDATE || grant->job_operation == JOB_DESTROY) &&
	       (next == _ENGINE_COMMAND_INVALID || next == ENGINE_APPLY) &&
	       engine_counts_any(&counts);
}

void diffs_start(struct attempt *attempt)
{
	struct job *job = attempt->job;
	_cleanup_error_ struct error *error = NULL;

	if (!job->show.running &&
	    auxiliary_start(&job->show, job, attempt->install, ENGINE_SHOW_PLAN, &error) < 0)
		log_warning("the plan cannot be shown: %s", error->message);
}

void diffs_take(struct attempt *attempt)
{
	_cleanup_error_ struct error *error = NULL;

	if (auxiliary_finish(&attempt->job->show, &attempt->plan_json, &attempt->plan_json_size,
			     &error) == 0)
		return;
	_cleanup_free_ char *why = error_describe(error);
	_cleanup_free_ char *detail =
		xasprintf("The changes of each resource cannot be shown before and after: %s", why);
	log_warning("the plan cannot be shown: %s", why);
	json_t *payload = json_pack("{s:s s:s s:s}", "severity", "warning", "summary",
				    "No diffs of this plan", "detail", detail);
	if (payload && !attempt->progress.diffs_done) {
		batch_add_event(&attempt->batch, EVENT_DIAGNOSTIC, attempt->progress.operation,
				masker_apply_json(attempt->job->masker, payload));
		attempt->progress.diffs_done = true;
	}
	json_decref(payload);
}

struct sending {
	struct attempt *attempt;
	const struct masker *plan_masker; /* of what the plan marks sensitive anywhere */
	uint32_t index;
	enum report_status status;
};

static void mask_member(const struct masker *masker, json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);
	if (value)
		json_object_set_new(object, key, masker_apply_json(masker, value));
}

/* Values only: an address is no secret, even where it has a word in common with one. */
static void mask_values(const struct masker *masker, json_t *diff)
{
	size_t i;
	json_t *change;
	mask_member(masker, diff, "before");
	mask_member(masker, diff, "after");
	json_array_foreach(json_object_get(diff, "changes"), i, change)
	{
		mask_member(masker, change, "before");
		mask_member(masker, change, "after");
	}
}

static int send_one(json_t *payload, void *userdata)
{
	struct sending *sending = userdata;
	struct attempt *attempt = sending->attempt;
	const struct grant *grant = attempt->grant;
	bool of_preview = grant_includes(grant, OPERATION_PREVIEW) &&
			  attempt->command != ENGINE_PLAN_REFRESH_ONLY;
	enum operation operation = of_preview ? OPERATION_PREVIEW : attempt->progress.operation;

	if (sending->index++ < attempt->progress.diffs_sent)
		return 0;
	if (batch_is_full(&attempt->batch)) {
		struct report_answer answer = {0};
		sending->status = attempt_report(attempt, NULL, &answer);
		report_answer_release(&answer);
		if (sending->status != REPORT_STORED)
			return 1;
	}
	mask_values(sending->plan_masker, payload);
	batch_add_event(&attempt->batch, EVENT_DIFF, operation,
			masker_apply_json(attempt->job->masker, payload));
	attempt->progress.diffs_sent++;
	return 0;
}

enum report_status diffs_send(struct attempt *attempt)
{
	_cleanup_error_ struct error *error = NULL;
	struct sending sending = {.attempt = attempt, .status = REPORT_STORED};

	if (!attempt->plan_json || attempt->progress.diffs_done)
		return REPORT_STORED;
	const struct engine *engine = attempt->install->engine;
	_cleanup_masker_ struct masker *plan_masker = masker_new();
	json_t *secrets = json_array();
	int r = engine->plan_secrets(attempt->plan_json, attempt->plan_json_size, secrets, &error);
	masker_add_json(plan_masker, secrets);
	masker_finish(plan_masker);
	json_decref(secrets);
	sending.plan_masker = plan_masker;
	if (r >= 0)
		r = engine->read_plan(attempt->plan_json, attempt->plan_json_size, send_one,
				      &sending, &error);
	if (r < 0) {
		_cleanup_free_ char *why = error_describe(error);
		log_warning("diffs: %s", why);
	}
	if (sending.status == REPORT_STORED)
		attempt->progress.diffs_done = true;
	return sending.status;
}

void diffs_release(struct attempt *attempt)
{
	if (attempt->plan_json)
		munmap(attempt->plan_json, attempt->plan_json_size);
	attempt->plan_json = NULL;
}
