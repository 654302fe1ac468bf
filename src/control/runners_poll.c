/* Polls: the heartbeat, the claim, and the way directives arrive. */
#include <string.h>

#include "base/strutil.h"
#include "control/control.h"
#include "control/dispatch.h"
#include "control/grants.h"
#include "control/leases.h"
#include "control/runners.h"
#include "control/runners_lost.h"
#include "model/json.h"

#define SEEN_EVERY_MS 30000
#define JOBS_MAX      1000

struct poll {
	struct work *work;
	const struct runner_row *runner;
	const json_t *held; /* [{job, epoch}] */
	json_t *jobs, *directives;
};

static const json_t *held_entry(const struct poll *p, const char *job_id)
{
	size_t i;
	json_t *entry;
	json_array_foreach(p->held, i,
			   entry) if (streq_null(json_get_str(entry, "job"), job_id)) return entry;
	return NULL;
}

static void direct(struct poll *p, const char *job_id, int64_t epoch, const char *type)
{
	_cleanup_free_ char *key =
		xasprintf("%s %s %s %lld", type, p->runner->id, job_id, (long long)epoch);
	if (!lease_directive_due(p->work->control->leases, key))
		return;
	json_t *directive = json_new_object();
	json_set_string(directive, "job", job_id);
	json_set_int(directive, "epoch", epoch);
	json_set_string(directive, "type", type);
	json_append_value(p->directives, directive);
}

/* The runner does not name a job that it has: the grant never arrived, or the runner lost it. */
static int give_again_or_lose(struct work *w, const char *job_id, void *ctx, struct error **err)
{
	struct poll *p = ctx;
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(w, job_id, &s, err);
	if (r < 0)
		return r;
	const struct attempt_row *latest = job_state_latest_attempt(&s);
	if (!latest || latest->started_ms || latest->ended_ms)
		return runner_lose_job(w, job_id, JOB_EVENT_RUNNER_LOST, err);
	json_t *grant = NULL;
	r = grant_issue(w, &s, latest->operation, &grant, err);
	if (r > 0)
		json_append_value(p->jobs, grant);
	return MIN(r, 0);
}

/* What the store says it has, against what it says itself. *ret_leased: how many jobs it has then.
 */
static int compare_leases(struct poll *p, bool first, int64_t *ret_leased, struct error **err)
{
	const struct job_filter filter = runner_jobs_filter(p->runner->id);
	struct job_row *rows = NULL;
	int n = job_list(p->work->tx, &filter, NULL, JOBS_MAX, &rows, err);
	int r = MIN(n, 0);
	for (int i = 0; i < n; i++) {
		if (r >= 0 && !held_entry(p, rows[i].id)) {
			if (first)
				r = runner_guard_job(p->work, rows[i].id, give_again_or_lose, p,
						     err);
		} else if (r >= 0 && rows[i].force_requested) {
			direct(p, rows[i].id, rows[i].epoch, "interrupt");
		}
		job_row_release(&rows[i]);
	}
	free(rows);
	if (r >= 0)
		*ret_leased = job_count(p->work->tx, &filter, err);
	return r;
}

/* Of the launches before its newest only one that it ended itself: the answer, with the next grant,
 * is on its way then. */
static int is_its(struct poll *p, const struct job_row *job, int64_t epoch, bool *ret,
		  struct error **err)
{
	*ret = job->status == STATUS_RUNNING && streq_null(job->runner_id, p->runner->id);
	if (!*ret || epoch == job->epoch)
		return 0;
	_cleanup_job_state_ struct job_state s = {0};
	int r = job_state_load(p->work, job->id, &s, err);
	if (r < 0)
		return r;
	const struct attempt_row *a = job_state_attempt_of_epoch(&s, epoch);
	*ret = a && a->ended_ms && !attempt_was_given_up(a);
	return 0;
}

