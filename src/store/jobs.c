/* Stack jobs: their rows, and the queue that they form. */
#include "base/parse.h"
#include "store/table.h"

/* FIXED is the snapshot taken when the job was made. last_seq moves with events only. */
static const struct column job_row_columns[] = {
	COLUMN(job_row, id, TEXT, KEY),
	COLUMN(job_row, resource_id, TEXT, FIXED),
	COLUMN(job_row, state_id, TEXT, FIXED),
	COLUMN(job_row, org, TEXT, FIXED),
	COLUMN(job_row, env, TEXT, FIXED),
	COLUMN(job_row, kind, TEXT, FIXED),
	COLUMN(job_row, slug, TEXT, FIXED),
	COLUMN_OF_WORDS(job_row, operation, job_operation, FIXED),
	COLUMN_OF_WORDS(job_row, status, status, DATA),
	COLUMN_OF_WORDS(job_row, result, result, DATA),
	COLUMN(job_row, number, INT64, FIXED),
	COLUMN(job_row, epoch, INT64, DATA),
	COLUMN(job_row, runner_id, TEXT, DATA),
	COLUMN(job_row, actor, TEXT, FIXED),
	COLUMN(job_row, message, TEXT, FIXED),
	COLUMN(job_row, manifest, TEXT, FIXED),
	COLUMN(job_row, version_id, TEXT, FIXED),
	COLUMN(job_row, options, TEXT, FIXED),
	COLUMN(job_row, essentials, TEXT, DATA),
	COLUMN(job_row, preflight, TEXT, DATA),
	COLUMN(job_row, rerun_of, TEXT, FIXED),
	COLUMN(job_row, pause, TEXT, DATA),
	COLUMN(job_row, error_code, TEXT, DATA),
	COLUMN(job_row, error_message, TEXT, DATA),
	COLUMN(job_row, summary, TEXT, DATA),
	COLUMN(job_row, cancel_actor, TEXT, DATA),
	COLUMN(job_row, cancel_reason, TEXT, DATA),
	COLUMN(job_row, cancel_ms, INT64, DATA),
	COLUMN(job_row, cancel_requested, BOOL, DATA),
	COLUMN(job_row, force_requested, BOOL, DATA),
	COLUMN(job_row, last_seq, INT64, FIXED),
	COLUMN(job_row, created_ms, INT64, FIXED),
	COLUMN(job_row, started_ms, INT64, DATA),
	COLUMN(job_row, ended_ms, INT64, DATA),
};
static const struct table jobs = TABLE("stack_job", "stack job", job_row);

void job_row_release(struct job_row *j)
{
	row_release(&jobs, j);
}

int job_insert(struct store_tx *tx, struct job_row *j, struct error **err)
{
	int r = db_number(tx->db, err, &j->number,
			  "UPDATE counter SET value = value + 1 WHERE name = 'stack_job' "
			  "RETURNING value");
	if (r < 0)
		return error_wrap(err, "cannot number the stack job");
	return row_insert(tx, &jobs, j, err);
}

int job_get(struct store_tx *tx, const char *id, struct job_row *ret, struct error **err)
{
	return row_get(tx, &jobs, ret, err, "WHERE id = $1", DB_VALUES(db_text(id)));
}

int job_update(struct store_tx *tx, const struct job_row *j, enum status expected_status,
	       int64_t expected_epoch, struct error **err)
{
	const struct expectation expected[] = {
		{"status", db_text(status_to_string(expected_status))},
		{"epoch", db_int(expected_epoch)},
	};
	int64_t epoch;
	int r = row_update(tx, &jobs, j, expected, ARRAY_SIZE(expected), err);
	if (r != 0)
		return MIN(r, 0);
	r = db_number(tx->db, err, &epoch, "SELECT epoch FROM stack_job WHERE id = $1",
		      db_text(j->id));
	if (r < 0)
		return error_wrap(err, "cannot change the stack job");
	return error_set(err, ERROR_CONFLICT,
			 "the stack job is no longer %s with epoch %lld (its epoch is %lld)",
			 status_to_string(expected_status), (long long)expected_epoch,
			 (long long)epoch);
}

