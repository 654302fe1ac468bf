/* Rows as C structs, by tables of columns. */
#include "store/table.h"

#include <assert.h>
#include <limits.h>

#define COLUMNS_MAX 48

static void *field(const struct column *c, void *row)
{
	return (char *)row + c->offset;
}

static const void *const_field(const struct column *c, const void *row)
{
	return (const char *)row + c->offset;
}

static bool is_pointer(const struct column *c)
{
	return c->kind == COLUMN_TEXT || c->kind == COLUMN_LABEL || c->kind == COLUMN_BYTES;
}

void row_release(const struct table *t, void *row)
{
	for (size_t i = 0; i < t->n_columns; i++)
		if (is_pointer(&t->columns[i]))
			free(*(void **)field(&t->columns[i], row));
	memset(row, 0, t->row_size);
}

static struct db_value column_value(const struct column *c, const void *row)
{
	const void *at = const_field(c, row);

	switch (c->kind) {
	case COLUMN_TEXT:
		return db_text(*(char *const *)at);
	case COLUMN_LABEL:
		return db_text(*(char *const *)at ?: "");
	case COLUMN_INT:
		return db_int(*(const int *)at);
	case COLUMN_INT64:
		return db_int(*(const int64_t *)at);
	case COLUMN_BOOL:
		return db_int(*(const bool *)at);
	case COLUMN_WORD:
		return db_text(c->words->to_string(*(const int *)at));
	case COLUMN_BYTES:
		return db_bytes(
			*(void *const *)at,
			*(const size_t *)(const void *)((const char *)row + c->size_offset));
	}
	abort();
}

static size_t all_values(const struct table *t, const void *row, struct db_value *ret)
{
	assert(t->n_columns <= COLUMNS_MAX);
	for (size_t i = 0; i < t->n_columns; i++)
		ret[i] = column_value(&t->columns[i], row);
	return t->n_columns;
}

static void add_insert(struct strbuf *sql, const struct table *t)
{
	strbuf_addf(sql, "INSERT INTO %s (", t->name);
	for (size_t i = 0; i < t->n_columns; i++)
		strbuf_addf(sql, "%s%s", i ? ", " : "", t->columns[i].name);
	if (t->position_within)
		strbuf_addstr(sql, ", position");
	strbuf_addstr(sql, ") VALUES (");
	for (size_t i = 0; i < t->n_columns; i++)
		strbuf_addf(sql, "%s$%zu", i ? ", " : "", i + 1);
	for (size_t i = 0; t->position_within && i < t->n_columns; i++)
		if (strcmp(t->columns[i].name, t->position_within) == 0)
			strbuf_addf(sql,
				    ", (SELECT coalesce(max(position), 0) + 1 FROM %s "
				    "WHERE %s = $%zu)",
				    t->name, t->position_within, i + 1);
	strbuf_addch(sql, ')');
}

static int run_insert(struct store_tx *tx, const struct table *t, const void *row, const char *sql,
		      struct error **err)
{
	struct db_value values[COLUMNS_MAX];
	size_t n = all_values(t, row, values);
	int r = db_exec_values(tx->db, err, sql, values, n);
	if (r < 0)
		return error_wrap(err, "cannot store the %s", t->noun);
	return 0;
}

int row_insert(struct store_tx *tx, const struct table *t, const void *row, struct error **err)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF_INIT;
	add_insert(&sql, t);
	return run_insert(tx, t, row, sql.data, err);
}

int row_put(struct store_tx *tx, const struct table *t, const void *row, struct error **err)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF_INIT;
	const char *separator = " ON CONFLICT (";

	add_insert(&sql, t);
	for (size_t i = 0; i < t->n_columns; i++) {
		if (t->columns[i].role != COLUMN_KEY)
			continue;
		strbuf_addf(&sql, "%s%s", separator, t->columns[i].name);
		separator = ", ";
	}
	separator = ") DO UPDATE SET ";
	for (size_t i = 0; i < t->n_columns; i++) {
		const char *name = t->columns[i].name;
		if (t->columns[i].role != COLUMN_DATA)
			continue;
		strbuf_addf(&sql, "%s%s = excluded.%s", separator, name, name);
		separator = ", ";
	}
	return run_insert(tx, t, row, sql.data, err);
}