static int drop_what_is_not_its(struct poll *p, struct error **err)
{
	size_t i;
	json_t *entry;
	json_array_foreach(p->held, i, entry)
	{
		const char *id = json_get_str(entry, "job");
		if (!id)
			return error_set_field(err, ERROR_INVALID_ARGUMENT, "/held",
					       "held needs job and epoch");
		_cleanup_(job_row_release) struct job_row job = {0};
		_cleanup_error_ struct error *lookup = NULL;
		int r = job_get(p->work->tx, id, &job, &lookup);
		if (r < 0 && lookup->code != ERROR_NOT_FOUND)
			return error_move(err, &lookup);
		int64_t epoch = json_get_int(entry, "epoch", -1);
		bool its = false;
		if (r >= 0 && (r = is_its(p, &job, epoch, &its, err)) < 0)
			return r;
		if (!its)
			direct(p, id, epoch, "drop");
	}
	return 0;
}

static int claim(struct poll *p, int64_t leased, struct error **err)
{
	for (int64_t free_slots = p->runner->capacity - leased; free_slots > 0; free_slots--) {
		json_t *grant = NULL;
		int r = dispatch_claim(p->work, p->runner, &grant, err);
		if (r <= 0)
			return r;
		json_append_value(p->jobs, grant);
	}
	return 0;
}

/* One that has to be started anew still hears of what it holds. */
static int check_work_root(struct poll *p, bool *ret_may_claim, struct error **err)
{
	_cleanup_error_ struct error *misplaced = NULL;
	int r = runner_check_work_root(p->work, p->runner, &misplaced);
	*ret_may_claim = r >= 0 && !p->runner->abandoned;
	if (r >= 0 || (misplaced->code == ERROR_CONFLICT && json_array_size(p->held) > 0))
		return 0;
	return error_move(err, &misplaced);
}

static int remember(struct work *w, struct runner_row *runner, const json_t *info,
		    struct error **err)
{
	bool changed = w->now_ms >= runner->last_seen_ms + SEEN_EVERY_MS;
	if (json_is_object(info)) {
		_cleanup_json_ json_t *merged = json_of_text(runner->info);
		_cleanup_json_ json_t *before = json_deep_copy(merged);
		json_object_update(merged, (json_t *)info);
		if (!json_equal(before, merged)) {
			free(runner->info);
			runner->info = json_to_text(merged, JSON_WRITE_COMPACT);
			changed = true;
		}
	}
	if (!changed)
		return 0;
	runner->last_seen_ms = w->now_ms;
	return runner_put(w->tx, runner, err);
}

int runner_poll(struct work *w, const json_t *body, bool first, bool last_try, json_t **ret_answer,
		struct error **err)
{
	*ret_answer = NULL;
	if (!w->actor.runner_id)
		return error_set(
			err, ERROR_PERMISSION_DENIED,
			"only a registered runner polls, with the key of its registration");
	_cleanup_(runner_row_release) struct runner_row runner = {0};
	int r = runner_get(w->tx, w->actor.runner_id, &runner, err);
	if (r < 0)
		return r;
	_cleanup_json_ json_t *jobs = json_new_array(), *directives = json_new_array();
	struct poll p = {.work = w,
			 .runner = &runner,
			 .held = json_object_get(body, "held"),
			 .jobs = jobs,
			 .directives = directives};
	int64_t leased = 0;
	bool may_claim = false;
	r = check_work_root(&p, &may_claim, err);
	if (first && r >= 0)
		r = remember(w, &runner, json_object_get(body, "info"), err);
	if (r >= 0)
		r = dispatch_load(w, err);
	if (r >= 0)
		r = drop_what_is_not_its(&p, err);
	if (r >= 0)
		r = compare_leases(&p, first, &leased, err);
	_cleanup_free_ char *problem = runner_engine_problem(&runner);
	if (r >= 0 && may_claim && !problem)
		r = claim(&p, leased, err);
	if (r < 0)
		return r;

	bool exit = lease_take_exit(w->control->leases, runner.id);
	if (!last_try && !exit && json_array_size(jobs) == 0 && json_array_size(directives) == 0)
		return 0;
	json_t *document = json_new_object();
	json_set_value(document, "jobs", TAKE_PTR(jobs));
	json_set_value(document, "directives", TAKE_PTR(directives));
	json_set_bool(document, "exit", exit);
	*ret_answer = document;
	return 0;
}