/* Words and conditions that partial indexes are made of are literals: a planner cannot see through
 * a placeholder. */
static void filter(struct conditions *c, const struct job_filter *f)
{
	conditions_text(c, "resource_id", f->resource_id);
	conditions_text(c, "org", f->org);
	conditions_text(c, "env", f->env);
	conditions_text(c, "kind", f->kind);
	conditions_text(c, "runner_id", f->runner_id);
	if (f->result != _RESULT_INVALID)
		conditions_text(c, "result", result_to_string(f->result));
	if (f->operation != _JOB_OPERATION_INVALID)
		conditions_text(c, "operation", job_operation_to_string(f->operation));
	if (f->status != _STATUS_INVALID)
		conditions_text(c, "status", status_to_string(f->status));
	if (f->unfinished || (f->status != _STATUS_INVALID && f->status != STATUS_COMPLETED))
		conditions_add(c, "status <> 'completed'");
	if (f->changes)
		conditions_add(c, "operation IN ('update', 'destroy')");
}

int job_list(struct store_tx *tx, const struct job_filter *f, const char *cursor, size_t limit,
	     struct job_row **ret_rows, struct error **err)
{
	_cleanup_conditions_ struct conditions c = CONDITIONS_INIT;
	int64_t number;

	filter(&c, f);
	if (cursor) {
		if (parse_i64(cursor, &number) < 0)
			return error_set(err, ERROR_INVALID_ARGUMENT, "not a cursor: %s", cursor);
		conditions_value(&c, f->oldest_first ? "number > " : "number < ", db_int(number));
	}
	conditions_order(&c, f->oldest_first ? "number" : "number DESC", limit);
	return row_list(tx, &jobs, ret_rows, err, c.sql.data, c.values, c.n);
}

int64_t job_count(struct store_tx *tx, const struct job_filter *f, struct error **err)
{
	_cleanup_conditions_ struct conditions c = CONDITIONS_INIT;
	_cleanup_free_ char *sql = NULL;
	int64_t count;

	filter(&c, f);
	sql = xasprintf("SELECT count(*) FROM stack_job %s", c.sql.data);
	int r = db_number_values(tx->db, err, &count, sql, c.values, c.n);
	return r < 0 ? r : count;
}

int job_list_ahead(struct store_tx *tx, const char *state_id, int64_t number,
		   struct job_row **ret_rows, struct error **err)
{
	return row_list(tx, &jobs, ret_rows, err,
			"WHERE state_id = $1 AND number < $2 AND status <> 'completed' "
			"ORDER BY number LIMIT $3",
			DB_VALUES(db_text(state_id), db_int(number), db_int(JOBS_AHEAD_MAX)));
}

int job_list_candidates(struct store_tx *tx, int64_t after_number, size_t limit,
			struct job_row **ret_rows, struct error **err)
{
	int64_t most = (int64_t)MIN(limit, (size_t)INT64_MAX);
	return row_list(tx, &jobs, ret_rows, err,
			"WHERE status = 'queued' AND status <> 'completed' AND number > $1 "
			"AND NOT EXISTS (SELECT 1 FROM stack_job AS earlier "
			"WHERE earlier.state_id = stack_job.state_id "
			"AND earlier.number < stack_job.number "
			"AND earlier.status <> 'completed' "
			"AND earlier.status IN ('queued', 'running')) "
			"ORDER BY number LIMIT $2",
			DB_VALUES(db_int(after_number), db_int(most)));
}

int job_raise_epochs(struct store_tx *tx, int64_t by, struct error **err)
{
	int r = db_exec(tx->db, err,
			"UPDATE stack_job SET epoch = epoch + $1 WHERE status <> 'completed'",
			db_int(by));
	return MIN(r, 0);
}
