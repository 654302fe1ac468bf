/* What every driver would otherwise repeat: values, and results of at most one row. */
#include "store/db.h"

#include <limits.h>
#include <string.h>

struct db_value db_text(const char *text)
{
	if (!text)
		return (struct db_value){.type = DB_TYPE_NULL};
	return (struct db_value){.type = DB_TYPE_TEXT, .data = text, .size = strlen(text)};
}

struct db_value db_bytes(const void *data, size_t size)
{
	return (struct db_value){.type = DB_TYPE_BYTES, .data = size ? data : "", .size = size};
}

int db_query_values(struct db *db, struct error **err, struct db_rows **ret, const char *sql,
		    const struct db_value *values, size_t n)
{
	return db->driver->query(db, sql, values, n, ret, err);
}

int db_exec_values(struct db *db, struct error **err, const char *sql,
		   const struct db_value *values, size_t n)
{
	_cleanup_rows_ struct db_rows *rows = NULL;
	int r = db->driver->query(db, sql, values, n, &rows, err);
	if (r < 0)
		return r;
	while ((r = db_next(rows, err)) > 0)
		;
	if (r < 0)
		return r;
	return (int)MIN(db->driver->changed(rows), (int64_t)INT_MAX);
}

int db_number_values(struct db *db, struct error **err, int64_t *ret, const char *sql,
		     const struct db_value *values, size_t n)
{
	_cleanup_rows_ struct db_rows *rows = NULL;
	int r = db->driver->query(db, sql, values, n, &rows, err);
	if (r < 0)
		return r;
	r = db_next(rows, err);
	if (r < 0)
		return r;
	if (r == 0)
		return error_set(err, ERROR_NOT_FOUND, "no such row");
	*ret = db_get_int(rows, 0);
	return 0;
}

void db_rows_end(struct db_rows *rows)
{
	if (rows)
		rows->db->driver->end(rows);
}

void db_close(struct db *db)
{
	if (db)
		db->driver->close(db);
}
