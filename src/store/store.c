/* Opening a store, and its transactions. */
#include "store/store.h"

#include <assert.h>

#include "store/migrate.h"
#include "store/pool.h"
#include "store/tx.h"

#define READERS_MAX 4

struct store {
	char *path;
	struct pool readers;
	struct pool writer;
};

void store_close(struct store *s)
{
	if (!s)
		return;
	pool_release(&s->readers);
	pool_release(&s->writer);
	free(s->path);
	free(s);
}

DEFINE_CLEANUP(struct store *, store_close);

int store_open(const char *path, struct store **ret, struct error **err)
{
	_cleanup_(store_close_p) struct store *s = xcalloc(1, sizeof(*s));
	s->path = xstrdup(path);
	pool_init(&s->writer, &sqlite_driver, s->path, DB_WRITE, 1);
	pool_init(&s->readers, &sqlite_driver, s->path, DB_READ, READERS_MAX);

	struct db *db;
	int r = pool_take(&s->writer, &db, err);
	if (r < 0)
		return r;
	r = migrate(db, err);
	pool_give(&s->writer, db);
	if (r < 0)
		return error_wrap(err, "cannot use %s", path);
	*ret = TAKE_PTR(s);
	return 0;
}

int store_backup(struct store *s, const char *to_path, struct error **err)
{
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	int r = store_begin(s, STORE_READ, &tx, err);
	if (r < 0)
		return r;
	return tx->db->driver->backup(tx->db, to_path, err);
}

int store_begin(struct store *s, enum store_access access, struct store_tx **ret,
		struct error **err)
{
	struct pool *pool = access == STORE_WRITE ? &s->writer : &s->readers;
	struct db *db;
	int r = pool_take(pool, &db, err);
	if (r < 0)
		return r;
	r = db->driver->begin(db, err);
	if (r < 0) {
		pool_give(pool, db);
		return r;
	}
	struct store_tx *tx = xmalloc(sizeof(*tx));
	*tx = (struct store_tx){.db = db, .pool = pool};
	*ret = tx;
	return 0;
}

int store_commit(struct store_tx *tx, struct error **err)
{
	struct db *db = tx->db;
	int r;

	if (db->failed) {
		db->driver->rollback(db);
		r = error_set(err, ERROR_INTERNAL,
			      "nothing was stored: a statement of the transaction had failed");
	} else {
		r = db->driver->commit(db, err);
	}
	pool_give(tx->pool, db);
	free(tx);
	return r;
}

int store_try(struct store_tx *tx, struct error **err)
{
	return tx->db->driver->script(tx->db, "SAVEPOINT attempt", err);
}

int store_try_keep(struct store_tx *tx, struct error **err)
{
	return tx->db->driver->script(tx->db, "RELEASE attempt", err);
}

int store_try_undo(struct store_tx *tx, struct error **err)
{
	int r = tx->db->driver->script(tx->db, "ROLLBACK TO attempt; RELEASE attempt", err);
	if (r >= 0)
		tx->db->failed = false;
	return r;
}

void store_rollback(struct store_tx *tx)
{
	if (!tx)
		return;
	tx->db->driver->rollback(tx->db);
	pool_give(tx->pool, tx->db);
	free(tx);
}

void store_rollbackp(struct store_tx **tx)
{
	store_rollback(*tx);
}
