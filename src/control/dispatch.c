/* From the queue into a runner's hands. */
#include "control/dispatch.h"

#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "control/control.h"
#include "control/grants.h"
#include "control/leases.h"
#include "control/preflight.h"
#include "control/states.h"
#include "model/json.h"

#define CANDIDATES_PAGE 16
#define FOLLOWERS_MAX	32 /* behind one that has to wait for more than its turn */

enum outcome {
	OUTCOME_WAITS, /* for its turn, a hold, another runner */
	OUTCOME_GRANTED,
	OUTCOME_MOVED, /* it left the queue without a runner */
};

/* Steals nothing; what the resource's first job fixes is kept on it. */
static int pin(struct work *w, const struct job_row *job, const json_t *essentials,
	       struct error **err)
{
	if (!job->resource_id || job->operation == JOB_PREVIEW)
		return 0;
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = resource_get(w->tx, job->resource_id, &resource, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	json_t *pinned = json_new_object();
	json_set_string(pinned, "provider",
			json_get_str(essentials, "providerCredentials.provider"));
	json_set_string(pinned, "provisioner", json_get_str(essentials, "iacModule.provisioner"));
	json_set_string(pinned, "backend", json_get_str(essentials, "stateBackend.type"));
	json_set_string(pinned, "connection",
			json_get_str(essentials, "providerCredentials.connectionId"));
	_cleanup_json_ json_t *status = json_of_text(resource.status);
	if (json_equal(json_object_get(status, "pinned"), pinned)) {
		json_decref(pinned);
		return 0;
	}
	return resource_status_set(w, job->resource_id, "pinned", pinned, err);
}

static int fail_preflight(struct work *w, struct job_state *s, const struct preflight *p,
			  struct error **err)
{
	_cleanup_free_ char *gaps = essentials_report_gaps(&p->report);
	int64_t count = 1;
	int r = s->row.operation == JOB_DESTROY
			? state_resource_count(w, s->row.state_id, &count, err)
			: 0;
	if (r < 0)
		return r;
	if (count == 0) {
		char *hinted = xasprintf("%s. Nothing is in its state to be destroyed: planton "
					 "delete %s deletes the record",
					 gaps, s->row.resource_id);
		free(gaps);
		gaps = hinted;
	}
	const struct job_step step = {.event = {.type = JOB_EVENT_PREFLIGHT_FAILED,
						.error_code = "preflight_failed",
						.error_message = gaps}};
	struct job_effects f;
	return job_state_step(w, s, &step, &f, err);
}

static int pause_before_start(struct work *w, struct job_state *s, struct error **err)
{
	const struct job_step step = {.event = {.type = JOB_EVENT_PAUSED_BEFORE_START},
				      .reason = "its flow control policy says isManual"};
	struct job_effects f;
	return job_state_step(w, s, &step, &f, err);
}

/* Stores report and essentials once; true in *ret_left when the job is out of the queue without a
 * runner. */
static int leave_queue(struct work *w, struct job_state *s, struct preflight *p, bool *ret_left,
		       struct error **err)
{
	_cleanup_json_ json_t *report = essentials_report_to_json(&p->report);
	free(s->row.preflight);
	s->row.preflight = json_to_text(report, JSON_WRITE_COMPACT);
	if (!p->report.ok) {
		*ret_left = true;
		return fail_preflight(w, s, p, err);
	}
	int r = pin(w, &s->row, p->essentials, err);
	if (r >= 0)
		r = job_state_set_essentials(w, s, TAKE_PTR(p->essentials), err);
	if (r < 0 || !s->sequence.pause_before_start)
		return r;
	*ret_left = true;
	return pause_before_start(w, s, err);
}

static bool suits(const struct job_row *job, const struct runner_row *runner)
{
	if (!strstr(job->manifest, "\"runner\""))
		return true;
	_cleanup_json_ json_t *manifest = json_of_text(job->manifest);
	const char *wanted = json_get_str(manifest, "placement.runner");
	return !wanted || streq_null(wanted, runner->id) || streq_null(wanted, runner->name);
}

static void forget_unassigned(struct work *w, const char *job_id)
{
	lease_unassigned_remove(w->control->leases, job_id);
	w->forgot_unassigned = true;
}

static int assign(struct work *w, struct job_state *s, const struct runner_row *runner,
		  json_t **ret_grant, struct error **err)
{
	const struct job_step step = {.event = {.type = JOB_EVENT_DISPATCHED}};
	struct job_effects f;
	replace_string(&s->row.runner_id, runner->id);
	int r = job_state_step(w, s, &step, &f, err);
	if (r < 0)
		return r;
	forget_unassigned(w, s->row.id);
	r = grant_issue(w, s, f.grant_operation, ret_grant, err);
	return r < 0 ? r : r == 1 ? OUTCOME_GRANTED : OUTCOME_MOVED;
}

/* runner NULL: only what needs none. */
static int try_healthy_job(struct work *w, const char *job_id, const struct runner_row *runner,
			   json_t **ret_grant, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, job_id, &s, err);
	if (r < 0)
		return r;
	if (runner && !suits(&s.row, runner))
		return OUTCOME_WAITS;
	if (!s.essentials) {
		_cleanup_preflight_ struct preflight p = {0};
		bool left = false;
		r = preflight_of_job(w, &s.row, &p, err);
		if (r < 0)
			return r;
		const json_t *policy = json_get(p.essentials, "flowControlPolicy.policy");
		if (!runner && p.report.ok && !json_get_bool(policy, "isManual", false))
			return OUTCOME_WAITS;
		r = leave_queue(w, &s, &p, &left, err);
		if (r < 0 || left)
			return r < 0 ? r : OUTCOME_MOVED;
	}
	return runner ? assign(w, &s, runner, ret_grant, err) : OUTCOME_WAITS;
}

