/* Evidence of changes that ended in the dark. */
#include "control/evidence.h"

#include <string.h>

#include "base/encoding.h"
#include "base/log.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "control/control.h"
#include "control/runners.h"
#include "control/runners_lost.h"
#include "control/states.h"
#include "lifecycle/adoption.h"
#include "model/json.h"

#define JOURNAL_MAX_ENTRIES 100000
#define EVENTS_READ_MAX	    1000000
#define EVENTS_READ_BYTES   ((size_t)256 << 20)

/* {address: {type, provider, action, complete, failed, idKey, idValue}} from entries in the order
 * in which they happened. */
static void note(json_t *found, const json_t *entry)
{
	const char *address = json_get_str(entry, "address"), *phase = json_get_str(entry, "phase");
	const char *action = json_get_str(entry, "action");
	if (!address || !phase || !action || streq(action, "read") || streq(action, "refresh") ||
	    streq(action, "noop"))
		return;
	if (!streq(phase, "started") && !streq(phase, "progress") && !streq(phase, "done") &&
	    !streq(phase, "failed"))
		return;
	json_t *one = json_object_get(found, address);
	/* What was to be replaced goes last: the new one is what matters. */
	if (one && streq(action, "delete") && streq_null(json_get_str(one, "action"), "create"))
		return;
	if (!one) {
		one = json_new_object();
		json_set_value(found, address, one);
	}
	static const char *const copied[] = {"type", "provider", "action", "idKey", "idValue"};
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		if (json_get_str(entry, copied[i]))
			json_set_string(one, copied[i], json_get_str(entry, copied[i]));
	json_set_bool(one, "complete", streq(phase, "done"));
	json_set_bool(one, "failed", streq(phase, "failed"));
}

static int note_event(const struct event *e, void *ctx)
{
	_cleanup_json_ json_t *payload = json_of_text(e->payload);
	note(ctx, payload);
	return 0;
}

static int reported(struct work *w, const struct job_row *job, json_t *found, struct error **err)
{
	enum operation change = job->operation == JOB_DESTROY ? OPERATION_DESTROY : OPERATION_APPLY;
	return event_read(w->tx, job->id, 0, change, 1U << EVENT_RESOURCE, EVENTS_READ_MAX,
			  EVENTS_READ_BYTES, note_event, found, err);
}

/* {address: true} of what the newest state knows; {} when there is none, or it cannot be read: that
 * must not keep its job from ending. */
static json_t *known_addresses(struct work *w, const char *state_id)
{
	char *bytes = NULL;
	size_t len = 0;
	_cleanup_error_ struct error *why = NULL;
	if (state_read(w, state_id, NULL, &bytes, &len, &why) < 0)
		log_fields(LOG_LEVEL_WARNING, "the state's resources cannot be read", "state",
			   state_id, "error", why->message, NULL);
	json_t *addresses = NULL;
	if (bytes)
		(void)state_addresses(bytes, len, &addresses, NULL);
	secure_wipe(bytes, len);
	free(bytes);
	return addresses ? addresses : json_new_object();
}

static int put(struct work *w, const struct job_row *job, const json_t *addresses,
	       const char *address, const json_t *one, struct error **err)
{
	const struct adoption_case c = {
		.address = address,
		.type = json_get_str(one, "type"),
		.action = json_get_str(one, "action"),
		.complete = json_get_bool(one, "complete", false),
		.failed = json_get_bool(one, "failed", false),
		.in_state = json_object_get(addresses, address) != NULL,
		.id_key = json_get_str(one, "idKey"),
		.id_value = json_get_str(one, "idValue"),
	};
	if (!adoption_is_outstanding(&c))
		return 0;
	_cleanup_free_ char *advice = adoption_advice(&c);
	const struct adoption_row row = {
		.job_id = job->id,
		.resource_id = job->resource_id,
		.address = (char *)address,
		.type = (char *)c.type,
		.provider = (char *)json_get_str(one, "provider"),
		.complete = c.complete,
		.action = (char *)c.action,
		.id_key = (char *)c.id_key,
		.id_value = (char *)c.id_value,
		.advice = advice,
		.created_ms = w->now_ms,
	};
	return adoption_put(w->tx, &row, err);
}