int row_update(struct store_tx *tx, const struct table *t, const void *row,
	       const struct expectation *expected, size_t n_expected, struct error **err)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF_INIT;
	struct db_value values[COLUMNS_MAX + CONDITIONS_MAX];
	size_t n = 0;
	const char *separator = " SET ";

	assert(t->n_columns <= COLUMNS_MAX && n_expected <= CONDITIONS_MAX);
	strbuf_addf(&sql, "UPDATE %s", t->name);
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];
		if (c->role != COLUMN_DATA)
			continue;
		values[n++] = column_value(c, row);
		strbuf_addf(&sql, "%s%s = $%zu", separator, c->name, n);
		separator = ", ";
	}
	separator = " WHERE ";
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];
		if (c->role != COLUMN_KEY)
			continue;
		values[n++] = column_value(c, row);
		strbuf_addf(&sql, "%s%s = $%zu", separator, c->name, n);
		separator = " AND ";
	}
	for (size_t i = 0; i < n_expected; i++) {
		values[n++] = expected[i].value;
		strbuf_addf(&sql, " AND %s = $%zu", expected[i].column, n);
	}
	int r = db_exec_values(tx->db, err, sql.data, values, n);
	return r < 0 ? error_wrap(err, "cannot change the %s", t->noun) : r;
}

static void add_select(struct strbuf *sql, const struct table *t, bool with_bytes, const char *tail)
{
	const char *separator = "SELECT ";
	for (size_t i = 0; i < t->n_columns; i++) {
		if (t->columns[i].kind == COLUMN_BYTES && !with_bytes)
			continue;
		strbuf_addf(sql, "%s%s", separator, t->columns[i].name);
		separator = ", ";
	}
	strbuf_addf(sql, " FROM %s %s", t->name, tail);
}

static int read_word(const struct table *t, const struct column *c, const char *word, int *ret,
		     struct error **err)
{
	int value = c->words->from_string(word);
	if (value < 0)
		return error_set(err, ERROR_INTERNAL, "%s.%s holds an unknown word: %s", t->name,
				 c->name, word);
	*ret = value;
	return 0;
}

static int read_column(const struct table *t, const struct column *c, struct db_rows *rows,
		       int index, void *row, struct error **err)
{
	void *at = field(c, row);
	const char *text;
	const void *bytes;
	size_t *size;

	switch (c->kind) {
	case COLUMN_TEXT:
		*(char **)at = xstrdup_null(db_get_text(rows, index));
		return 0;
	case COLUMN_LABEL:
		text = db_get_text(rows, index);
		*(char **)at = *text ? xstrdup(text) : NULL;
		return 0;
	case COLUMN_INT:
		*(int *)at = (int)db_get_int(rows, index);
		return 0;
	case COLUMN_INT64:
		*(int64_t *)at = db_get_int(rows, index);
		return 0;
	case COLUMN_BOOL:
		*(bool *)at = db_get_int(rows, index) != 0;
		return 0;
	case COLUMN_WORD:
		return read_word(t, c, db_get_text(rows, index), at, err);
	case COLUMN_BYTES:
		size = (size_t *)(void *)((char *)row + c->size_offset);
		bytes = db_get_bytes(rows, index, size);
		*(void **)at = xmemdup(bytes, *size);
		return 0;
	}
	abort();
}

/* row is zeroed, and stays so on failure. */
static int read_row(const struct table *t, struct db_rows *rows, bool with_bytes, void *row,
		    struct error **err)
{
	int index = 0;
	for (size_t i = 0; i < t->n_columns; i++) {
		const struct column *c = &t->columns[i];
		if (c->kind == COLUMN_BYTES && !with_bytes)
			continue;
		int r = read_column(t, c, rows, index++, row, err);
		if (r < 0) {
			row_release(t, row);
			return r;
		}
	}
	return 0;
}

