/* Versions and locks of the built-in backend's states. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void same_version(const struct state_version_row *a, const struct state_version_row *b)
{
	SAME_TEXT(*a, *b, id);
	SAME_TEXT(*a, *b, state_id);
	SAME_NUMBER(*a, *b, serial);
	SAME_TEXT(*a, *b, lineage);
	SAME_NUMBER(*a, *b, size);
	SAME_TEXT(*a, *b, md5);
	SAME_TEXT(*a, *b, job_id);
	SAME_NUMBER(*a, *b, epoch);
	SAME_TEXT(*a, *b, actor);
	SAME_TEXT(*a, *b, message);
	SAME_NUMBER(*a, *b, created_ms);
	SAME_NUMBER(*a, *b, resource_count);
}

static struct state_version_row version(void)
{
	return (struct state_version_row){
		.id = (char *)"ver_m",
		.state_id = (char *)"cr_1",
		.serial = 7,
		.lineage = (char *)"l",
		.size = 1234,
		.md5 = (char *)"d41d",
		.job_id = (char *)"sj_1",
		.epoch = 3,
		.actor = (char *)"alice",
		.message = (char *)"m",
		.created_ms = 9,
		.resource_count = 5,
		.sealed = (void *)"a\0\xff",
		.sealed_len = 3,
	};
}

static void version_round_trip(void **state)
{
	struct fixture *f = *state;
	struct state_version_row v = version(), got = {0};
	struct store_tx *tx = begin_write(f);
	OK(state_version_append(tx, &v, ERR));
	commit(tx);
	fixture_reopen(f);
	tx = begin_write(f);
	OK(state_version_get(tx, "cr_1", NULL, &got, ERR));
	same_version(&v, &got);
	assert_int_equal(got.sealed_len, 3);
	assert_memory_equal(got.sealed, "a\0\xff", 3);
	state_version_row_release(&got);
	FAILS(ERROR_NOT_FOUND, state_version_get(tx, "cr_2", NULL, &got, ERR));
	FAILS(ERROR_NOT_FOUND, state_version_get(tx, "cr_2", "ver_m", &got, ERR));
	FAILS(ERROR_ALREADY_EXISTS, state_version_append(tx, &v, ERR));
	rollback(tx);
}

static void the_newest_is_the_last_written(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct state_version_row v = version(), got = {0}, *rows;
	OK(state_version_append(tx, &v, ERR));
	v.id = (char *)"ver_a";
	v.serial = 2;
	v.created_ms = 1;
	OK(state_version_append(tx, &v, ERR));
	v.id = (char *)"ver_other";
	v.state_id = (char *)"cr_2";
	OK(state_version_append(tx, &v, ERR));
	OK(state_version_get(tx, "cr_1", NULL, &got, ERR));
	assert_string_equal(got.id, "ver_a");
	state_version_row_release(&got);
	OK(state_version_get(tx, "cr_1", "ver_m", &got, ERR));
	assert_int_equal(got.serial, 7);
	state_version_row_release(&got);

	int n = (int)OK(state_version_list(tx, "cr_1", NULL, 10, &rows, ERR));
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].id, "ver_a");
	assert_string_equal(rows[1].id, "ver_m");
	assert_null(rows[0].sealed);
	v = version();
	same_version(&v, &rows[1]);
	RELEASE_ALL(rows, n, state_version_row_release);
	n = (int)OK(state_version_list(tx, "cr_1", NULL, 1, &rows, ERR));
	assert_int_equal(n, 1);
	RELEASE_ALL(rows, n, state_version_row_release);
	n = (int)OK(state_version_list(tx, "cr_1", "ver_a", 10, &rows, ERR));
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].id, "ver_m");
	RELEASE_ALL(rows, n, state_version_row_release);
	assert_int_equal(OK(state_version_list(tx, "cr_1", "ver_m", 10, &rows, ERR)), 0);
	rollback(tx);
}

static void large_states(void **state)
{
	struct fixture *f = *state;
	struct state_version_row v = version(), got = {0};
	struct store_tx *tx = begin_write(f);
	size_t size = 16 << 20;
	v.sealed = xmalloc(size);
	v.sealed_len = size;
	memset(v.sealed, 0xab, size);
	((char *)v.sealed)[size / 2] = 0;
	OK(state_version_append(tx, &v, ERR));
	commit(tx);
	tx = begin_read(f);
	OK(state_version_get(tx, "cr_1", NULL, &got, ERR));
	assert_int_equal(got.sealed_len, size);
	assert_memory_equal(got.sealed, v.sealed, size);
	state_version_row_release(&got);
	rollback(tx);
	free(v.sealed);
}

static void lock_round_trip(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct state_lock_row got = {0}, l = {
						 .state_id = (char *)"cr_1",
						 .lock_id = (char *)"one",
						 .created_ms = 1,
					 };
	FAILS(ERROR_NOT_FOUND, state_lock_get(tx, "cr_1", &got, ERR));
	OK(state_lock_put(tx, &l, ERR));
	l.lock_id = (char *)"two";
	l.info = (char *)"{\"Who\":\"me\"}";
	l.job_id = (char *)"sj_1";
	l.epoch = 4;
	l.created_ms = 5;
	OK(state_lock_put(tx, &l, ERR));
	OK(state_lock_get(tx, "cr_1", &got, ERR));
	SAME_TEXT(l, got, state_id);
	SAME_TEXT(l, got, lock_id);
	SAME_TEXT(l, got, info);
	SAME_TEXT(l, got, job_id);
	SAME_NUMBER(l, got, epoch);
	SAME_NUMBER(l, got, created_ms);
	state_lock_row_release(&got);
	OK(state_lock_delete(tx, "cr_2", ERR));
	OK(state_lock_get(tx, "cr_1", &got, ERR));
	state_lock_row_release(&got);
	OK(state_lock_delete(tx, "cr_1", ERR));
	FAILS(ERROR_NOT_FOUND, state_lock_get(tx, "cr_1", &got, ERR));
	rollback(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(version_round_trip),
		STORE_TEST(the_newest_is_the_last_written),
		STORE_TEST(large_states),
		STORE_TEST(lock_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