/* Rows of this job whose resource turned out to be in order. */
static int settle(struct work *w, const struct job_row *job, const json_t *addresses,
		  const json_t *found, struct error **err)
{
	struct adoption_row *rows = NULL;
	int n = adoption_list(w->tx, job->id, NULL, &rows, err);
	int r = MIN(n, 0);
	for (int i = 0; i < n; i++) {
		const json_t *one = json_object_get(found, rows[i].address);
		bool told = json_get_bool(one, "failed", false) ||
			    json_get_bool(one, "complete", false);
		bool gone = json_get_bool(one, "complete", false) &&
			    streq_null(rows[i].action, "delete");
		bool known = told && (gone || json_object_get(addresses, rows[i].address));
		if (r >= 0 && known && !rows[i].resolved_ms) {
			rows[i].resolved_ms = w->now_ms;
			r = adoption_put(w->tx, &rows[i], err);
		}
		adoption_row_release(&rows[i]);
	}
	free(rows);
	return r;
}

static int put_all(struct work *w, const struct job_row *job, const json_t *found,
		   struct error **err)
{
	_cleanup_json_ json_t *addresses = known_addresses(w, job->state_id);
	int r = 0;
	const char *address;
	json_t *one;
	json_object_foreach((json_t *)found, address, one)
	{
		if (r < 0)
			break;
		r = put(w, job, addresses, address, one, err);
	}
	return r < 0 ? r : settle(w, job, addresses, found, err);
}

static int set_needs_refresh(struct work *w, const struct job_row *job, struct error **err)
{
	json_t *held = json_new_object();
	json_set_string(held, "kind", hold_kind_to_string(HOLD_NEEDS_REFRESH));
	json_set_string(held, "runner", job->runner_id);
	json_set_string(held, "job", job->id);
	json_set_int(held, "epoch", job->epoch);
	return resource_status_set(w, job->resource_id, "held", held, err);
}

int evidence_collect(struct work *w, struct job_state *s, bool hold, struct error **err)
{
	_cleanup_json_ json_t *found = json_new_object();
	int r = reported(w, &s->row, found, err);
	if (r >= 0)
		r = put_all(w, &s->row, found, err);
	if (r >= 0 && hold && s->row.resource_id && json_object_size(found) > 0)
		r = set_needs_refresh(w, &s->row, err);
	return r;
}

int evidence_close(struct work *w, const struct job_state *s, struct error **err)
{
	struct hold hold;
	_cleanup_json_ json_t *document = NULL, *found = json_new_object();
	if (!s->row.resource_id)
		return 0;
	int r = job_hold_of(w, s->row.resource_id, &hold, &document, err);
	if (r < 0 || hold.kind != HOLD_ENGINE_MAY_LIVE || !streq_null(hold.job, s->row.id))
		return r;
	struct adoption_row *rows = NULL;
	int n = adoption_list(w->tx, s->row.id, NULL, &rows, err);
	for (int i = 0; i < n; i++)
		adoption_row_release(&rows[i]);
	free(rows);
	r = n < 0 ? n : reported(w, &s->row, found, err);
	if (r < 0)
		return r;
	work_wake_after(w, "queue");
	if (n == 0 && json_object_size(found) == 0)
		return resource_status_set(w, s->row.resource_id, "held", NULL, err);
	return set_needs_refresh(w, &s->row, err);
}

int evidence_resolve(struct work *w, const struct job_row *job, struct error **err)
{
	struct adoption_row *rows = NULL;
	int n = adoption_list(w->tx, NULL, job->resource_id, &rows, err);
	if (n <= 0)
		return n;
	_cleanup_json_ json_t *addresses = known_addresses(w, job->state_id);
	int r = 0;
	for (int i = 0; i < n; i++) {
		if (r >= 0 && !rows[i].resolved_ms && json_object_get(addresses, rows[i].address)) {
			rows[i].resolved_ms = w->now_ms;
			r = adoption_put(w->tx, &rows[i], err);
		}
		adoption_row_release(&rows[i]);
	}
	free(rows);
	return r;
}

static int keep_errored_state(struct work *w, const char *job_id, int64_t epoch, const char *base64,
			      struct error **err)
{
	uint8_t *bytes = NULL;
	size_t len = strlen(base64), size;
	if (len / 4 * 3 > STATE_MAX_BYTES)
		return error_set_field(err, ERROR_TOO_LARGE, "/erroredState",
				       "erroredState is over its limit of %zu bytes",
				       STATE_MAX_BYTES);
	if (base64_decode(base64, len, &bytes, &size) < 0)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/erroredState",
				       "erroredState is no base64");
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	_cleanup_free_ char *context = xasprintf("quarantine:%s:%lld", job_id, (long long)epoch);
	int r = master_key_seal(w->control->master_key, context, bytes, size, &sealed);
	secure_wipe(bytes, size);
	free(bytes);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot seal erroredState");
	return quarantine_put(w->tx, job_id, epoch, "errored.tfstate", sealed.data, sealed.size,
			      w->now_ms, err);
}

