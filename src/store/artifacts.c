/* Sealed files that a job hands from one runner to the next. */
#include "store/tx.h"

int artifact_put(struct store_tx *tx, const char *job_id, const char *name, const char *digest,
		 const void *bytes, size_t len, int64_t now_ms, struct error **err)
{
	int r = db_exec(tx->db, err,
			"INSERT INTO artifact (job_id, name, digest, created_ms, bytes) "
			"VALUES ($1, $2, $3, $4, $5) ON CONFLICT (job_id, name) DO UPDATE SET "
			"digest = excluded.digest, created_ms = excluded.created_ms, "
			"bytes = excluded.bytes",
			db_text(job_id), db_text(name), db_text(digest), db_int(now_ms),
			db_bytes(bytes, len));
	return MIN(r, 0);
}

int artifact_get(struct store_tx *tx, const char *job_id, const char *name, char **ret_digest,
		 void **ret_bytes, size_t *ret_len, struct error **err)
{
	_cleanup_rows_ struct db_rows *rows = NULL;
	int r = db_query(tx->db, err, &rows,
			 "SELECT digest, bytes FROM artifact WHERE job_id = $1 AND name = $2",
			 db_text(job_id), db_text(name));
	if (r < 0)
		return r;
	r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "no such artifact: %s", name);
	const void *bytes = db_get_bytes(rows, 1, ret_len);
	*ret_bytes = xmemdup(bytes, *ret_len);
	*ret_digest = xstrdup_null(db_get_text(rows, 0));
	return 0;
}

int artifact_delete_all(struct store_tx *tx, const char *job_id, struct error **err)
{
	int r = db_exec(tx->db, err, "DELETE FROM artifact WHERE job_id = $1", db_text(job_id));
	return MIN(r, 0);
}
