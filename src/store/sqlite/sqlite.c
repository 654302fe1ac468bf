/*
 * The SQLite driver. Write-ahead log, every commit on the disk before it returns. Each connection
 * belongs to one thread at a time, so SQLite's own mutexes are off.
 */
#include "store/sqlite/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strutil.h"

#define BUSY_TIMEOUT_MS 10000
/* Statements that each connection keeps prepared, a few KB each. */
#define STATEMENTS_KEPT 48

/* A prepared statement and, while busy, its result. */
struct statement {
	struct db_rows rows;
	struct statement *next;
	char *sql;
	sqlite3_stmt *handle;
	bool busy;
	bool done;
	int64_t changed;
};

int sqlite_error(struct sqlite *db, struct error **err, const char *doing)
{
	int extended = sqlite3_extended_errcode(db->handle);
	enum error_code code = ERROR_INTERNAL;

	db->base.failed = true;
	if (extended == SQLITE_CONSTRAINT_UNIQUE || extended == SQLITE_CONSTRAINT_PRIMARYKEY)
		code = ERROR_ALREADY_EXISTS;
	else if (extended == SQLITE_CONSTRAINT_FOREIGNKEY)
		code = ERROR_NOT_FOUND;
	else if ((extended & 0xff) == SQLITE_BUSY)
		code = ERROR_UNAVAILABLE;
	return error_set(err, code, "%s: %s", doing, sqlite3_errmsg(db->handle));
}

static void statement_free(struct statement *s)
{
	sqlite3_finalize(s->handle);
	free(s->sql);
	free(s);
}

DEFINE_CLEANUP(struct statement *, statement_free);

static int sqlite_script(struct db *base, const char *sql, struct error **err)
{
	struct sqlite *db = sqlite_of(base);
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_error(db, err, "cannot run a script");
	return 0;
}

static void sqlite_close(struct db *base)
{
	struct sqlite *db = sqlite_of(base);
	while (db->statements) {
		struct statement *s = db->statements;
		db->statements = s->next;
		assert(!s->busy);
		statement_free(s);
	}
	int r = sqlite3_close(db->handle);
	assert(r == SQLITE_OK);
	free(db);
}

/* So that nobody else can read it from its first moment on. An existing file keeps its mode. */
static int create_private(const char *path, struct error **err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		if (errno == EEXIST)
			return 0;
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot create %s", path);
	}
	close(fd);
	return 0;
}

static int configure(struct sqlite *db, enum db_access access, struct error **err)
{
	static const char common[] = "PRAGMA foreign_keys = ON;"
				     "PRAGMA mmap_size = 0;"
				     "PRAGMA trusted_schema = OFF;";
	static const char writer[] = "PRAGMA journal_mode = WAL;"
				     "PRAGMA synchronous = FULL;"
				     "PRAGMA wal_autocheckpoint = 1000;"
				     "PRAGMA journal_size_limit = 16777216;"
				     "PRAGMA cache_size = -1024;";
	static const char reader[] = "PRAGMA query_only = ON;"
				     "PRAGMA cache_size = -512;";

	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	int r = sqlite_script(&db->base, common, err);
	if (r < 0)
		return r;
	return sqlite_script(&db->base, access == DB_WRITE ? writer : reader, err);
}

static int sqlite_open(const char *target, enum db_access access, struct db **ret,
		       struct error **err)
{
	/* Names that SQLite would take for something else than a file are files here. */
	_cleanup_free_ char *path = xasprintf("%s%s", target[0] == '/' ? "" : "./", target);
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
	int r;

	if (access == DB_WRITE) {
		r = create_private(path, err);
		if (r < 0)
			return r;
	}
	struct sqlite *db = xcalloc(1, sizeof(*db));
	db->base.driver = &sqlite_driver;
	db->access = access;
	_cleanup_db_ struct db *guard = &db->base;
	if (sqlite3_open_v2(path, &db->handle, flags, NULL) != SQLITE_OK)
		return error_set(err, ERROR_INTERNAL, "cannot open %s: %s", target,
				 sqlite3_errmsg(db->handle));
	r = configure(db, access, err);
	if (r < 0)
		return error_wrap(err, "cannot open %s", target);
	*ret = TAKE_PTR(guard);
	return 0;
}

/* SQLite spells $1 as ?1; its own $1 is a name, numbered by order of appearance. */
static char *to_sqlite_placeholders(const char *sql)
{
	char *own = xstrdup(sql);
	for (char *p = own; (p = strchr(p, '$'));)
		*p = '?';
	return own;
}