static int mark_errored_state(struct work *w, struct attempt_row *a, struct error **err)
{
	_cleanup_json_ json_t *facts = attempt_facts(a);
	json_set_bool(facts, "erroredState", true);
	attempt_set_facts(a, facts);
	return attempt_update(w->tx, a, err);
}

/* The attempt's own record, kept beside what the server decided without it. */
static int keep_exit_record(struct work *w, struct attempt_row *a, const json_t *ended,
			    struct error **err)
{
	_cleanup_json_ json_t *facts = attempt_facts(a);
	json_set_value(facts, "evidence", json_deep_copy(ended));
	attempt_set_facts(a, facts);
	return attempt_update(w->tx, a, err);
}

static int take_journal(struct work *w, struct job_state *s, const json_t *journal,
			struct error **err)
{
	_cleanup_json_ json_t *found = json_new_object();
	int r = reported(w, &s->row, found, err);
	if (r < 0)
		return r;
	size_t i;
	json_t *entry;
	json_array_foreach(journal, i, entry) note(found, entry);
	return put_all(w, &s->row, found, err);
}

/* Did the job end without the word of this attempt, which was a change? Only then its journal means
 * anything. */
static bool ended_in_the_dark(const struct job_state *s, const struct attempt_row *a)
{
	return operation_is_change(a->operation) &&
	       (streq_null(s->row.error_code, "runner_lost") ||
		streq_null(s->row.error_code, "engine_unknown"));
}

/* Its runner says that nothing of the newest launch is alive and goes on no further: without this
 * the loss would come after the word that could end its hold. */
static int lose_what_was_given_up(struct work *w, struct job_state *s, int64_t epoch,
				  struct attempt_row **a, struct error **err)
{
	if (!s->view.assigned || s->row.status != STATUS_RUNNING || epoch != s->row.epoch)
		return 0;
	_cleanup_free_ char *id = xstrdup(s->row.id);
	int r = runner_lose_job(w, id, JOB_EVENT_RUNNER_LOST, err);
	if (r < 0)
		return r;
	job_state_release(s);
	r = job_state_load(w, id, s, err);
	if (r >= 0)
		*a = job_state_attempt_of_epoch(s, epoch);
	return r;
}

int runner_evidence(struct work *w, const char *job_id, const json_t *body, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, job_id, &s, err);
	if (r < 0)
		return r;
	int64_t epoch = json_get_int(body, "epoch", -1);
	struct attempt_row *a = job_state_attempt_of_epoch(&s, epoch);
	if (!a)
		return error_set(err, ERROR_NOT_FOUND, "stack job %s has no attempt of epoch %lld",
				 job_id, (long long)epoch);
	if (!streq_null(a->runner_id, w->actor.runner_id))
		return error_set(err, ERROR_PERMISSION_DENIED,
				 "epoch %lld of stack job %s was another runner's",
				 (long long)epoch, job_id);
	const json_t *journal = json_object_get(body, "journal"),
		     *ended = json_object_get(body, "ended");
	if (json_array_size(journal) > JOURNAL_MAX_ENTRIES)
		return error_set_field(err, ERROR_TOO_LARGE, "/journal",
				       "the journal is over its limit of %d entries",
				       JOURNAL_MAX_ENTRIES);

	const char *errored = json_get_str(body, "erroredState");
	if (errored)
		r = keep_errored_state(w, job_id, epoch, errored, err);
	if (r >= 0 && errored)
		r = mark_errored_state(w, a, err);
	if (r >= 0 && json_is_object(ended))
		r = keep_exit_record(w, a, ended, err);
	bool final = json_get_bool(body, "final", false);
	if (r >= 0 && final)
		r = lose_what_was_given_up(w, &s, epoch, &a, err);
	if (r >= 0 && ended_in_the_dark(&s, a))
		r = take_journal(w, &s, journal, err);
	if (r >= 0 && final && ended_in_the_dark(&s, a))
		r = evidence_close(w, &s, err);
	return r;
}
