/* The built-in state backend: sealed versions, fenced by epochs. */
#include "control/states.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/strutil.h"
#include "base/ulid.h"
#include "control/control.h"
#include "control/jobs_state.h"
#include "control/state_seal.h"
#include "model/ident.h"
#include "model/json.h"

int state_authenticate(struct work *w, const char *state_id, const char *username,
		       const char *password, struct attempt_row *ret, struct error **err)
{
	char hash[DIGEST_HEX_SIZE];
	digest_hex(DIGEST_BLAKE2B, password, strlen(password), hash);
	_cleanup_error_ struct error *lookup = NULL;
	_cleanup_(attempt_row_release) struct attempt_row attempt = {0};
	int r = attempt_get_by_token_hash(w->tx, hash, &attempt, &lookup);
	if (r < 0) {
		if (lookup->code != ERROR_NOT_FOUND)
			return error_move(err, &lookup);
		return error_set(err, ERROR_UNAUTHENTICATED, "this state credential is not known");
	}
	_cleanup_free_ char *expected =
		xasprintf("%s.%lld", attempt.job_id, (long long)attempt.epoch);
	if (!streq(expected, username))
		return error_set(err, ERROR_UNAUTHENTICATED, "this state credential is not known");

	_cleanup_(job_row_release) struct job_row job = {0};
	r = job_get(w->tx, attempt.job_id, &job, err);
	if (r < 0)
		return r;
	if (!streq_null(job.state_id, state_id))
		return error_set(err, ERROR_PERMISSION_DENIED,
				 "this credential is for another state");
	if (job.epoch != attempt.epoch || job.status != STATUS_RUNNING)
		return error_set(err, ERROR_STALE_EPOCH,
				 "the lease of this launch (epoch %lld of %s) is over: its state "
				 "credential is void",
				 (long long)attempt.epoch, attempt.job_id);
	*ret = attempt;
	attempt = (struct attempt_row){0};
	return 0;
}

int state_read(struct work *w, const char *state_id, const char *version_id, char **ret_bytes,
	       size_t *ret_len, struct error **err)
{
	_cleanup_(state_version_row_release) struct state_version_row row = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = state_version_get(w->tx, state_id, version_id, &row, &lookup);
	if (r < 0) {
		if (lookup->code != ERROR_NOT_FOUND || version_id)
			return error_move(err, &lookup);
		*ret_bytes = NULL;
		*ret_len = 0;
		return 0;
	}
	return state_version_open(w->control, &row, ret_bytes, ret_len, err);
}

/* Is the stored lock that of a launch that may still write? Others are as good as free. */
static int lock_is_live(struct work *w, const struct state_lock_row *lock, bool *ret,
			struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	_cleanup_error_ struct error *lookup = NULL;
	*ret = false;
	if (!lock->job_id)
		return 0;
	int r = job_get(w->tx, lock->job_id, &job, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	*ret = job.status == STATUS_RUNNING && job.epoch == lock->epoch;
	return 0;
}

/* *ret is empty (lock_id NULL) when nobody who lives holds it. */
static int live_lock(struct work *w, const char *state_id, struct state_lock_row *ret,
		     struct error **err)
{
	_cleanup_(state_lock_row_release) struct state_lock_row lock = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = state_lock_get(w->tx, state_id, &lock, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	bool live;
	r = lock_is_live(w, &lock, &live, err);
	if (r < 0 || !live)
		return r;
	*ret = lock;
	lock = (struct state_lock_row){0};
	return 0;
}

static int locked_by_other(struct state_lock_row *lock, char **ret_holder, struct error **err)
{
	*ret_holder = TAKE_PTR(lock->info);
	return error_set(err, ERROR_LOCKED, "the state is locked by %s", lock->job_id);
}

int state_write(struct work *w, const char *state_id, const struct attempt_row *by,
		const char *lock_id, const char *content_md5, const void *bytes, size_t len,
		struct error **err)
{
	if (len > STATE_MAX_BYTES)
		return error_set(err, ERROR_TOO_LARGE, "the state has %zu bytes; the limit is %zu",
				 len, STATE_MAX_BYTES);
	if (content_md5 && md5_base64_verify(bytes, len, content_md5) < 0)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "Content-MD5",
				       "the state does not match its Content-MD5");

	_cleanup_(state_lock_row_release) struct state_lock_row lock = {0};
	int r = live_lock(w, state_id, &lock, err);
	if (r < 0)
		return r;
	if (lock.lock_id && lock_id && !streq(lock.lock_id, lock_id))
		return error_set(err, ERROR_LOCKED, "the state is locked with id %s, not %s",
				 lock.lock_id, lock_id);

	_cleanup_(state_version_row_release) struct state_version_row current = {0};
	_cleanup_error_ struct error *lookup = NULL;
	r = state_version_get(w->tx, state_id, NULL, &current, &lookup);
	if (r < 0 && lookup->code != ERROR_NOT_FOUND)
		return error_move(err, &lookup);

	_cleanup_(state_version_row_release) struct state_version_row next = {0};
	r = state_parse(bytes, len, &next.serial, &next.lineage, &next.resource_count, err);
	if (r < 0)
		return r;
	if (current.id) {
		if (!streq(current.lineage, next.lineage))
			return error_set(err, ERROR_CONFLICT,
					 "this is another state's lineage: %s, here is %s",
					 next.lineage, current.lineage);
		char md5[DIGEST_HEX_SIZE];
		digest_hex(DIGEST_MD5, bytes, len, md5);
		if (next.serial == current.serial && streq(current.md5, md5))
			return 0;
		if (next.serial <= current.serial)
			return error_set(err, ERROR_CONFLICT,
					 "serial %lld is not newer than the stored %lld",
					 (long long)next.serial, (long long)current.serial);
	}
	next.state_id = xstrdup(state_id);
	next.job_id = xstrdup(by->job_id);
	next.epoch = by->epoch;
	next.actor = xstrdup(w->actor.principal);
	return state_version_store(w, &next, bytes, len, err);
}

/* The engine's lock document is {"ID": ...} and whatever else it says for people. */
static int lock_document_id(const void *info, size_t len, char **ret, struct error **err)
{
	_cleanup_json_ json_t *document = NULL;
	if (len > STATE_LOCK_MAX_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
				 "the lock document has %zu bytes; the limit is %zu", len,
				 STATE_LOCK_MAX_BYTES);
	if (json_parse(info, len, STATE_LOCK_MAX_BYTES, &document, NULL) < 0)
		return error_set(err, ERROR_INVALID_ARGUMENT, "the lock document is no JSON");
	const char *id = json_get_str(document, "ID");
	if (isempty(id))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/ID",
				       "the lock document has no ID");
	*ret = xstrdup(id);
	return 0;
}

