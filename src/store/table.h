/*
 * Rows as C structs: one description of a table's columns serves for inserting, changing, reading
 * and freeing its rows, so that no column can be forgotten in one of them.
 */
#pragma once

#include "base/strbuf.h"
#include "store/tx.h"
#include "store/words.h"

enum column_kind {
	COLUMN_TEXT,  /* char *, NULL allowed */
	COLUMN_LABEL, /* char *, NULL stored as '', so that uniqueness covers it */
	COLUMN_INT,   /* int */
	COLUMN_INT64, /* int64_t */
	COLUMN_BOOL,  /* bool */
	COLUMN_WORD,  /* an enum of model/enums.h, stored as its word */
	COLUMN_BYTES, /* void *, with its size_t at size_offset; read only by row_get() */
};

enum column_role {
	COLUMN_DATA,
	COLUMN_KEY,   /* identifies the row */
	COLUMN_FIXED, /* written when the row is inserted, and never again */
};

struct column {
	const char *name;
	enum column_kind kind;
	enum column_role role;
	size_t offset;
	union {
		const struct words *words;
		size_t size_offset;
	};
};

#define COLUMN(row, member, kind, role) COLUMN_NAMED(row, member, #member, kind, role)
#define COLUMN_NAMED(row, member, name, kind, role)                                         \
	{                                                                                   \
		(name), COLUMN_##kind, COLUMN_##role, offsetof(struct row, member), {NULL}, \
	}
/* vocabulary: the enum's name */
#define COLUMN_OF_WORDS(row, member, vocabulary, role)                             \
	{                                                                          \
#member, COLUMN_WORD, COLUMN_##role, offsetof(struct row, member), \
			{&vocabulary##_words },                                    \
	}
#define COLUMN_OF_BYTES(row, member, size_member, role)                             \
	{                                                                           \
#member, COLUMN_BYTES, COLUMN_##role, offsetof(struct row, member), \
			{.size_offset = offsetof(struct row, size_member) },        \
	}

struct table {
	const char *name;
	const char *noun; /* for messages */
	const struct column *columns;
	size_t n_columns;
	size_t row_size;
	/* A column whose rows are numbered in order of insertion, in the column "position"; or
	 * NULL. */
	const char *position_within;
};

#define TABLE(name_, noun_, row_, ...)                                                    \
	{                                                                                 \
		.name = (name_), .noun = (noun_), .columns = row_##_columns,              \
		.n_columns = ARRAY_SIZE(row_##_columns), .row_size = sizeof(struct row_), \
		__VA_ARGS__                                                               \
	}

void row_release(const struct table *t, void *row);
int row_insert(struct store_tx *tx, const struct table *t, const void *row, struct error **err);
/* Inserts, or changes the data columns of the row with the same key. */
int row_put(struct store_tx *tx, const struct table *t, const void *row, struct error **err);
struct expectation {
	const char *column;
	struct db_value value;
};
/*
 * Changes the data columns of the row with this key, if the stored values are the expected ones.
 * Returns the number of rows changed.
 */
int row_update(struct store_tx *tx, const struct table *t, const void *row,
	       const struct expectation *expected, size_t n_expected, struct error **err);
/*
 * The first row; ERROR_NOT_FOUND when there is none. tail: "WHERE id = $1 ORDER BY ..."; its values
 * are written with DB_VALUES().
 */
int row_get(struct store_tx *tx, const struct table *t, void *ret, struct error **err,
	    const char *tail, const struct db_value *values, size_t n);
/* Returns the count; *ret_rows is NULL when there are none. */
int row_list(struct store_tx *tx, const struct table *t, void *ret_rows, struct error **err,
	     const char *tail, const struct db_value *values, size_t n);

/* WHERE clauses put together from what a filter asks for. */
#define CONDITIONS_MAX 16

struct conditions {
	struct strbuf sql; /* "" or "WHERE a = $1 AND b < $2" */
	struct db_value values[CONDITIONS_MAX];
	size_t n;
};

#define CONDITIONS_INIT            \
	{                          \
		.sql = STRBUF_INIT \
	}

void conditions_release(struct conditions *c);
#define _cleanup_conditions_ _cleanup_(conditions_release)

/* Adds SQL without values. */
void conditions_add(struct conditions *c, const char *sql);
/* Adds "<sql>$n", as in conditions_value(c, "number < ", db_int(5)). */
void conditions_value(struct conditions *c, const char *sql, struct db_value value);
/* Adds "column = $n" unless text is NULL. */
void conditions_text(struct conditions *c, const char *column, const char *text);
/* Adds: inserted before the row with this id, by the table's positions; nothing when id is NULL. */
void conditions_before(struct conditions *c, const struct table *t, const char *id);
/* Appends "ORDER BY order LIMIT limit". */
void conditions_order(struct conditions *c, const char *order, size_t limit);
