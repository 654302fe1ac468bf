/*
 * The little that verbs need of an SQL database. A connection is used by one thread at a time.
 *
 * SQL is the part that SQLite and PostgreSQL share: placeholders are $1, $2, ... (any order,
 * repeats allowed) and a literal never contains a dollar sign; types in schemas are TEXT, BIGINT
 * and BYTEA; RETURNING and ON CONFLICT are there. Statements are prepared once per connection and
 * kept.
 *
 * Several results may be open at once on one connection. A driver may hold a whole result in
 * memory: bound what may grow with LIMIT. After an error in a statement only a rollback is possible
 * (PostgreSQL's rule), which `failed` records.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"

enum db_access { DB_READ, DB_WRITE };

enum db_type { DB_TYPE_NULL, DB_TYPE_INT, DB_TYPE_TEXT, DB_TYPE_BYTES };

struct db_value {
	enum db_type type;
	int64_t number;
	const void *data; /* borrowed until the result is closed */
	size_t size;
};

static inline struct db_value db_int(int64_t number)
{
	return (struct db_value){.type = DB_TYPE_INT, .number = number};
}

/* NULL is SQL's NULL. */
struct db_value db_text(const char *text);
/* No bytes at all is an empty value, never NULL. */
struct db_value db_bytes(const void *data, size_t size);

struct db {
	const struct db_driver *driver;
	bool failed; /* a statement of this transaction failed */
};

struct db_rows {
	struct db *db;
};

struct db_driver {
	/* DB_WRITE creates the database when it is missing; DB_READ connections refuse to write. */
	int (*open)(const char *target, enum db_access access, struct db **ret, struct error **err);
	void (*close)(struct db *db);
	/* A writer excludes other writers from here on, or waits for them. */
	int (*begin)(struct db *db, struct error **err);
	/* Durable when it returns 0; otherwise rolled back. */
	int (*commit)(struct db *db, struct error **err);
	void (*rollback)(struct db *db);
	/* Several statements, nothing to bind. */
	int (*script)(struct db *db, const char *sql, struct error **err);
	int (*query)(struct db *db, const char *sql, const struct db_value *values, size_t n,
		     struct db_rows **ret, struct error **err);
	/* 1 with a row, 0 at the end. */
	int (*next)(struct db_rows *rows, struct error **err);
	/* Rows that the finished statement inserted, changed or deleted. */
	int64_t (*changed)(struct db_rows *rows);
	/* Columns count from 0; what they return lives until next() or end(). */
	int64_t (*get_int)(struct db_rows *rows, int column);
	const char *(*get_text)(struct db_rows *rows, int column); /* NULL for SQL's NULL */
	const void *(*get_bytes)(struct db_rows *rows, int column, size_t *ret_size);
	void (*end)(struct db_rows *rows);
	/* A consistent copy in a new file. ERROR_ALREADY_EXISTS when there is such a file. */
	int (*backup)(struct db *db, const char *to_path, struct error **err);
};

extern const struct db_driver sqlite_driver;

int db_query_values(struct db *db, struct error **err, struct db_rows **ret, const char *sql,
		    const struct db_value *values, size_t n);
/* The number of rows changed. */
int db_exec_values(struct db *db, struct error **err, const char *sql,
		   const struct db_value *values, size_t n);
/* The integer in the first column of the only row; ERROR_NOT_FOUND when there is no row. */
int db_number_values(struct db *db, struct error **err, int64_t *ret, const char *sql,
		     const struct db_value *values, size_t n);

/* The values follow: db_exec(db, err, "DELETE FROM t WHERE id = $1", db_text(id)) */
#define DB_VALUES(...)                            \
	((const struct db_value[]){__VA_ARGS__}), \
		(sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
#define db_query(db, err, ret, sql, ...) db_query_values(db, err, ret, sql, DB_VALUES(__VA_ARGS__))
#define db_exec(db, err, sql, ...)	 db_exec_values(db, err, sql, DB_VALUES(__VA_ARGS__))
#define db_number(db, err, ret, sql, ...) \
	db_number_values(db, err, ret, sql, DB_VALUES(__VA_ARGS__))

static inline int db_next(struct db_rows *rows, struct error **err)
{
	return rows->db->driver->next(rows, err);
}

static inline int64_t db_get_int(struct db_rows *rows, int column)
{
	return rows->db->driver->get_int(rows, column);
}

static inline const char *db_get_text(struct db_rows *rows, int column)
{
	return rows->db->driver->get_text(rows, column);
}

static inline const void *db_get_bytes(struct db_rows *rows, int column, size_t *ret_size)
{
	return rows->db->driver->get_bytes(rows, column, ret_size);
}

void db_rows_end(struct db_rows *rows);
DEFINE_CLEANUP(struct db_rows *, db_rows_end);
#define _cleanup_rows_ _cleanup_(db_rows_end_p)

void db_close(struct db *db);
DEFINE_CLEANUP(struct db *, db_close);
#define _cleanup_db_ _cleanup_(db_close_p)