int state_lock(struct work *w, const char *state_id, const struct attempt_row *by, const void *info,
	       size_t len, char **ret_holder, struct error **err)
{
	_cleanup_free_ char *id = NULL;
	int r = lock_document_id(info, len, &id, err);
	if (r < 0 || !id)
		return r;
	_cleanup_(state_lock_row_release) struct state_lock_row lock = {0};
	r = live_lock(w, state_id, &lock, err);
	if (r < 0)
		return r;
	if (lock.lock_id && !streq(lock.lock_id, id))
		return locked_by_other(&lock, ret_holder, err);

	_cleanup_free_ char *text = xstrndup(info, len);
	struct state_lock_row row = {
		.state_id = (char *)state_id,
		.lock_id = id,
		.info = text,
		.job_id = by->job_id,
		.epoch = by->epoch,
		.created_ms = w->now_ms,
	};
	return state_lock_put(w->tx, &row, err);
}

int state_unlock(struct work *w, const char *state_id, const struct attempt_row *by,
		 const void *info, size_t len, char **ret_holder, struct error **err)
{
	(void)by;
	_cleanup_(state_lock_row_release) struct state_lock_row lock = {0};
	int r = live_lock(w, state_id, &lock, err);
	if (r < 0 || !lock.lock_id)
		return r;
	/* Some engines break a lock without saying which. */
	_cleanup_free_ char *id = NULL;
	if (len > 0)
		r = lock_document_id(info, len, &id, err);
	if (r < 0)
		return r;
	if (id && !streq(lock.lock_id, id))
		return locked_by_other(&lock, ret_holder, err);
	return state_lock_delete(w->tx, state_id, err);
}

int state_lock_render(struct work *w, const char *state_id, json_t **ret, struct error **err)
{
	_cleanup_(state_lock_row_release) struct state_lock_row lock = {0};
	_cleanup_error_ struct error *lookup = NULL;
	_cleanup_json_ json_t *document = json_new_object();
	int r = state_lock_get(w->tx, state_id, &lock, &lookup);
	if (r < 0 && lookup->code != ERROR_NOT_FOUND)
		return error_move(err, &lookup);
	if (r < 0) {
		json_set_bool(document, "held", false);
		*ret = TAKE_PTR(document);
		return 0;
	}
	bool live;
	r = lock_is_live(w, &lock, &live, err);
	if (r < 0)
		return r;
	_cleanup_(job_row_release) struct job_row job = {0};
	if (lock.job_id && (r = job_get(w->tx, lock.job_id, &job, err)) < 0)
		return r;

	_cleanup_json_ json_t *info = NULL;
	json_parse(lock.info, strlen(lock.info), JSON_DEFAULT_MAX_SIZE, &info, NULL);
	char created[RFC3339_SIZE];
	rfc3339_format((uint64_t)lock.created_ms, created);
	json_set_bool(document, "held", live);
	json_set_string(document, "lockId", lock.lock_id);
	json_set_string(document, "stackJobId", lock.job_id);
	json_set_string(document, "runnerId", job.runner_id);
	json_set_string(document, "operation", json_get_str(info, "Operation"));
	json_set_string(document, "who", json_get_str(info, "Who"));
	json_set_string(document, "createdAt", created);
	json_set_bool(document, "holderAlive", live);
	json_set_bool(document, "safeToBreak", !live);
	json_set_string(
		document, "advice",
		live ? "the job that holds it is running: wait for it, or cancel it with `planton "
		       "stack-job cancel`"
		     : "the launch that took it has ended: the next job takes it over by itself");
	*ret = TAKE_PTR(document);
	return 0;
}

