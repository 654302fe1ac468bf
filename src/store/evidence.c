/* What a lost runner left behind: resources to adopt, and bytes that came too late. */
#include "store/table.h"

static const struct column adoption_row_columns[] = {
	COLUMN(adoption_row, job_id, TEXT, KEY),
	COLUMN(adoption_row, resource_id, TEXT, DATA),
	COLUMN(adoption_row, address, TEXT, KEY),
	COLUMN(adoption_row, type, TEXT, DATA),
	COLUMN(adoption_row, provider, TEXT, DATA),
	COLUMN(adoption_row, complete, BOOL, DATA),
	COLUMN(adoption_row, action, TEXT, DATA),
	COLUMN(adoption_row, id_key, TEXT, DATA),
	COLUMN(adoption_row, id_value, TEXT, DATA),
	COLUMN(adoption_row, advice, TEXT, DATA),
	COLUMN(adoption_row, created_ms, INT64, DATA),
	COLUMN(adoption_row, resolved_ms, INT64, DATA),
};
static const struct table adoptions = TABLE("adoption", "adoption", adoption_row);

void adoption_row_release(struct adoption_row *a)
{
	row_release(&adoptions, a);
}

int adoption_put(struct store_tx *tx, const struct adoption_row *a, struct error **err)
{
	return row_put(tx, &adoptions, a, err);
}

int adoption_list(struct store_tx *tx, const char *job_id, const char *resource_id,
		  struct adoption_row **ret_rows, struct error **err)
{
	_cleanup_conditions_ struct conditions c = CONDITIONS_INIT;

	conditions_text(&c, "job_id", job_id);
	conditions_text(&c, "resource_id", resource_id);
	strbuf_addstr(&c.sql, "ORDER BY job_id, address");
	return row_list(tx, &adoptions, ret_rows, err, c.sql.data, c.values, c.n);
}

int quarantine_put(struct store_tx *tx, const char *job_id, int64_t epoch, const char *name,
		   const void *sealed, size_t len, int64_t now_ms, struct error **err)
{
	int r = db_exec(tx->db, err,
			"INSERT INTO quarantine (job_id, epoch, name, created_ms, sealed) "
			"VALUES ($1, $2, $3, $4, $5)",
			db_text(job_id), db_int(epoch), db_text(name), db_int(now_ms),
			db_bytes(sealed, len));
	return MIN(r, 0);
}
