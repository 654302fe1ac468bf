/* Runners that are lost: by their lease, by their own word, or by an admin's. */
#include "control/runners_lost.h"

#include <string.h>

#include "base/log.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "control/control.h"
#include "control/dispatch.h"
#include "control/evidence.h"
#include "control/leases.h"
#include "control/runners.h"
#include "model/json.h"

#define JOBS_MAX 1000

struct job_filter runner_jobs_filter(const char *runner_id)
{
	return (struct job_filter){
		.runner_id = runner_id,
		.status = _STATUS_INVALID,
		.result = _RESULT_INVALID,
		.operation = _JOB_OPERATION_INVALID,
		.unfinished = true,
	};
}

int runner_lose_job(struct work *w, const char *job_id, enum job_event_type why, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, job_id, &s, err);
	if (r < 0)
		return r;
	enum operation o = job_next_operation(&s.view);
	_cleanup_free_ char *reason =
		xasprintf("runner %s was lost", s.row.runner_id ? s.row.runner_id : "");
	const struct job_step step = {.event = {.type = why, .operation = o}, .reason = reason};
	struct job_effects f;
	r = job_state_end_attempt(w, &s, RESULT_FAILED, "lost", err);
	if (r >= 0)
		r = job_state_step(w, &s, &step, &f, err);
	if (r < 0)
		return r;
	log_fields(LOG_LEVEL_WARNING, "a job's runner was lost", "job", s.row.id, "operation",
		   operation_to_string(o), "status", status_to_string(s.row.status), NULL);
	return 0;
}

static void release_rows(struct job_row *rows, int n)
{
	for (int i = 0; i < n; i++)
		job_row_release(&rows[i]);
	free(rows);
}

int runner_lose_all(struct work *w, const char *runner_id, enum job_event_type why,
		    struct error **err)
{
	const struct job_filter held = runner_jobs_filter(runner_id);
	struct job_row *rows = NULL;
	int n = job_list(w->tx, &held, NULL, JOBS_MAX, &rows, err);
	int r = MIN(n, 0);
	for (int i = 0; i < n && r >= 0; i++)
		r = runner_lose_job(w, rows[i].id, why, err);
	release_rows(rows, n);
	return r;
}

/* Jobs of the runner that ended runner_lost and still hold their resource. *ret_rows: all its lost
 * ones, newest first. */
static int list_lost(struct work *w, const char *runner_id, struct job_row **ret_rows,
		     struct error **err)
{
	const struct job_filter filter = {
		.runner_id = runner_id,
		.status = STATUS_COMPLETED,
		.result = RESULT_FAILED,
		.operation = _JOB_OPERATION_INVALID,
	};
	return job_list(w->tx, &filter, NULL, JOBS_MAX, ret_rows, err);
}

static int holds_resource(struct work *w, const struct job_row *job, bool *ret, struct error **err)
{
	struct hold hold;
	_cleanup_json_ json_t *document = NULL;
	int r = job_hold_of(w, job->resource_id, &hold, &document, err);
	*ret = r >= 0 && hold.kind == HOLD_ENGINE_MAY_LIVE && streq_null(hold.job, job->id);
	return r;
}

/* What is at stake, a line for each job; NULL when nothing is. */
static int list_stakes(struct work *w, const char *runner_id, char ***ret, struct error **err)
{
	const struct job_filter held = runner_jobs_filter(runner_id);
	struct job_row *rows = NULL;
	int n = job_list(w->tx, &held, NULL, JOBS_MAX, &rows, err);
	int r = MIN(n, 0);
	for (int i = 0; i < n; i++) {
		_cleanup_job_state_ struct job_state s = {0};
		if (r >= 0)
			r = job_state_load(w, rows[i].id, &s, err);
		if (r < 0)
			break;
		enum operation o = job_next_operation(&s.view);
		strv_addf(ret, "stack job %s (%s of %s/%s) is at %s%s", rows[i].id,
			  job_operation_to_string(rows[i].operation), rows[i].kind, rows[i].slug,
			  operation_to_string(o),
			  operation_is_change(o) ? ": it will fail, and what its engine still "
						   "changes will not be in the state"
						 : ": it will be tried again elsewhere");
	}
	release_rows(rows, n);
	rows = NULL;
	n = r < 0 ? r : list_lost(w, runner_id, &rows, err);
	r = MIN(n, 0);
	for (int i = 0; i < n; i++) {
		bool holds = false;
		if (r >= 0)
			r = holds_resource(w, &rows[i], &holds, err);
		if (holds)
			strv_addf(ret,
				  "%s/%s is held since stack job %s was lost: an engine that still "
				  "runs there may change it",
				  rows[i].kind, rows[i].slug, rows[i].id);
	}
	release_rows(rows, n);
	return r;
}

