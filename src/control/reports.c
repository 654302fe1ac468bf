/*
 * Reports: idempotent by offset. One report is one transaction: its events, the offsets and cursor
 * behind them and, at the end of an attempt, what the rules make of it.
 */
#include "control/reports.h"

#include <string.h>

#include "base/digest.h"
#include "base/strutil.h"
#include "control/control.h"
#include "control/evidence.h"
#include "control/grants.h"
#include "control/leases.h"
#include "control/runners.h"
#include "model/json.h"

static json_t *next_of_type(const char *type)
{
	json_t *next = json_new_object();
	json_set_string(next, "type", type);
	return next;
}

static json_t *next_release(const struct job_state *s)
{
	json_t *next = next_of_type("release");
	json_set_string(next, "status", status_to_string(s->row.status));
	json_set_string(next, "result", result_to_string(s->row.result));
	return next;
}

/* Steals next. */
static json_t *answer(const struct job_state *s, const struct attempt_row *a, json_t *next)
{
	json_t *document = json_new_object(), *to = json_new_object();
	json_set_int(to, "stdout", a->offset);
	json_set_int(to, "stderr", a->offset_stderr);
	json_set_value(document, "to", to);
	json_set_value(document, "cursor", a->cursor ? json_of_text(a->cursor) : json_null());
	json_set_value(document, "next", next);
	json_set_bool(document, "interrupt",
		      s->row.force_requested && s->row.status == STATUS_RUNNING);
	return document;
}

/* The next launch of the job for the runner that has it, or the end of its hold. */
static int grant_or_release(struct work *w, struct job_state *s, enum operation o,
			    json_t **ret_next, struct error **err)
{
	json_t *grant = NULL;
	int r = grant_issue(w, s, o, &grant, err);
	if (r < 0)
		return r;
	if (r == 0) {
		*ret_next = next_release(s);
		return 0;
	}
	*ret_next = next_of_type("grant");
	json_set_value(*ret_next, "grant", grant);
	return 0;
}

static int stale(const struct job_state *s, int64_t epoch, struct error **err)
{
	return error_set(err, ERROR_STALE_EPOCH,
			 "epoch %lld of stack job %s is over; the newest is %lld", (long long)epoch,
			 s->row.id, (long long)s->row.epoch);
}

/* The attempt's end was reported before: the same answer, with a fresh grant if the launch that was
 * granted never began. */
static int answer_again(struct work *w, struct job_state *s, const struct attempt_row *a,
			json_t **ret_answer, struct error **err)
{
	json_t *next = NULL;
	int64_t epoch = a->epoch;
	if (s->view.status == STATUS_RUNNING && s->view.assigned &&
	    streq_null(s->row.runner_id, w->actor.runner_id)) {
		const struct attempt_row *latest = job_state_latest_attempt(s);
		if (latest->epoch != s->row.epoch || latest->started_ms || latest->ended_ms)
			return stale(s, epoch, err);
		int r = grant_or_release(w, s, latest->operation, &next, err);
		if (r < 0)
			return r;
		a = job_state_attempt_of_epoch(s, epoch);
	} else {
		next = next_release(s);
	}
	*ret_answer = answer(s, a, next);
	return 0;
}

static int begin_attempt(struct work *w, struct job_state *s, struct attempt_row *a,
			 const json_t *started, struct error **err)
{
	int64_t time = json_get_int(started, "time", 0);
	a->started_ms = time > 0 ? time : w->now_ms;
	replace_string(&a->command, json_get_str(started, "command"));
	_cleanup_json_ json_t *facts = attempt_facts(a);
	if (json_is_array(json_object_get(started, "covers")))
		json_set_value(facts, "covers", json_deep_copy(json_object_get(started, "covers")));
	bool reused = json_get_bool(started, "reused", false);
	if (reused)
		json_set_bool(facts, "reused", true);
	attempt_set_facts(a, facts);
	const struct job_step step = {
		.event = {.type = JOB_EVENT_OPERATION_STARTED, .operation = a->operation},
		.time_ms = a->started_ms,
		.attempt = a->number,
		.reused = reused,
	};
	struct job_effects f;
	return job_state_step(w, s, &step, &f, err);
}

static const struct {
	const char *word;
	enum job_event_type event;
	enum result result; /* of the attempt */
} endings[] = {
	{"succeeded", JOB_EVENT_OPERATION_SUCCEEDED, RESULT_SUCCEEDED},
	{"failed", JOB_EVENT_OPERATION_FAILED, RESULT_FAILED},
	{"unknown", JOB_EVENT_OPERATION_UNKNOWN, RESULT_FAILED},
	{"interrupted", JOB_EVENT_OPERATION_INTERRUPTED, RESULT_CANCELLED},
};