/* An engine may be at work on it, or a plan that was made from it waits; queued jobs have looked at
 * nothing yet. */
static int refuse_while_busy(struct work *w, const char *state_id, struct error **err)
{
	struct hold hold;
	_cleanup_json_ json_t *document = NULL;
	int r = job_hold_of(w, state_id, &hold, &document, err);
	if (r < 0)
		return r;
	if (hold.kind == HOLD_ENGINE_MAY_LIVE) {
		r = error_set(err, ERROR_CONFLICT,
			      "an engine of stack job %s, whose runner was lost, may still write "
			      "this state",
			      hold.job);
		error_hint(err, "start runner %s again, or give it up: planton runner abandon %s",
			   hold.runner, hold.runner);
		return r;
	}
	struct job_row *jobs = NULL;
	int n = job_list_ahead(w->tx, state_id, INT64_MAX, &jobs, err);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		if (r == 0 && jobs[i].status != STATUS_QUEUED) {
			r = error_set(err, ERROR_CONFLICT, "stack job %s is %s on this state",
				      jobs[i].id, status_to_string(jobs[i].status));
			error_hint(err, "wait for it or cancel it: planton stack-job cancel %s",
				   jobs[i].id);
		}
		job_row_release(&jobs[i]);
	}
	free(jobs);
	return r;
}

static int refuse_rollback(struct work *w, const char *state_id, const char *version_id,
			   const char *reason, const struct state_version_row *current,
			   struct error **err)
{
	if (isempty(reason))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "reason",
				       "a rollback needs a reason");
	if (strlen(reason) > STATE_REASON_MAX)
		return error_set_field(err, ERROR_TOO_LARGE, "reason",
				       "the reason has %zu bytes; the limit is %d", strlen(reason),
				       STATE_REASON_MAX);
	if (streq(current->id, version_id))
		return error_set_field(err, ERROR_CONFLICT, "version",
				       "%s is the current state version", version_id);
	return refuse_while_busy(w, state_id, err);
}

int state_rollback(struct work *w, const char *state_id, const char *version_id, const char *reason,
		   struct state_version_row *ret, struct error **err)
{
	_cleanup_(state_version_row_release) struct state_version_row current = {0}, next = {0};
	int r = state_version_get(w->tx, state_id, NULL, &current, err);
	if (r >= 0)
		r = refuse_rollback(w, state_id, version_id, reason, &current, err);
	if (r < 0)
		return r;

	char *old = NULL;
	size_t old_len = 0;
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	r = state_read(w, state_id, version_id, &old, &old_len, err);
	if (r < 0)
		return r;
	r = state_with_serial(old, old_len, current.serial + 1, &text, err);
	secure_wipe(old, old_len);
	free(old);
	if (r >= 0)
		r = state_parse(text.data, text.size, &next.serial, &next.lineage,
				&next.resource_count, err);
	if (r < 0)
		return r;
	next.state_id = xstrdup(state_id);
	next.actor = xstrdup(w->actor.principal);
	next.message = xasprintf("rollback to %s: %s", version_id, reason);
	r = state_version_store(w, &next, text.data, text.size, err);
	if (r < 0)
		return r;
	*ret = next;
	next = (struct state_version_row){0};
	return 0;
}

int state_resource_count(struct work *w, const char *state_id, int64_t *ret, struct error **err)
{
	struct state_version_row *newest = NULL;
	int n = state_version_list(w->tx, state_id, NULL, 1, &newest, err);
	if (n < 0)
		return n;
	*ret = n > 0 ? newest[0].resource_count : 0;
	if (n > 0)
		state_version_row_release(&newest[0]);
	free(newest);
	return 0;
}

json_t *state_version_render(const struct state_version_row *v, bool current)
{
	char created[RFC3339_SIZE];
	rfc3339_format((uint64_t)v->created_ms, created);
	json_t *document = json_new_object();
	json_set_string(document, "id", v->id);
	json_set_int(document, "serial", v->serial);
	json_set_string(document, "lineage", v->lineage);
	json_set_int(document, "size", v->size);
	json_set_string(document, "md5", v->md5);
	json_set_int(document, "resourceCount", v->resource_count);
	json_set_string_or_null(document, "stackJobId", v->job_id);
	json_set_string(document, "actor", v->actor);
	json_set_string(document, "message", v->message);
	json_set_string(document, "createdAt", created);
	json_set_bool(document, "current", current);
	return document;
}
