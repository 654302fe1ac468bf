/*
 * What is true of SQLite only: its file, its schema table, what damage does, and how the queries
 * that must stay fast are planned.
 */
#include "fixture.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/strbuf.h"

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* Closes the store, runs the SQL, and opens it again: which must fail with this in its message. */
static void refused_after(struct fixture *f, const char *sql, const char *message)
{
	store_close(f->store);
	f->store = NULL;
	run_sql(f->target, sql);
	assert_int_equal(store_open(f->target, &f->store, ERR), -ERROR_INTERNAL);
	_cleanup_free_ char *description = error_describe(test_error);
	error_free(test_error);
	test_error = NULL;
	assert_null(f->store);
	assert_non_null(strstr(description, message));
}

static void a_newer_schema_is_refused(void **state)
{
	refused_after(*state, "INSERT INTO schema_migration VALUES (9999, 'future', '', 0)",
		      "9999 (future), newer than this program");
}

static void a_changed_migration_is_refused(void **state)
{
	refused_after(*state, "UPDATE schema_migration SET checksum = 'x' WHERE number = 1",
		      "is not the one that this program knows");
}

static void a_file_that_is_no_database_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = xasprintf("%s/garbage", f->folder);
	FILE *file = fopen(path, "w");
	struct store *s = NULL;
	for (int i = 0; i < 1000; i++)
		fputs("not a database ", file);
	fclose(file);
	FAILS(ERROR_INTERNAL, store_open(path, &s, ERR));
	assert_null(s);
}

static void an_unknown_word_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct job_row job = {0}, *rows;
	struct store_tx *tx = begin_write(f);
	insert_job(tx, "sj_1", "s1", STATUS_QUEUED);
	commit(tx);
	run_sql(f->target, "UPDATE stack_job SET result = 'maybe'");
	tx = begin_read(f);
	FAILS(ERROR_INTERNAL, job_get(tx, "sj_1", &job, ERR));
	assert_null(job.id);
	FAILS(ERROR_INTERNAL, job_list_candidates(tx, 0, 1, &rows, ERR));
	rollback(tx);
}

static int ignore(const struct event *e, void *ctx)
{
	(void)e;
	(void)ctx;
	return 0;
}

static void a_damaged_log_is_an_error(void **state)
{
	static const char *const damages[] = {
		"UPDATE log_segment SET lengths = x''",
		"UPDATE log_segment SET lengths = x'80'",
		"UPDATE log_segment SET lengths = x'ffffffffffffffffff01'",
		"UPDATE log_segment SET lengths = x'08'",
	};
	struct fixture *f = *state;
	const uint32_t length = 3;
	int64_t first;
	struct store_tx *tx = begin_write(f);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	OK(event_append_log(tx, "sj_1", OPERATION_INIT, 1, "stdout", 1, "abc", &length, NULL, 1,
			    &first, ERR));
	commit(tx);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		run_sql(f->target, damages[i]);
		tx = begin_read(f);
		FAILS(ERROR_INTERNAL,
		      event_read(tx, "sj_1", 0, _OPERATION_INVALID, 0, 0, 0, ignore, NULL, ERR));
		rollback(tx);
	}
}

static void check_private(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void its_files_are_private(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *log = xasprintf("%s-wal", f->target);
	_cleanup_free_ char *copy = xasprintf("%s/copy.db", f->folder);
	OK(store_backup(f->store, copy, ERR));
	check_private(f->target);
	check_private(log);
	check_private(copy);
}

/* The statement that ran last, on any connection. */
static char last_statement[2000];

static int capture(unsigned what, void *ctx, void *statement, void *text)
{
	(void)what;
	(void)ctx;
	(void)text;
	snprintf(last_statement, sizeof(last_statement), "%s", sqlite3_sql(statement));
	return 0;
}

static int capture_from(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
	(void)message;
	(void)api;
	return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, capture, NULL);
}

