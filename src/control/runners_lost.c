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

/* Among them are those that were lost with it. */
static struct job_filter failed_jobs_filter(const char *runner_id)
{
	return (struct job_filter){
		.runner_id = runner_id,
		.status = STATUS_COMPLETED,
		.result = RESULT_FAILED,
		.operation = _JOB_OPERATION_INVALID,
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

int runner_guard_job(struct work *w, const char *job_id,
		     int (*fn)(struct work *w, const char *job_id, void *ctx, struct error **err),
		     void *ctx, struct error **err)
{
	struct lease_table *leases = w->control->leases;
	_cleanup_error_ struct error *fault = NULL;
	_cleanup_free_ char *known = NULL;
	if (lease_fault_get(leases, job_id, &known) == 1)
		return 1;
	int r = store_try(w->tx, err);
	if (r < 0)
		return r;
	if (fn(w, job_id, ctx, &fault) >= 0) {
		lease_fault_forget(leases, job_id);
		return store_try_keep(w->tx, err);
	}
	_cleanup_free_ char *why = error_describe(fault);
	log_fields(LOG_LEVEL_ERROR, "a job cannot be taken from its runner", "job", job_id, "error",
		   why, NULL);
	lease_fault_put(leases, job_id, why, false);
	r = store_try_undo(w->tx, err);
	return r < 0 ? r : 1;
}

struct losing {
	const char *runner_id;
	enum job_event_type why;
};

static int lose(struct work *w, const char *job_id, void *ctx, struct error **err)
{
	const struct losing *l = ctx;
	return runner_lose_job(w, job_id, l->why, err);
}

static int lose_row(struct work *w, const struct job_row *row, void *ctx, struct error **err)
{
	struct losing *l = ctx;
	int r = runner_guard_job(w, row->id, lose, l, err);
	if (r > 0)
		lease_retry(w->control->leases, l->runner_id);
	return r;
}

static int lose_all(struct work *w, const char *runner_id, enum job_event_type why,
		    struct error **err)
{
	const struct job_filter held = runner_jobs_filter(runner_id);
	struct losing losing = {runner_id, why};
	return job_foreach(w, &held, lose_row, &losing, err);
}

static int holds_resource(struct work *w, const struct job_row *job, bool *ret, struct error **err)
{
	struct hold hold;
	_cleanup_json_ json_t *document = NULL;
	int r = job_hold_of(w, job->resource_id, &hold, &document, err);
	*ret = r >= 0 && hold.kind == HOLD_ENGINE_MAY_LIVE && streq_null(hold.job, job->id);
	return r;
}

static int add_stake_of_held(struct work *w, const struct job_row *row, void *ctx,
			     struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, row->id, &s, err);
	if (r < 0)
		return r;
	enum operation o = job_next_operation(&s.view);
	strv_addf(ctx, "stack job %s (%s of %s/%s) is at %s%s", row->id,
		  job_operation_to_string(row->operation), row->kind, row->slug,
		  operation_to_string(o),
		  operation_is_change(o)
			  ? ": it will fail, and what its engine still changes will not be in the "
			    "state"
			  : ": it will be tried again elsewhere");
	return 0;
}

static int add_stake_of_lost(struct work *w, const struct job_row *row, void *ctx,
			     struct error **err)
{
	bool holds = false;
	if (!streq_null(row->error_code, "runner_lost"))
		return 0;
	int r = holds_resource(w, row, &holds, err);
	if (holds)
		strv_addf(ctx,
			  "%s/%s is held since stack job %s was lost: an engine that still runs "
			  "there may change it",
			  row->kind, row->slug, row->id);
	return r;
}

/* What is at stake, a line for each job; NULL when nothing is. */
static int list_stakes(struct work *w, const char *runner_id, char ***ret, struct error **err)
{
	const struct job_filter held = runner_jobs_filter(runner_id);
	const struct job_filter failed = failed_jobs_filter(runner_id);
	int r = job_foreach(w, &held, add_stake_of_held, ret, err);
	return r < 0 ? r : job_foreach(w, &failed, add_stake_of_lost, ret, err);
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

static int close_hold(struct work *w, const struct job_row *row, void *ctx, struct error **err)
{
	(void)ctx;
	_cleanup_job_state_ struct job_state s = {0};
	if (!streq_null(row->error_code, "runner_lost"))
		return 0;
	int r = job_state_load(w, row->id, &s, err);
	return r < 0 ? r : evidence_close(w, &s, err);
}

static int close_holds(struct work *w, const char *runner_id, struct error **err)
{
	const struct job_filter failed = failed_jobs_filter(runner_id);
	return job_foreach(w, &failed, close_hold, NULL, err);
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
	r = lose_all(w, runner_id, JOB_EVENT_RUNNER_LOST, err);
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
	return lose_all(w, runner_id, JOB_EVENT_LEASE_EXPIRED, err);
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
