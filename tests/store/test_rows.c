/* Every kind of row: what is put in comes out, keys are unique, lists page. */
#include "base/strv.h"
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void same_resource(const struct resource_row *a, const struct resource_row *b)
{
	SAME_TEXT(*a, *b, id);
	SAME_NUMBER(*a, *b, type);
	SAME_TEXT(*a, *b, org);
	SAME_TEXT(*a, *b, env);
	SAME_TEXT(*a, *b, kind);
	SAME_TEXT(*a, *b, slug);
	SAME_TEXT(*a, *b, name);
	SAME_TEXT(*a, *b, version_id);
	SAME_TEXT(*a, *b, manifest);
	SAME_TEXT(*a, *b, status);
	SAME_TEXT(*a, *b, created_by);
	SAME_TEXT(*a, *b, updated_by);
	SAME_NUMBER(*a, *b, created_ms);
	SAME_NUMBER(*a, *b, updated_ms);
}

static const struct resource_row database = {
	.id = (char *)"cr_1",
	.type = RESOURCE_CLOUD_RESOURCE,
	.org = (char *)"acme",
	.env = (char *)"dev",
	.kind = (char *)"PostgresDatabase",
	.slug = (char *)"db",
	.name = (char *)"DB with an 'apostrophe' and ünïcode",
	.version_id = (char *)"ver_1",
	.manifest = (char *)"{\"spec\":{\"a\":\"$1 ?1\"}}",
	.status = (char *)"{}",
	.created_by = (char *)"alice",
	.updated_by = (char *)"bob",
	.created_ms = 1700000000123,
	.updated_ms = 1700000000456,
};

static void resource_round_trip(void **state)
{
	struct fixture *f = *state;
	struct resource_row got = {0};
	struct store_tx *tx = begin_write(f);
	OK(resource_insert(tx, &database, ERR));
	commit(tx);
	fixture_reopen(f);

	tx = begin_read(f);
	OK(resource_get(tx, "cr_1", &got, ERR));
	same_resource(&database, &got);
	resource_row_release(&got);
	FAILS(ERROR_NOT_FOUND, resource_get(tx, "cr_2", &got, ERR));
	assert_null(got.id);
	rollback(tx);
}

static void absent_stays_absent(void **state)
{
	struct store_tx *tx = begin_write(*state);
	const struct resource_row bare = {
		.id = (char *)"org_1",
		.type = RESOURCE_ORGANIZATION,
		.slug = (char *)"acme",
		.name = (char *)"",
	};
	struct resource_row got = {0};
	OK(resource_insert(tx, &bare, ERR));
	OK(resource_get(tx, "org_1", &got, ERR));
	same_resource(&bare, &got);
	resource_row_release(&got);
	rollback(tx);
}

static void resource_changes_only_from_the_expected_version(void **state)
{
	struct fixture *f = *state;
	struct resource_row changed = database, got = {0};
	struct store_tx *tx = begin_write(f);
	OK(resource_insert(tx, &database, ERR));
	OK(resource_set_status(tx, "cr_1", "{\"outputs\":{}}", ERR));
	changed.name = (char *)"other";
	changed.version_id = (char *)"ver_2";
	changed.manifest = (char *)"{}";
	changed.updated_by = (char *)"carol";
	changed.updated_ms = 1800000000000;
	FAILS(ERROR_CONFLICT, resource_update(tx, &changed, "ver_0", ERR));
	OK(resource_get(tx, "cr_1", &got, ERR));
	assert_string_equal(got.version_id, "ver_1");
	resource_row_release(&got);

	OK(resource_update(tx, &changed, "ver_1", ERR));
	FAILS(ERROR_CONFLICT, resource_update(tx, &changed, "ver_1", ERR));
	commit(tx);

	tx = begin_read(f);
	OK(resource_get(tx, "cr_1", &got, ERR));
	changed.status = (char *)"{\"outputs\":{}}";
	same_resource(&changed, &got);
	resource_row_release(&got);
	rollback(tx);

	tx = begin_write(f);
	changed.id = (char *)"cr_2";
	FAILS(ERROR_NOT_FOUND, resource_update(tx, &changed, "ver_1", ERR));
	FAILS(ERROR_NOT_FOUND, resource_set_status(tx, "cr_2", "{}", ERR));
	FAILS(ERROR_NOT_FOUND, resource_delete(tx, "cr_2", ERR));
	rollback(tx);
}