static int refuse_unconfirmed(struct work *w, const char *runner_id, struct error **err)
{
	_cleanup_strv_ char **stakes = NULL;
	int r = list_stakes(w, runner_id, &stakes, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *text = strv_join(stakes, "; ");
	r = error_set(err, ERROR_CONFLICT, "abandoning runner %s needs a confirmation: %s",
		      runner_id, stakes ? text : "it has no jobs and holds no resources");
	for (char **stake = stakes; stake && *stake; stake++)
		error_add_detail(err, NULL, *stake);
	error_hint(err,
		   "be sure that its machine is off or that no engine runs there, then confirm");
	return r;
}

static int close_holds(struct work *w, const char *runner_id, struct error **err)
{
	struct job_row *rows = NULL;
	int n = list_lost(w, runner_id, &rows, err);
	int r = MIN(n, 0);
	for (int i = 0; i < n && r >= 0; i++) {
		_cleanup_job_state_ struct job_state s = {0};
		if (!streq_null(rows[i].error_code, "runner_lost"))
			continue;
		r = job_state_load(w, rows[i].id, &s, err);
		if (r >= 0)
			r = evidence_close(w, &s, err);
	}
	release_rows(rows, n);
	return r;
}

int runner_abandon(struct work *w, const char *runner_id, const char *reason, bool confirm,
		   struct error **err)
{
	_cleanup_(runner_row_release) struct runner_row runner = {0};
	int r = runner_get(w->tx, runner_id, &runner, err);
	if (r < 0)
		return r;
	if (!confirm)
		return refuse_unconfirmed(w, runner_id, err);
	if (isempty(reason))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "reason",
				       "abandoning a runner needs a reason");
	runner.abandoned = true;
	r = runner_lose_all(w, runner_id, JOB_EVENT_RUNNER_LOST, err);
	if (r >= 0)
		r = close_holds(w, runner_id, err);
	if (r >= 0)
		r = runner_put(w->tx, &runner, err);
	if (r < 0)
		return r;
	work_wake_after(w, "queue");
	log_fields(LOG_LEVEL_WARNING, "runner abandoned", "runner", runner_id, "by",
		   w->actor.principal, "reason", reason, NULL);
	return 0;
}

/* ---- Every second ---- */

static const struct actor platform = {.principal = "platform", .admin = true};

/* Runs fn in a transaction of its own. */
static int in_transaction(struct control *c,
			  int (*fn)(struct work *w, const char *runner_id, struct error **err),
			  const char *runner_id, struct error **err)
{
	struct work *w = NULL;
	int r = work_begin(c, &platform, STORE_WRITE, &w, err);
	if (r < 0)
		return r;
	r = fn(w, runner_id, err);
	if (r < 0) {
		work_rollback(w);
		return r;
	}
	return work_commit(w, err);
}

static int load(struct work *w, const char *runner_id, struct error **err)
{
	(void)runner_id;
	return dispatch_load(w, err);
}

/* It may have come back while we waited for the transaction. */
static int expire(struct work *w, const char *runner_id, struct error **err)
{
	if (lease_is_live(w->control->leases, runner_id))
		return 0;
	return runner_lose_all(w, runner_id, JOB_EVENT_LEASE_EXPIRED, err);
}

static int sweep(struct work *w, const char *runner_id, struct error **err)
{
	(void)runner_id;
	return dispatch_sweep(w, err);
}

int runners_tick(struct control *c, struct error **err)
{
	int r = in_transaction(c, load, NULL, err);
	_cleanup_strv_ char **expired = lease_take_expired(c->leases);
	for (char **id = expired; id && *id; id++) {
		/* One that cannot be dealt with keeps no other from it. */
		_cleanup_error_ struct error *e = NULL;
		if (in_transaction(c, expire, *id, &e) >= 0)
			continue;
		lease_retry(c->leases, *id);
		if (r >= 0)
			r = error_move(err, &e);
	}
	_cleanup_error_ struct error *e = NULL;
	int swept = in_transaction(c, sweep, NULL, &e);
	return r < 0 ? r : swept < 0 ? error_move(err, &e) : 0;
}
