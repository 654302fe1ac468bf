/* API resources, and the versions that remain of each after it is gone. */
#include "base/strv.h"
#include "store/table.h"

/* status has a verb of its own, so that a change of the manifest never takes it back. */
static const struct column resource_row_columns[] = {
	COLUMN(resource_row, id, TEXT, KEY),
	COLUMN_OF_WORDS(resource_row, type, resource_type, FIXED),
	COLUMN(resource_row, org, LABEL, FIXED),
	COLUMN(resource_row, env, LABEL, FIXED),
	COLUMN(resource_row, kind, LABEL, FIXED),
	COLUMN(resource_row, slug, TEXT, FIXED),
	COLUMN(resource_row, name, TEXT, DATA),
	COLUMN(resource_row, version_id, TEXT, DATA),
	COLUMN(resource_row, manifest, TEXT, DATA),
	COLUMN(resource_row, status, TEXT, FIXED),
	COLUMN(resource_row, created_by, TEXT, FIXED),
	COLUMN(resource_row, updated_by, TEXT, DATA),
	COLUMN(resource_row, created_ms, INT64, FIXED),
	COLUMN(resource_row, updated_ms, INT64, DATA),
};
static const struct table resources = TABLE("resource", "resource", resource_row);

static const struct column version_row_columns[] = {
	COLUMN(version_row, id, TEXT, KEY),
	COLUMN(version_row, resource_id, TEXT, FIXED),
	COLUMN(version_row, previous_id, TEXT, FIXED),
	COLUMN(version_row, event, TEXT, FIXED),
	COLUMN(version_row, actor, TEXT, FIXED),
	COLUMN(version_row, message, TEXT, FIXED),
	COLUMN(version_row, manifest, TEXT, FIXED),
	COLUMN(version_row, diff, TEXT, FIXED),
	COLUMN(version_row, stack_job_id, TEXT, FIXED),
	COLUMN(version_row, created_ms, INT64, FIXED),
};
static const struct table versions =
	TABLE("resource_version", "version", version_row, .position_within = "resource_id");

void resource_row_release(struct resource_row *r)
{
	row_release(&resources, r);
}

int resource_insert(struct store_tx *tx, const struct resource_row *r, struct error **err)
{
	return row_insert(tx, &resources, r, err);
}

int resource_update(struct store_tx *tx, const struct resource_row *row,
		    const char *expected_version, struct error **err)
{
	const struct expectation expected = {"version_id", db_text(expected_version)};
	int64_t count;
	int r = row_update(tx, &resources, row, &expected, 1, err);
	if (r != 0)
		return MIN(r, 0);
	r = db_number(tx->db, err, &count, "SELECT count(*) FROM resource WHERE id = $1",
		      db_text(row->id));
	if (r < 0)
		return r;
	if (count == 0)
		return error_set(err, ERROR_NOT_FOUND, "no such resource");
	return error_set(err, ERROR_CONFLICT, "the resource is no longer at version %s",
			 expected_version);
}

static int expect_one(int changed, struct error **err)
{
	if (changed == 0)
		return error_set(err, ERROR_NOT_FOUND, "no such resource");
	return MIN(changed, 0);
}

int resource_set_status(struct store_tx *tx, const char *id, const char *status, struct error **err)
{
	return expect_one(db_exec(tx->db, err, "UPDATE resource SET status = $1 WHERE id = $2",
				  db_text(status), db_text(id)),
			  err);
}

int resource_get(struct store_tx *tx, const char *id, struct resource_row *ret, struct error **err)
{
	return row_get(tx, &resources, ret, err, "WHERE id = $1", DB_VALUES(db_text(id)));
}

int resource_delete(struct store_tx *tx, const char *id, struct error **err)
{
	return expect_one(db_exec(tx->db, err, "DELETE FROM resource WHERE id = $1", db_text(id)),
			  err);
}

int resource_list(struct store_tx *tx, const struct resource_filter *f, const char *cursor,
		  size_t limit, struct resource_row **ret_rows, struct error **err)
{
	_cleanup_conditions_ struct conditions c = CONDITIONS_INIT;

	conditions_text(&c, "type", resource_type_to_string(f->type));
	conditions_text(&c, "org", f->org);
	conditions_text(&c, "env", f->env);
	conditions_text(&c, "kind", f->kind);
	conditions_text(&c, "slug", f->slug);
	if (cursor)
		conditions_value(&c, "id > ", db_text(cursor));
	conditions_order(&c, "id", limit);
	return row_list(tx, &resources, ret_rows, err, c.sql.data, c.values, c.n);
}

int resource_kinds(struct store_tx *tx, char ***ret, struct error **err)
{
	_cleanup_strv_ char **kinds = NULL;
	_cleanup_rows_ struct db_rows *rows = NULL;
	int r = db_query(tx->db, err, &rows,
			 "SELECT DISTINCT kind FROM resource WHERE type = $1 ORDER BY kind",
			 db_text(resource_type_to_string(RESOURCE_CLOUD_RESOURCE)));
	while (r >= 0 && (r = db_next(rows, err)) > 0)
		strv_add(&kinds, db_get_text(rows, 0));
	if (r < 0)
		return r;
	*ret = TAKE_PTR(kinds);
	return 0;
}

void version_row_release(struct version_row *v)
{
	row_release(&versions, v);
}

int version_append(struct store_tx *tx, const struct version_row *v, struct error **err)
{
	return row_insert(tx, &versions, v, err);
}

int version_get(struct store_tx *tx, const char *id, struct version_row *ret, struct error **err)
{
	return row_get(tx, &versions, ret, err, "WHERE id = $1", DB_VALUES(db_text(id)));
}

int version_list(struct store_tx *tx, const char *resource_id, const char *cursor, size_t limit,
		 struct version_row **ret_rows, struct error **err)
{
	_cleanup_conditions_ struct conditions c = CONDITIONS_INIT;

	conditions_text(&c, "resource_id", resource_id);
	conditions_before(&c, &versions, cursor);
	conditions_order(&c, "position DESC", limit);
	return row_list(tx, &versions, ret_rows, err, c.sql.data, c.values, c.n);
}
