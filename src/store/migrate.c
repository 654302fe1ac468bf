/* Runs the missing migrations, and checks those that ran before. */
#include "store/migrate.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/strutil.h"

static void checksum(const struct migration *m, char ret[DIGEST_HEX_SIZE])
{
	digest_hex(DIGEST_BLAKE2B, m->sql, strlen(m->sql), ret);
}

static int check_applied(struct db *db, int *ret_count, struct error **err)
{
	_cleanup_rows_ struct db_rows *rows = NULL;
	int count = 0;
	int r = db_query(db, err, &rows,
			 "SELECT number, name, checksum FROM schema_migration ORDER BY number");
	if (r < 0)
		return r;
	while ((r = db_next(rows, err)) > 0) {
		int64_t number = db_get_int(rows, 0);
		const char *name = db_get_text(rows, 1);
		char expected[DIGEST_HEX_SIZE];

		if (number > migrations_count)
			return error_set(err, ERROR_INTERNAL,
					 "the database has schema %lld (%s), newer than this "
					 "program's %d: use a newer planton",
					 (long long)number, name, migrations_count);
		const struct migration *m = &migrations[count++];
		checksum(m, expected);
		if (number != m->number || !streq(expected, db_get_text(rows, 2)))
			return error_set(err, ERROR_INTERNAL,
					 "schema migration %lld (%s) is not the one that this "
					 "program knows",
					 (long long)number, name);
	}
	*ret_count = count;
	return r;
}

static int apply(struct db *db, const struct migration *m, struct error **err)
{
	char sum[DIGEST_HEX_SIZE];
	int r = db->driver->script(db, m->sql, err);
	if (r < 0)
		return r;
	checksum(m, sum);
	r = db_exec(db, err,
		    "INSERT INTO schema_migration (number, name, checksum, applied_ms) "
		    "VALUES ($1, $2, $3, $4)",
		    db_int(m->number), db_text(m->name), db_text(sum),
		    db_int((int64_t)now_realtime_ms()));
	return MIN(r, 0);
}

/* 1 when it applied one, 0 when the schema is the newest. */
static int step(struct db *db, struct error **err)
{
	int count = 0;
	int r = db->driver->script(db,
				   "CREATE TABLE IF NOT EXISTS schema_migration ("
				   "number BIGINT PRIMARY KEY, name TEXT NOT NULL,"
				   "checksum TEXT NOT NULL, applied_ms BIGINT NOT NULL)",
				   err);
	if (r < 0)
		return r;
	r = check_applied(db, &count, err);
	if (r < 0 || count == migrations_count)
		return r;
	const struct migration *m = &migrations[count];
	r = apply(db, m, err);
	if (r < 0)
		return error_wrap(err, "schema migration %d (%s) failed", m->number, m->name);
	return 1;
}

int migrate(struct db *db, struct error **err)
{
	int r;

	do {
		r = db->driver->begin(db, err);
		if (r < 0)
			return r;
		int applied = step(db, err);
		if (applied < 0) {
			db->driver->rollback(db);
			return applied;
		}
		r = db->driver->commit(db, err);
		if (r == 0)
			r = applied;
	} while (r > 0);
	return r;
}