static int fail_with(struct work *w, const char *job_id, const char *why, struct error **err)
{
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, job_id, &s, err);
	if (r < 0)
		return r;
	const struct job_step step = {.event = {.type = s.row.status == STATUS_QUEUED
								? JOB_EVENT_PREFLIGHT_FAILED
								: JOB_EVENT_LAUNCH_REFUSED,
						.operation = job_next_operation(&s.view),
						.error_code = "launch_failed",
						.error_message = why}};
	struct job_effects f;
	r = job_state_step(w, &s, &step, &f, err);
	return r < 0 ? r : OUTCOME_MOVED;
}

/* One job that cannot be handed out must not keep the others from it. */
static int try_job(struct work *w, const char *job_id, const struct runner_row *runner,
		   json_t **ret_grant, struct error **err)
{
	struct lease_table *leases = w->control->leases;
	_cleanup_free_ char *why = NULL;
	_cleanup_error_ struct error *fault = NULL;
	int known = lease_fault_get(leases, job_id, &why);
	if (known == 1)
		return OUTCOME_WAITS;
	int r = known ? fail_with(w, job_id, why, &fault)
		      : try_healthy_job(w, job_id, runner, ret_grant, &fault);
	if (r >= 0) {
		if (r != OUTCOME_WAITS)
			lease_fault_forget(leases, job_id);
		return r;
	}
	_cleanup_free_ char *message = error_describe(fault);
	bool its_own = fault->code != ERROR_INTERNAL && fault->code != ERROR_UNAVAILABLE &&
		       fault->code != ERROR_TIMEOUT;
	lease_fault_put(leases, job_id, message, its_own && !known);
	return error_move(err, &fault);
}

static int try_if_its_turn(struct work *w, const struct job_row *row,
			   const struct runner_row *runner, bool *ret_held, json_t **ret_grant,
			   struct error **err)
{
	struct queue_verdict verdict;
	_cleanup_free_ char *blocker = NULL;
	int r = job_queue_verdict(w, row, &verdict, &blocker, err);
	if (r < 0)
		return r;
	*ret_held = !verdict.may_start;
	return verdict.may_start ? try_job(w, row->id, runner, ret_grant, err) : OUTCOME_WAITS;
}

static void release_rows(struct job_row *rows, int n)
{
	for (int i = 0; i < n; i++)
		job_row_release(&rows[i]);
	free(rows);
}

/* Those behind a job that a pause or a hold stops may pass it. */
static int try_followers(struct work *w, const struct job_row *head,
			 const struct runner_row *runner, json_t **ret_grant, struct error **err)
{
	if (!head->resource_id)
		return OUTCOME_WAITS;
	const struct job_filter filter = {
		.resource_id = head->resource_id,
		.status = STATUS_QUEUED,
		.result = _RESULT_INVALID,
		.operation = _JOB_OPERATION_INVALID,
		.oldest_first = true,
	};
	_cleanup_free_ char *cursor = xasprintf("%lld", (long long)head->number);
	struct job_row *rows = NULL;
	int n = job_list(w->tx, &filter, cursor, FOLLOWERS_MAX, &rows, err);
	int r = MIN(n, 0);
	bool held;
	for (int i = 0; i < n && r == OUTCOME_WAITS; i++)
		r = try_if_its_turn(w, &rows[i], runner, &held, ret_grant, err);
	release_rows(rows, n);
	return r;
}