/* A refused insert ends its transaction, so each has its own. */
static void insert_refused(struct fixture *f, const struct resource_row *r)
{
	struct store_tx *tx = begin_write(f);
	FAILS(ERROR_ALREADY_EXISTS, resource_insert(tx, r, ERR));
	rollback(tx);
}

static void resource_names_are_unique(void **state)
{
	struct fixture *f = *state;
	struct resource_row twin = database, org = {0};
	struct store_tx *tx = begin_write(f);
	OK(resource_insert(tx, &database, ERR));
	org.id = (char *)"org_1";
	org.type = RESOURCE_ORGANIZATION;
	org.slug = org.name = (char *)"acme";
	OK(resource_insert(tx, &org, ERR));
	commit(tx);

	twin.id = (char *)"cr_2";
	insert_refused(f, &twin);
	twin.id = (char *)"cr_1";
	twin.slug = (char *)"db2";
	insert_refused(f, &twin);
	org.id = (char *)"org_2";
	insert_refused(f, &org);

	tx = begin_write(f);
	twin = database;
	twin.id = (char *)"cr_3";
	twin.env = (char *)"prod";
	OK(resource_insert(tx, &twin, ERR));
	twin.id = (char *)"cr_4";
	twin.env = (char *)"dev";
	twin.kind = (char *)"Other";
	OK(resource_insert(tx, &twin, ERR));
	OK(resource_delete(tx, "cr_1", ERR));
	twin.id = (char *)"cr_5";
	twin.kind = database.kind;
	OK(resource_insert(tx, &twin, ERR));
	commit(tx);
}

static void expect_resources(struct store_tx *tx, const struct resource_filter *f,
			     const char *cursor, size_t limit, const char *expected)
{
	struct resource_row *rows = (void *)1;
	char ids[128] = "";
	int n = (int)OK(resource_list(tx, f, cursor, limit, &rows, ERR));
	for (int i = 0; i < n; i++)
		strncat(ids, rows[i].id, sizeof(ids) - strlen(ids) - 1);
	if (n == 0)
		assert_null(rows);
	RELEASE_ALL(rows, n, resource_row_release);
	assert_string_equal(ids, expected);
}

static void resources_list_by_filter_and_page(void **state)
{
	static const char *const rows[][5] = {
		{"a", "acme", "dev", "Db", "x"},  {"b", "acme", "dev", "Db", "y"},
		{"c", "acme", "prod", "Db", "x"}, {"d", "acme", "prod", "Vm", "x"},
		{"e", "other", "dev", "Db", "x"},
	};
	struct store_tx *tx = begin_write(*state);
	for (size_t i = 5; i-- > 0;) {
		struct resource_row r = database;
		r.id = (char *)rows[i][0];
		r.org = (char *)rows[i][1];
		r.env = (char *)rows[i][2];
		r.kind = (char *)rows[i][3];
		r.slug = (char *)rows[i][4];
		OK(resource_insert(tx, &r, ERR));
	}
	struct resource_filter f = {.type = RESOURCE_CLOUD_RESOURCE};
	expect_resources(tx, &f, NULL, 10, "abcde");
	expect_resources(tx, &f, NULL, 2, "ab");
	expect_resources(tx, &f, "b", 2, "cd");
	expect_resources(tx, &f, "e", 2, "");
	expect_resources(tx, &f, NULL, SIZE_MAX, "abcde");
	f.org = "acme";
	expect_resources(tx, &f, NULL, 10, "abcd");
	f.slug = "x";
	expect_resources(tx, &f, NULL, 10, "acd");
	f.kind = "Db";
	expect_resources(tx, &f, NULL, 10, "ac");
	f.env = "prod";
	expect_resources(tx, &f, NULL, 10, "c");
	f.type = RESOURCE_CONNECTION;
	expect_resources(tx, &f, NULL, 10, "");
	_cleanup_strv_ char **kinds = NULL;
	OK(resource_kinds(tx, &kinds, ERR));
	_cleanup_free_ char *all = strv_join(kinds, " ");
	assert_string_equal(all, "Db Vm");
	rollback(tx);
}