static int setup_captured(void **state)
{
	sqlite3_auto_extension((void (*)(void))capture_from);
	return fixture_setup(state);
}

static int teardown_captured(void **state)
{
	sqlite3_reset_auto_extension();
	return fixture_teardown(state);
}

static int add_step(void *plan, int n, char **values, char **names)
{
	(void)n;
	(void)names;
	strbuf_addf(plan, "%s\n", values[3]);
	return 0;
}

/* The last statement that ran uses this index, and neither scans a table nor sorts. */
static void check_plan(const char *path, const char *index)
{
	_cleanup_strbuf_ struct strbuf plan = STRBUF_INIT;
	_cleanup_free_ char *explain = xasprintf("EXPLAIN QUERY PLAN %s", last_statement);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, explain, add_step, &plan, NULL), SQLITE_OK);
	sqlite3_close(db);
	if (strstr(plan.data, index) && !strstr(plan.data, "SCAN stack_job\n") &&
	    !strstr(plan.data, "TEMP B-TREE"))
		return;
	print_error("%s\n%s", explain, plan.data);
	fail();
}

static void the_queue_is_read_by_index(void **state)
{
	struct fixture *f = *state;
	struct job_filter filter = {.status = STATUS_RUNNING,
				    .result = _RESULT_INVALID,
				    .operation = _JOB_OPERATION_INVALID};
	struct job_row *rows;
	struct store_tx *tx = begin_read(f);

	OK(job_list_candidates(tx, 0, 10, &rows, ERR));
	check_plan(f->target, "stack_job_queue (status=? AND number>?)");
	OK(job_list_candidates(tx, 0, 10, &rows, ERR));
	check_plan(f->target, "COVERING INDEX stack_job_line (state_id=? AND number<?)");
	OK(job_list_ahead(tx, "s1", 5, &rows, ERR));
	check_plan(f->target, "stack_job_line (state_id=? AND number<?)");
	OK(job_list(tx, &filter, NULL, 10, &rows, ERR));
	check_plan(f->target, "stack_job_queue (status=?)");
	filter.status = _STATUS_INVALID;
	filter.unfinished = true;
	OK(job_list(tx, &filter, NULL, 10, &rows, ERR));
	check_plan(f->target, "stack_job_unfinished");
	filter.runner_id = "rnr_1";
	OK(job_list(tx, &filter, NULL, 10, &rows, ERR));
	check_plan(f->target, "stack_job_lease (runner_id=?)");
	rollback(tx);
}

static void logs_are_read_by_index(void **state)
{
	struct fixture *f = *state;
	const unsigned logs = 1U << EVENT_LOG;
	struct store_tx *tx = begin_read(f);
	OK(event_read(tx, "sj_1", 5, _OPERATION_INVALID, logs, 0, 0, ignore, NULL, ERR));
	check_plan(f->target, "(job_id=? AND last_seq>?)");
	OK(event_read(tx, "sj_1", 5, OPERATION_APPLY, logs, 0, 0, ignore, NULL, ERR));
	check_plan(f->target, "(job_id=? AND operation=? AND last_seq>?)");
	OK(event_read(tx, "sj_1", 5, OPERATION_APPLY, 1U << EVENT_DIFF, 0, 0, ignore, NULL, ERR));
	check_plan(f->target, "(job_id=? AND seq>?)");
	rollback(tx);
}

#define CAPTURED_TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup_captured, teardown_captured)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(a_newer_schema_is_refused),
		STORE_TEST(a_changed_migration_is_refused),
		STORE_TEST(a_file_that_is_no_database_is_refused),
		STORE_TEST(an_unknown_word_is_an_error),
		STORE_TEST(a_damaged_log_is_an_error),
		STORE_TEST(its_files_are_private),
		CAPTURED_TEST(the_queue_is_read_by_index),
		CAPTURED_TEST(logs_are_read_by_index),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