static int try_candidate(struct work *w, const struct job_row *row, const struct runner_row *runner,
			 json_t **ret_grant, struct error **err)
{
	bool held = false;
	int r = try_if_its_turn(w, row, runner, &held, ret_grant, err);
	return r == OUTCOME_WAITS && held ? try_followers(w, row, runner, ret_grant, err) : r;
}

static int note_running(struct work *w, const struct job_row *row, void *ctx, struct error **err)
{
	(void)ctx;
	(void)err;
	if (row->runner_id)
		lease_know(w->control->leases, row->runner_id);
	else
		lease_unassigned_add(w->control->leases, row->id);
	return 0;
}

/* After a start: jobs that run in nobody's hands. Few, for they were in somebody's. */
static int load_unassigned(struct work *w, struct error **err)
{
	const struct job_filter filter = {.status = STATUS_RUNNING,
					  .result = _RESULT_INVALID,
					  .operation = _JOB_OPERATION_INVALID,
					  .oldest_first = true};
	return job_foreach(w, &filter, note_running, NULL, err);
}

int dispatch_load(struct work *w, struct error **err)
{
	if (!lease_claim_loading(w->control->leases))
		return 0;
	int r = load_unassigned(w, err);
	if (r < 0)
		lease_unclaim_loading(w->control->leases);
	return r;
}

static int claim_unassigned(struct work *w, const struct runner_row *runner, json_t **ret_grant,
			    struct error **err)
{
	_cleanup_strv_ char **ids = lease_unassigned(w->control->leases);
	for (char **id = ids; id && *id; id++) {
		_cleanup_(job_row_release) struct job_row row = {0};
		bool held;
		_cleanup_error_ struct error *lookup = NULL;
		int r = job_get(w->tx, *id, &row, &lookup);
		if (r < 0 && lookup->code != ERROR_NOT_FOUND)
			return error_move(err, &lookup);
		if (r < 0 || row.status != STATUS_RUNNING || row.runner_id) {
			forget_unassigned(w, *id);
			continue;
		}
		r = try_if_its_turn(w, &row, runner, &held, ret_grant, err);
		if (r != OUTCOME_WAITS && r != OUTCOME_MOVED)
			return r;
	}
	return OUTCOME_WAITS;
}

int dispatch_claim(struct work *w, const struct runner_row *runner, json_t **ret_grant,
		   struct error **err)
{
	int r = dispatch_load(w, err);
	if (r >= 0)
		r = claim_unassigned(w, runner, ret_grant, err);
	if (r != OUTCOME_WAITS)
		return r < 0 ? r : 1;
	int64_t after = 0;
	for (int n = CANDIDATES_PAGE; n == CANDIDATES_PAGE;) {
		struct job_row *rows = NULL;
		n = job_list_candidates(w->tx, after, CANDIDATES_PAGE, &rows, err);
		if (n < 0)
			return n;
		for (int i = 0; i < n && r != OUTCOME_GRANTED && r >= 0; i++) {
			after = rows[i].number;
			r = try_candidate(w, &rows[i], runner, ret_grant, err);
		}
		release_rows(rows, n);
		if (r < 0 || r == OUTCOME_GRANTED)
			return r < 0 ? r : 1;
	}
	return 0;
}

int dispatch_sweep(struct work *w, struct error **err)
{
	int64_t after = lease_sweep_cursor(w->control->leases);
	struct job_row *rows = NULL;
	int n = job_list_candidates(w->tx, after, CANDIDATES_PAGE, &rows, err);
	int r = MIN(n, 0);
	for (int i = 0; i < n && r >= 0; i++) {
		after = rows[i].number;
		r = try_candidate(w, &rows[i], NULL, NULL, err);
	}
	release_rows(rows, n);
	if (r >= 0)
		lease_set_sweep_cursor(w->control->leases, n == CANDIDATES_PAGE ? after : 0);
	return MIN(r, 0);
}