static void versions_outlive_their_resource(void **state)
{
	struct fixture *f = *state;
	struct version_row v = {
		.id = (char *)"ver_z",
		.resource_id = (char *)"cr_1",
		.event = (char *)"created",
		.actor = (char *)"alice",
		.message = (char *)"why",
		.manifest = (char *)"{}",
		.diff = (char *)"+a\n",
		.stack_job_id = (char *)"sj_1",
		.created_ms = 5,
	};
	struct version_row got = {0}, *rows;
	struct store_tx *tx = begin_write(f);
	OK(resource_insert(tx, &database, ERR));
	OK(version_append(tx, &v, ERR));
	insert_job(tx, "sj_1", "cr_1", STATUS_COMPLETED);
	v.id = (char *)"ver_a";
	v.previous_id = (char *)"ver_z";
	v.event = (char *)"updated";
	OK(version_append(tx, &v, ERR));
	OK(resource_delete(tx, "cr_1", ERR));
	commit(tx);

	tx = begin_read(f);
	FAILS(ERROR_NOT_FOUND, resource_get(tx, "cr_1", &(struct resource_row){0}, ERR));
	struct job_row job = {0};
	OK(job_get(tx, "sj_1", &job, ERR));
	job_row_release(&job);
	OK(version_get(tx, "ver_a", &got, ERR));
	SAME_TEXT(v, got, id);
	SAME_TEXT(v, got, resource_id);
	SAME_TEXT(v, got, previous_id);
	SAME_TEXT(v, got, event);
	SAME_TEXT(v, got, actor);
	SAME_TEXT(v, got, message);
	SAME_TEXT(v, got, manifest);
	SAME_TEXT(v, got, diff);
	SAME_TEXT(v, got, stack_job_id);
	SAME_NUMBER(v, got, created_ms);
	version_row_release(&got);

	/* The newest is the last appended, whatever its id and time. */
	int n = (int)OK(version_list(tx, "cr_1", NULL, 10, &rows, ERR));
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].id, "ver_a");
	assert_string_equal(rows[1].id, "ver_z");
	RELEASE_ALL(rows, n, version_row_release);
	n = (int)OK(version_list(tx, "cr_1", "ver_a", 10, &rows, ERR));
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].id, "ver_z");
	RELEASE_ALL(rows, n, version_row_release);
	assert_int_equal(OK(version_list(tx, "cr_1", "ver_z", 10, &rows, ERR)), 0);
	rollback(tx);
}

static void meta_keeps_the_last_value(void **state)
{
	struct fixture *f = *state;
	char *value = (char *)"untouched";
	struct store_tx *tx = begin_write(f);
	OK(meta_get(tx, "cluster_id", &value, ERR));
	assert_null(value);
	OK(meta_set(tx, "cluster_id", "one", ERR));
	OK(meta_set(tx, "cluster_id", "two", ERR));
	OK(meta_set(tx, "work_root", "three", ERR));
	commit(tx);
	tx = begin_read(f);
	OK(meta_get(tx, "cluster_id", &value, ERR));
	assert_string_equal(value, "two");
	free(value);
	rollback(tx);
}