static int prepare(struct sqlite *db, const char *sql, struct statement **ret, struct error **err)
{
	for (struct statement **p = &db->statements; *p; p = &(*p)->next) {
		struct statement *s = *p;
		if (s->busy || !streq(s->sql, sql))
			continue;
		*p = s->next;
		*ret = s;
		return 0;
	}
	_cleanup_(statement_free_p) struct statement *s = xcalloc(1, sizeof(*s));
	_cleanup_free_ char *own = to_sqlite_placeholders(sql);
	s->rows.db = &db->base;
	s->sql = xstrdup(sql);
	if (sqlite3_prepare_v3(db->handle, own, -1, SQLITE_PREPARE_PERSISTENT, &s->handle, NULL) !=
	    SQLITE_OK)
		return sqlite_error(db, err, "cannot prepare a statement");
	*ret = TAKE_PTR(s);
	return 0;
}

/* Most recently used first; the last idle ones go when there are too many. */
static void keep(struct sqlite *db, struct statement *s)
{
	size_t n = 0;

	s->next = db->statements;
	db->statements = s;
	for (struct statement **p = &db->statements; *p;) {
		struct statement *old = *p;
		if (++n > STATEMENTS_KEPT && !old->busy) {
			*p = old->next;
			statement_free(old);
		} else {
			p = &old->next;
		}
	}
}

static int bind(sqlite3_stmt *handle, int index, const struct db_value *value)
{
	switch (value->type) {
	case DB_TYPE_NULL:
		return sqlite3_bind_null(handle, index);
	case DB_TYPE_INT:
		return sqlite3_bind_int64(handle, index, value->number);
	case DB_TYPE_TEXT:
		return sqlite3_bind_text64(handle, index, value->data, value->size, SQLITE_STATIC,
					   SQLITE_UTF8);
	case DB_TYPE_BYTES:
		return sqlite3_bind_blob64(handle, index, value->data, value->size, SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

static struct statement *statement_of(struct db_rows *rows)
{
	return container_of(rows, struct statement, rows);
}

static void sqlite_end(struct db_rows *rows)
{
	struct statement *s = statement_of(rows);
	sqlite3_reset(s->handle);
	sqlite3_clear_bindings(s->handle);
	s->busy = false;
}

static int sqlite_query(struct db *base, const char *sql, const struct db_value *values, size_t n,
			struct db_rows **ret, struct error **err)
{
	struct sqlite *db = sqlite_of(base);
	struct statement *s = NULL;
	int r = prepare(db, sql, &s, err);
	if (r < 0)
		return r;
	s->busy = true;
	s->done = false;
	keep(db, s);
	for (size_t i = 0; i < n; i++) {
		if (bind(s->handle, (int)i + 1, &values[i]) == SQLITE_OK)
			continue;
		r = sqlite_error(db, err, "cannot bind a value");
		sqlite_end(&s->rows);
		return r;
	}
	*ret = &s->rows;
	return 0;
}

static int sqlite_next(struct db_rows *rows, struct error **err)
{
	struct statement *s = statement_of(rows);
	struct sqlite *db = sqlite_of(rows->db);

	/* Another step would run it again. */
	if (s->done)
		return 0;
	switch (sqlite3_step(s->handle)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		s->done = true;
		s->changed = sqlite3_changes64(db->handle);
		return 0;
	default:
		return sqlite_error(db, err, "the database refused");
	}
}

static int64_t sqlite_changed(struct db_rows *rows)
{
	return statement_of(rows)->changed;
}

static int64_t sqlite_get_int(struct db_rows *rows, int column)
{
	return sqlite3_column_int64(statement_of(rows)->handle, column);
}

static const char *sqlite_get_text(struct db_rows *rows, int column)
{
	return (const char *)sqlite3_column_text(statement_of(rows)->handle, column);
}

static const void *sqlite_get_bytes(struct db_rows *rows, int column, size_t *ret_size)
{
	sqlite3_stmt *handle = statement_of(rows)->handle;
	const void *data = sqlite3_column_blob(handle, column);
	*ret_size = (size_t)sqlite3_column_bytes(handle, column);
	return *ret_size ? data : "";
}

static int sqlite_begin(struct db *base, struct error **err)
{
	base->failed = false;
	int r = db_exec(base, err,
			sqlite_of(base)->access == DB_WRITE ? "BEGIN IMMEDIATE" : "BEGIN");
	return MIN(r, 0);
}

static void sqlite_rollback(struct db *base)
{
	if (!sqlite3_get_autocommit(sqlite_of(base)->handle))
		db_exec(base, NULL, "ROLLBACK");
}

static int sqlite_commit(struct db *base, struct error **err)
{
	int r = db_exec(base, err, "COMMIT");
	if (r < 0)
		sqlite_rollback(base);
	return MIN(r, 0);
}

const struct db_driver sqlite_driver = {
	.open = sqlite_open,
	.close = sqlite_close,
	.begin = sqlite_begin,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.script = sqlite_script,
	.query = sqlite_query,
	.next = sqlite_next,
	.changed = sqlite_changed,
	.get_int = sqlite_get_int,
	.get_text = sqlite_get_text,
	.get_bytes = sqlite_get_bytes,
	.end = sqlite_end,
	.backup = sqlite_backup,
};
