/* Small named values. */
#include "store/tx.h"

int meta_get(struct store_tx *tx, const char *key, char **ret_value, struct error **err)
{
	_cleanup_rows_ struct db_rows *rows = NULL;
	int r = db_query(tx->db, err, &rows, "SELECT value FROM meta WHERE key = $1", db_text(key));
	if (r < 0)
		return r;
	r = db_next(rows, err);
	if (r < 0)
		return r;
	*ret_value = r > 0 ? xstrdup(db_get_text(rows, 0)) : NULL;
	return 0;
}

int meta_set(struct store_tx *tx, const char *key, const char *value, struct error **err)
{
	int r = db_exec(tx->db, err,
			"INSERT INTO meta (key, value) VALUES ($1, $2) "
			"ON CONFLICT (key) DO UPDATE SET value = excluded.value",
			db_text(key), db_text(value));
	return MIN(r, 0);
}