static void runner_round_trip(void **state)
{
	struct runner_row r = {
		.id = (char *)"rnr_1",
		.name = (char *)"one",
		.public_key = (char *)"cHVibGlj",
		.version = (char *)"1.2",
		.labels = (char *)"{\"a\":\"b\"}",
		.info = (char *)"{}",
		.capacity = 7,
		.created_ms = 11,
		.last_seen_ms = 12,
	};
	struct runner_row got = {0}, *rows;
	struct store_tx *tx = begin_write(*state);
	OK(runner_put(tx, &r, ERR));
	r.name = (char *)"renamed";
	r.version = (char *)"1.3";
	r.labels = NULL;
	r.info = (char *)"{\"sandbox\":true}";
	r.public_key = (char *)"b3RoZXI=";
	r.capacity = 8;
	r.last_seen_ms = 13;
	r.abandoned = true;
	OK(runner_put(tx, &r, ERR));
	FAILS(ERROR_NOT_FOUND, runner_get_by_public_key(tx, "cHVibGlj", &got, ERR));
	OK(runner_get_by_public_key(tx, "b3RoZXI=", &got, ERR));
	SAME_TEXT(r, got, id);
	SAME_TEXT(r, got, name);
	SAME_TEXT(r, got, public_key);
	SAME_TEXT(r, got, version);
	SAME_TEXT(r, got, labels);
	SAME_TEXT(r, got, info);
	SAME_NUMBER(r, got, capacity);
	SAME_NUMBER(r, got, created_ms);
	SAME_NUMBER(r, got, last_seen_ms);
	SAME_NUMBER(r, got, abandoned);
	runner_row_release(&got);
	OK(runner_get(tx, "rnr_1", &got, ERR));
	runner_row_release(&got);

	r.id = (char *)"rnr_0";
	r.public_key = (char *)"third";
	OK(runner_put(tx, &r, ERR));
	int n = (int)OK(runner_list(tx, &rows, ERR));
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].id, "rnr_0");
	RELEASE_ALL(rows, n, runner_row_release);
	r.id = (char *)"rnr_2";
	FAILS(ERROR_ALREADY_EXISTS, runner_put(tx, &r, ERR));
	rollback(tx);
}

static void api_key_round_trip(void **state)
{
	struct api_key_row k = {
		.id = (char *)"key_1",
		.name = (char *)"ci",
		.hash = (char *)"abcd",
		.role = (char *)"runner",
		.runner_id = (char *)"rnr_1",
		.created_ms = 3,
	};
	struct api_key_row got = {0};
	struct store_tx *tx = begin_write(*state);
	OK(api_key_insert(tx, &k, ERR));
	OK(api_key_get_by_hash(tx, "abcd", &got, ERR));
	SAME_TEXT(k, got, id);
	SAME_TEXT(k, got, name);
	SAME_TEXT(k, got, hash);
	SAME_TEXT(k, got, role);
	SAME_TEXT(k, got, runner_id);
	SAME_NUMBER(k, got, created_ms);
	api_key_row_release(&got);
	FAILS(ERROR_NOT_FOUND, api_key_get_by_hash(tx, "abce", &got, ERR));
	k.id = (char *)"key_2";
	FAILS(ERROR_ALREADY_EXISTS, api_key_insert(tx, &k, ERR));
	rollback(tx);
}

static void idempotency_round_trip(void **state)
{
	struct idempotency_row i = {
		.key = (char *)"k",
		.principal = (char *)"alice",
		.request_hash = (char *)"h",
		.response = (char *)"{\"id\":1}",
		.http_status = 201,
		.created_ms = 100,
	};
	struct idempotency_row got = {0};
	struct store_tx *tx = begin_write(*state);
	OK(idempotency_put(tx, &i, ERR));
	OK(idempotency_get(tx, "alice", "k", &got, ERR));
	SAME_TEXT(i, got, key);
	SAME_TEXT(i, got, principal);
	SAME_TEXT(i, got, request_hash);
	SAME_TEXT(i, got, response);
	SAME_NUMBER(i, got, http_status);
	SAME_NUMBER(i, got, created_ms);
	idempotency_row_release(&got);
	FAILS(ERROR_NOT_FOUND, idempotency_get(tx, "bob", "k", &got, ERR));

	i.principal = (char *)"bob";
	i.created_ms = 200;
	OK(idempotency_put(tx, &i, ERR));
	OK(idempotency_expire(tx, 200, ERR));
	FAILS(ERROR_NOT_FOUND, idempotency_get(tx, "alice", "k", &got, ERR));
	OK(idempotency_get(tx, "bob", "k", &got, ERR));
	idempotency_row_release(&got);
	FAILS(ERROR_ALREADY_EXISTS, idempotency_put(tx, &i, ERR));
	rollback(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(resource_round_trip),
		STORE_TEST(absent_stays_absent),
		STORE_TEST(resource_changes_only_from_the_expected_version),
		STORE_TEST(resource_names_are_unique),
		STORE_TEST(resources_list_by_filter_and_page),
		STORE_TEST(versions_outlive_their_resource),
		STORE_TEST(meta_keeps_the_last_value),
		STORE_TEST(runner_round_trip),
		STORE_TEST(api_key_round_trip),
		STORE_TEST(idempotency_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