int row_get(struct store_tx *tx, const struct table *t, void *ret, struct error **err,
	    const char *tail, const struct db_value *values, size_t n)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF_INIT;
	_cleanup_rows_ struct db_rows *rows = NULL;
	_cleanup_free_ void *row = xcalloc(1, t->row_size);

	add_select(&sql, t, true, tail);
	int r = db_query_values(tx->db, err, &rows, sql.data, values, n);
	if (r < 0)
		return r;
	r = db_next(rows, err);
	if (r == 0) {
		bool named = n == 1 && values[0].type == DB_TYPE_TEXT;
		return error_set(err, ERROR_NOT_FOUND, "no such %s%s%.*s", t->noun,
				 named ? ": " : "", named ? (int)values[0].size : 0,
				 named ? (const char *)values[0].data : "");
	}
	if (r > 0)
		r = read_row(t, rows, true, row, err);
	if (r < 0)
		return r;
	memcpy(ret, row, t->row_size);
	return 0;
}

struct list {
	const struct table *table;
	char *rows;
	size_t n, capacity;
};

static void list_release(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		row_release(l->table, l->rows + i * l->table->row_size);
	free(l->rows);
}

static void *list_add(struct list *l)
{
	size_t size = l->table->row_size;
	if (l->n == l->capacity) {
		l->capacity = MAX(l->capacity * 2, (size_t)8);
		l->rows = xreallocarray(l->rows, l->capacity, size);
	}
	return memset(l->rows + l->n++ * size, 0, size);
}

int row_list(struct store_tx *tx, const struct table *t, void *ret_rows, struct error **err,
	     const char *tail, const struct db_value *values, size_t n)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF_INIT;
	_cleanup_rows_ struct db_rows *rows = NULL;
	_cleanup_(list_release) struct list list = {.table = t};

	add_select(&sql, t, false, tail);
	int r = db_query_values(tx->db, err, &rows, sql.data, values, n);
	if (r < 0)
		return r;
	while ((r = db_next(rows, err)) > 0) {
		r = read_row(t, rows, false, list_add(&list), err);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	assert(list.n <= INT_MAX);
	int count = (int)list.n;
	*(void **)ret_rows = TAKE_PTR(list.rows);
	list.n = 0;
	return count;
}

void conditions_release(struct conditions *c)
{
	strbuf_release(&c->sql);
}

void conditions_add(struct conditions *c, const char *sql)
{
	strbuf_addf(&c->sql, "%s%s ", c->sql.size ? "AND " : "WHERE ", sql);
}

void conditions_value(struct conditions *c, const char *sql, struct db_value value)
{
	assert(c->n < CONDITIONS_MAX);
	c->values[c->n++] = value;
	strbuf_addf(&c->sql, "%s%s$%zu ", c->sql.size ? "AND " : "WHERE ", sql, c->n);
}

void conditions_text(struct conditions *c, const char *column, const char *text)
{
	_cleanup_free_ char *sql = NULL;
	if (!text)
		return;
	sql = xasprintf("%s = ", column);
	conditions_value(c, sql, db_text(text));
}

void conditions_before(struct conditions *c, const struct table *t, const char *id)
{
	_cleanup_free_ char *sql = NULL;
	if (!id)
		return;
	sql = xasprintf("position < (SELECT position FROM %s WHERE id = ", t->name);
	conditions_value(c, sql, db_text(id));
	strbuf_addstr(&c->sql, ") ");
}

void conditions_order(struct conditions *c, const char *order, size_t limit)
{
	assert(c->n < CONDITIONS_MAX);
	c->values[c->n++] = db_int((int64_t)MIN(limit, (size_t)INT64_MAX));
	strbuf_addf(&c->sql, "ORDER BY %s LIMIT $%zu", order, c->n);
}
