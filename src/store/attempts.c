/* What was done for a job: its operations, and the runs of engine commands for them. */
#include "store/table.h"

static const struct column operation_row_columns[] = {
	COLUMN(operation_row, job_id, TEXT, KEY),
	COLUMN_OF_WORDS(operation_row, operation, operation, KEY),
	COLUMN_OF_WORDS(operation_row, status, status, DATA),
	COLUMN_OF_WORDS(operation_row, result, result, DATA),
	COLUMN(operation_row, errors, TEXT, DATA),
	COLUMN(operation_row, summary, TEXT, DATA),
	COLUMN(operation_row, started_ms, INT64, DATA),
	COLUMN(operation_row, ended_ms, INT64, DATA),
};
static const struct table operations = TABLE("job_operation", "operation", operation_row);

static const struct column attempt_row_columns[] = {
	COLUMN(attempt_row, job_id, TEXT, KEY),
	COLUMN_OF_WORDS(attempt_row, operation, operation, KEY),
	COLUMN(attempt_row, number, INT, KEY),
	COLUMN(attempt_row, command, TEXT, DATA),
	COLUMN(attempt_row, epoch, INT64, DATA),
	COLUMN(attempt_row, runner_id, TEXT, DATA),
	COLUMN(attempt_row, state_token_hash, TEXT, DATA),
	COLUMN_NAMED(attempt_row, offset, "stdout_offset", INT64, DATA),
	COLUMN_NAMED(attempt_row, offset_stderr, "stderr_offset", INT64, DATA),
	COLUMN_NAMED(attempt_row, cursor, "parser", TEXT, DATA),
	COLUMN(attempt_row, facts, TEXT, DATA),
	COLUMN_OF_WORDS(attempt_row, result, result, DATA),
	COLUMN(attempt_row, started_ms, INT64, DATA),
	COLUMN(attempt_row, ended_ms, INT64, DATA),
};
static const struct table attempts = TABLE("job_attempt", "attempt", attempt_row);

void operation_row_release(struct operation_row *o)
{
	row_release(&operations, o);
}

int operation_put(struct store_tx *tx, const struct operation_row *o, struct error **err)
{
	return row_put(tx, &operations, o, err);
}

/* In the order in which a job may do them, which is the enum's. */
static int by_operation(const void *a, const void *b)
{
	const struct operation_row *left = a, *right = b;
	return (left->operation > right->operation) - (left->operation < right->operation);
}

int operation_list(struct store_tx *tx, const char *job_id, struct operation_row **ret_rows,
		   struct error **err)
{
	int n = row_list(tx, &operations, ret_rows, err, "WHERE job_id = $1",
			 DB_VALUES(db_text(job_id)));
	if (n > 0)
		qsort(*ret_rows, (size_t)n, sizeof(**ret_rows), by_operation);
	return n;
}

void attempt_row_release(struct attempt_row *a)
{
	row_release(&attempts, a);
}

int attempt_insert(struct store_tx *tx, const struct attempt_row *a, struct error **err)
{
	return row_insert(tx, &attempts, a, err);
}

int attempt_update(struct store_tx *tx, const struct attempt_row *a, struct error **err)
{
	int r = row_update(tx, &attempts, a, NULL, 0, err);
	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "no such attempt");
	return MIN(r, 0);
}

int attempt_get(struct store_tx *tx, const char *job_id, enum operation op, int number,
		struct attempt_row *ret, struct error **err)
{
	return row_get(
		tx, &attempts, ret, err, "WHERE job_id = $1 AND operation = $2 AND number = $3",
		DB_VALUES(db_text(job_id), db_text(operation_to_string(op)), db_int(number)));
}

int attempt_get_latest(struct store_tx *tx, const char *job_id, struct attempt_row *ret,
		       struct error **err)
{
	return row_get(
		tx, &attempts, ret, err,
		"WHERE job_id = $1 ORDER BY epoch DESC, started_ms DESC, number DESC LIMIT 1",
		DB_VALUES(db_text(job_id)));
}

int attempt_get_by_token_hash(struct store_tx *tx, const char *hash, struct attempt_row *ret,
			      struct error **err)
{
	return row_get(tx, &attempts, ret, err, "WHERE state_token_hash = $1",
		       DB_VALUES(db_text(hash)));
}

int attempt_list(struct store_tx *tx, const char *job_id, struct attempt_row **ret_rows,
		 struct error **err)
{
	return row_list(tx, &attempts, ret_rows, err,
			"WHERE job_id = $1 ORDER BY epoch, started_ms, number",
			DB_VALUES(db_text(job_id)));
}
