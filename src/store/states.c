/* States of the built-in backend: every version that was ever written, and who holds the lock. */
#include "store/table.h"

static const struct column state_version_row_columns[] = {
	COLUMN(state_version_row, id, TEXT, KEY),
	COLUMN(state_version_row, state_id, TEXT, FIXED),
	COLUMN(state_version_row, serial, INT64, FIXED),
	COLUMN(state_version_row, lineage, TEXT, FIXED),
	COLUMN(state_version_row, size, INT64, FIXED),
	COLUMN(state_version_row, md5, TEXT, FIXED),
	COLUMN(state_version_row, job_id, TEXT, FIXED),
	COLUMN(state_version_row, epoch, INT64, FIXED),
	COLUMN(state_version_row, actor, TEXT, FIXED),
	COLUMN(state_version_row, message, TEXT, FIXED),
	COLUMN(state_version_row, created_ms, INT64, FIXED),
	COLUMN(state_version_row, resource_count, INT64, FIXED),
	COLUMN_OF_BYTES(state_version_row, sealed, sealed_len, FIXED),
};
static const struct table state_versions =
	TABLE("state_version", "state version", state_version_row, .position_within = "state_id");

static const struct column state_lock_row_columns[] = {
	COLUMN(state_lock_row, state_id, TEXT, KEY),
	COLUMN(state_lock_row, lock_id, TEXT, DATA),
	COLUMN(state_lock_row, info, TEXT, DATA),
	COLUMN(state_lock_row, job_id, TEXT, DATA),
	COLUMN(state_lock_row, epoch, INT64, DATA),
	COLUMN(state_lock_row, created_ms, INT64, DATA),
};
static const struct table state_locks = TABLE("state_lock", "state lock", state_lock_row);

void state_version_row_release(struct state_version_row *s)
{
	row_release(&state_versions, s);
}

int state_version_append(struct store_tx *tx, const struct state_version_row *s, struct error **err)
{
	return row_insert(tx, &state_versions, s, err);
}

int state_version_get(struct store_tx *tx, const char *state_id, const char *version_id,
		      struct state_version_row *ret, struct error **err)
{
	if (version_id)
		return row_get(tx, &state_versions, ret, err, "WHERE state_id = $1 AND id = $2",
			       DB_VALUES(db_text(state_id), db_text(version_id)));
	return row_get(tx, &state_versions, ret, err,
		       "WHERE state_id = $1 ORDER BY position DESC LIMIT 1",
		       DB_VALUES(db_text(state_id)));
}

int state_version_list(struct store_tx *tx, const char *state_id, const char *cursor, size_t limit,
		       struct state_version_row **ret_rows, struct error **err)
{
	_cleanup_conditions_ struct conditions c = CONDITIONS_INIT;

	conditions_text(&c, "state_id", state_id);
	conditions_before(&c, &state_versions, cursor);
	conditions_order(&c, "position DESC", limit);
	return row_list(tx, &state_versions, ret_rows, err, c.sql.data, c.values, c.n);
}

void state_lock_row_release(struct state_lock_row *l)
{
	row_release(&state_locks, l);
}

int state_lock_get(struct store_tx *tx, const char *state_id, struct state_lock_row *ret,
		   struct error **err)
{
	return row_get(tx, &state_locks, ret, err, "WHERE state_id = $1",
		       DB_VALUES(db_text(state_id)));
}

int state_lock_put(struct store_tx *tx, const struct state_lock_row *l, struct error **err)
{
	return row_put(tx, &state_locks, l, err);
}

int state_lock_delete(struct store_tx *tx, const char *state_id, struct error **err)
{
	int r = db_exec(tx->db, err, "DELETE FROM state_lock WHERE state_id = $1",
			db_text(state_id));
	return MIN(r, 0);
}