static int too_large(const json_t *value, const char *what, struct error **err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	if (!value)
		return 0;
	json_write(&text, value, JSON_WRITE_COMPACT);
	if (text.size <= REPORT_MAX_ERRORS)
		return 0;
	return error_set_field(err, ERROR_TOO_LARGE, "/ended",
			       "%s of an attempt are over their limit of %zu bytes", what,
			       REPORT_MAX_ERRORS);
}

static void keep_facts(struct attempt_row *a, const json_t *ended, enum operation o)
{
	_cleanup_json_ json_t *facts = attempt_facts(a);
	const json_t *given = json_object_get(ended, "facts");
	if (json_is_object(given))
		json_set_value(facts, "facts", json_deep_copy(given));
	json_set_string(facts, "outcome", json_get_str(ended, "result"));
	json_set_string(facts, "endedIn", operation_to_string(o));
	json_set_int(facts, "exitCode", json_get_int(ended, "exitCode", 0));
	json_set_int(facts, "signal", json_get_int(ended, "signal", 0));
	attempt_set_facts(a, facts);
}

static int end_attempt(struct work *w, struct job_state *s, struct attempt_row *a,
		       const json_t *ended, json_t **ret_next, struct error **err)
{
	const char *word = json_get_str(ended, "result");
	size_t i = 0;
	while (i < ARRAY_SIZE(endings) && !streq_null(endings[i].word, word))
		i++;
	if (i == ARRAY_SIZE(endings))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/ended/result",
				       "an attempt ends succeeded, failed, unknown or interrupted");
	const json_t *errors = json_object_get(ended, "errors"),
		     *facts = json_object_get(ended, "facts");
	int r = too_large(errors, "the errors", err);
	if (r >= 0)
		r = too_large(facts, "the facts", err);
	if (r < 0)
		return r;

	enum operation o = job_next_operation(&s->view);
	bool goes_on = endings[i].event == JOB_EVENT_OPERATION_SUCCEEDED &&
		       !json_get_bool(ended, "operationEnds", true);
	const json_t *drift = json_object_get(facts, "drift"),
		     *changes = json_object_get(facts, "changes");
	int64_t drifted = json_integer_value(drift);
	int64_t time = json_get_int(ended, "time", 0);
	a->ended_ms = MAX(time > 0 ? time : w->now_ms, a->started_ms);
	a->result = endings[i].result;
	keep_facts(a, ended, o);
	r = attempt_update(w->tx, a, err);
	if (r < 0)
		return r;

	const struct job_step step = {
		.event = {.type = goes_on ? JOB_EVENT_OPERATION_CONTINUES : endings[i].event,
			  .operation = o,
			  .killed = json_get_int(ended, "signal", 0) != 0},
		.time_ms = a->ended_ms,
		.errors = json_array_size(errors) > 0 ? errors : NULL,
		.summary = json_is_object(changes) ? changes : NULL,
		.drift = json_is_integer(drift) && o == OPERATION_REFRESH ? &drifted : NULL,
		.attempt = o == a->operation ? a->number : job_state_attempt_number(s, o, a->epoch),
	};
	struct job_effects f;
	/* An engine that could not save its state, or lost a provider, has told more than the state
	 * knows. */
	bool unsaved = false;
	if (operation_is_change(o) && a->result != RESULT_SUCCEEDED) {
		_cleanup_json_ json_t *kept = attempt_facts(a);
		unsaved = json_get_bool(facts, "providerLost", false) ||
			  json_get_bool(kept, "erroredState", false);
	}
	r = job_state_step(w, s, &step, &f, err);
	if (r >= 0 && unsaved && !(f.flags & JOB_EFFECT_EVIDENCE))
		r = evidence_collect(w, s, true, err);
	if (r < 0)
		return r;
	if (f.flags & JOB_EFFECT_GRANT)
		return grant_or_release(w, s, f.grant_operation, ret_next, err);
	*ret_next = next_release(s);
	return 0;
}

/* Was exactly this stored last? Then it is a repetition, even if it moved no offset. */
static bool is_repetition(const struct attempt_row *a, const char *digest)
{
	_cleanup_json_ json_t *facts = attempt_facts(a);
	return streq_null(json_get_str(facts, "report"), digest);
}

static void digest_report(const json_t *header, const void *logs, size_t logs_len,
			  char ret[DIGEST_HEX_SIZE])
{
	_cleanup_free_ char *text = json_to_canonical(header);
	struct digest *digest = digest_new(DIGEST_BLAKE2B);
	digest_update(digest, text, strlen(text));
	digest_update(digest, logs, logs_len);
	digest_final_hex(digest, ret);
	digest_free(digest);
}

