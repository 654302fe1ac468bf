/* Who may talk to the server: runners and API keys; and what it answered to repeated requests. */
#include "store/table.h"

static const struct column runner_row_columns[] = {
	COLUMN(runner_row, id, TEXT, KEY),
	COLUMN(runner_row, name, TEXT, DATA),
	COLUMN(runner_row, public_key, TEXT, DATA),
	COLUMN(runner_row, version, TEXT, DATA),
	COLUMN(runner_row, labels, TEXT, DATA),
	COLUMN(runner_row, info, TEXT, DATA),
	COLUMN(runner_row, capacity, INT, DATA),
	COLUMN(runner_row, created_ms, INT64, FIXED),
	COLUMN(runner_row, last_seen_ms, INT64, DATA),
	COLUMN(runner_row, abandoned, BOOL, DATA),
};
static const struct table runners = TABLE("runner", "runner", runner_row);

static const struct column api_key_row_columns[] = {
	COLUMN(api_key_row, id, TEXT, KEY),	     COLUMN(api_key_row, name, TEXT, FIXED),
	COLUMN(api_key_row, hash, TEXT, FIXED),	     COLUMN(api_key_row, role, TEXT, FIXED),
	COLUMN(api_key_row, runner_id, TEXT, FIXED), COLUMN(api_key_row, created_ms, INT64, FIXED),
};
static const struct table api_keys = TABLE("api_key", "API key", api_key_row);

static const struct column idempotency_row_columns[] = {
	COLUMN(idempotency_row, key, TEXT, KEY),
	COLUMN(idempotency_row, principal, TEXT, KEY),
	COLUMN(idempotency_row, request_hash, TEXT, FIXED),
	COLUMN(idempotency_row, response, TEXT, FIXED),
	COLUMN(idempotency_row, http_status, INT, FIXED),
	COLUMN(idempotency_row, created_ms, INT64, FIXED),
};
static const struct table idempotencies = TABLE("idempotency", "stored answer", idempotency_row);

void runner_row_release(struct runner_row *r)
{
	row_release(&runners, r);
}

int runner_put(struct store_tx *tx, const struct runner_row *r, struct error **err)
{
	return row_put(tx, &runners, r, err);
}

int runner_get(struct store_tx *tx, const char *id, struct runner_row *ret, struct error **err)
{
	return row_get(tx, &runners, ret, err, "WHERE id = $1", DB_VALUES(db_text(id)));
}

int runner_get_by_public_key(struct store_tx *tx, const char *public_key, struct runner_row *ret,
			     struct error **err)
{
	return row_get(tx, &runners, ret, err, "WHERE public_key = $1",
		       DB_VALUES(db_text(public_key)));
}

int runner_list(struct store_tx *tx, struct runner_row **ret_rows, struct error **err)
{
	return row_list(tx, &runners, ret_rows, err, "ORDER BY id", NULL, 0);
}

void api_key_row_release(struct api_key_row *k)
{
	row_release(&api_keys, k);
}

int api_key_insert(struct store_tx *tx, const struct api_key_row *k, struct error **err)
{
	return row_insert(tx, &api_keys, k, err);
}

int api_key_get_by_hash(struct store_tx *tx, const char *hash, struct api_key_row *ret,
			struct error **err)
{
	return row_get(tx, &api_keys, ret, err, "WHERE hash = $1", DB_VALUES(db_text(hash)));
}

void idempotency_row_release(struct idempotency_row *i)
{
	row_release(&idempotencies, i);
}

int idempotency_get(struct store_tx *tx, const char *principal, const char *key,
		    struct idempotency_row *ret, struct error **err)
{
	return row_get(tx, &idempotencies, ret, err, "WHERE principal = $1 AND key = $2",
		       DB_VALUES(db_text(principal), db_text(key)));
}

int idempotency_put(struct store_tx *tx, const struct idempotency_row *i, struct error **err)
{
	return row_insert(tx, &idempotencies, i, err);
}

int idempotency_expire(struct store_tx *tx, int64_t before_ms, struct error **err)
{
	int r = db_exec(tx->db, err, "DELETE FROM idempotency WHERE created_ms < $1",
			db_int(before_ms));
	return MIN(r, 0);
}