static int store_cursor(struct attempt_row *a, const json_t *header, const char *digest,
			struct error **err)
{
	char *cursor = json_to_text(json_object_get(header, "cursor"), JSON_WRITE_COMPACT);
	if (strlen(cursor) > REPORT_MAX_CURSOR) {
		free(cursor);
		return error_set_field(err, ERROR_TOO_LARGE, "/cursor",
				       "the cursor is over its limit of %zu bytes",
				       REPORT_MAX_CURSOR);
	}
	free(a->cursor);
	a->cursor = cursor;
	a->offset = json_get_int(header, "to.stdout", a->offset);
	a->offset_stderr = json_get_int(header, "to.stderr", a->offset_stderr);
	_cleanup_json_ json_t *facts = attempt_facts(a);
	json_set_string(facts, "report", digest);
	attempt_set_facts(a, facts);
	return 0;
}

static int check_offsets(const struct attempt_row *a, const json_t *header, bool *ret_behind,
			 struct error **err)
{
	int64_t out = json_get_int(header, "from.stdout", -1),
		from_err = json_get_int(header, "from.stderr", -1);
	if (out < 0 || from_err < 0)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/from",
				       "from needs stdout and stderr");
	if (json_get_int(header, "to.stdout", -1) < out ||
	    json_get_int(header, "to.stderr", -1) < from_err)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/to", "to is before from");
	*ret_behind = out < a->offset || from_err < a->offset_stderr;
	if (!*ret_behind && (out > a->offset || from_err > a->offset_stderr))
		return error_set_field(
			err, ERROR_CONFLICT, "/from",
			"output is missing: stored is up to %lld and %lld, from is %lld and %lld",
			(long long)a->offset, (long long)a->offset_stderr, (long long)out,
			(long long)from_err);
	return 0;
}

static int find_attempt(struct work *w, struct job_state *s, const json_t *header,
			struct attempt_row **ret, struct error **err)
{
	int64_t epoch = json_get_int(header, "epoch", -1);
	struct attempt_row *a = job_state_attempt_of_epoch(s, epoch);
	if (!a)
		return stale(s, epoch, err);
	if (!streq_null(a->runner_id, w->actor.runner_id))
		return error_set(err, ERROR_PERMISSION_DENIED,
				 "epoch %lld of stack job %s is another runner's", (long long)epoch,
				 s->row.id);
	if (operation_from_string(json_get_str(header, "operation")) != a->operation ||
	    json_get_int(header, "attempt", -1) != a->number)
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "epoch %lld of stack job %s is attempt %d of %s", (long long)epoch,
				 s->row.id, a->number, operation_to_string(a->operation));
	*ret = a;
	return 0;
}

static int store_report(struct work *w, struct job_state *s, struct attempt_row *a,
			const json_t *header, const void *logs, size_t logs_len, json_t **ret_next,
			struct error **err)
{
	bool behind = false;
	char digest[DIGEST_HEX_SIZE];
	int r = check_offsets(a, header, &behind, err);
	if (r < 0)
		return r;
	digest_report(header, logs, logs_len, digest);
	if (behind || is_repetition(a, digest))
		return 0;
	const json_t *started = json_object_get(header, "started"),
		     *ended = json_object_get(header, "ended");
	if (!a->started_ms && !json_is_object(started))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/started",
				       "the first report of an attempt says started");
	if (!a->started_ms)
		r = begin_attempt(w, s, a, started, err);
	if (r >= 0)
		r = report_store_events(w, s, a, json_object_get(header, "events"), logs, logs_len,
					err);
	if (r >= 0)
		r = store_cursor(a, header, digest, err);
	if (r < 0)
		return r;
	return json_is_object(ended) ? end_attempt(w, s, a, ended, ret_next, err)
				     : attempt_update(w->tx, a, err);
}

int runner_report(struct work *w, const char *job_id, const json_t *header, const void *logs,
		  size_t logs_len, json_t **ret_answer, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	struct attempt_row *a = NULL;
	int r = job_state_load(w, job_id, &s, err);
	if (r >= 0)
		r = find_attempt(w, &s, header, &a, err);
	if (r < 0)
		return r;
	int64_t epoch = a->epoch;
	lease_touch(w->control->leases, w->actor.runner_id);
	const json_t *cursor = json_object_get(header, "cursor");
	bool asks = !cursor || json_is_null(cursor);
	if (a->ended_ms && attempt_was_given_up(a))
		return stale(&s, epoch, err);
	if (a->ended_ms && (asks || json_is_object(json_object_get(header, "ended"))))
		return answer_again(w, &s, a, ret_answer, err);
	if (a->ended_ms) {
		*ret_answer = answer(&s, a, next_of_type("continue"));
		return 0;
	}
	if (epoch != s.row.epoch || s.row.status != STATUS_RUNNING)
		return stale(&s, epoch, err);

	json_t *next = NULL;
	if (!asks) {
		r = store_report(w, &s, a, header, logs, logs_len, &next, err);
		if (r < 0)
			return r;
	}
	a = job_state_attempt_of_epoch(&s, epoch);
	*ret_answer = answer(&s, a, next ? next : next_of_type("continue"));
	return 0;
}
