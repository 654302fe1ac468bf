/* What belongs to a job: operations, attempts, evidence, artifacts. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void operations_in_their_order(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct operation_row *rows, o = {
					    .job_id = (char *)"sj_1",
					    .operation = OPERATION_REFRESH,
					    .status = STATUS_RUNNING,
					    .result = RESULT_TBD,
					    .started_ms = 5,
				    };
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	OK(operation_put(tx, &o, ERR));
	o.operation = OPERATION_INIT;
	OK(operation_put(tx, &o, ERR));
	o.operation = OPERATION_REFRESH;
	o.status = STATUS_COMPLETED;
	o.result = RESULT_SKIPPED;
	o.errors = (char *)"[{}]";
	o.summary = (char *)"{\"create\":0}";
	o.started_ms = 6;
	o.ended_ms = 7;
	OK(operation_put(tx, &o, ERR));
	int n = (int)OK(operation_list(tx, "sj_1", &rows, ERR));
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].operation, OPERATION_INIT);
	assert_null(rows[0].errors);
	SAME_TEXT(o, rows[1], job_id);
	SAME_NUMBER(o, rows[1], operation);
	SAME_NUMBER(o, rows[1], status);
	SAME_NUMBER(o, rows[1], result);
	SAME_TEXT(o, rows[1], errors);
	SAME_TEXT(o, rows[1], summary);
	SAME_NUMBER(o, rows[1], started_ms);
	SAME_NUMBER(o, rows[1], ended_ms);
	RELEASE_ALL(rows, n, operation_row_release);
	o.job_id = (char *)"sj_none";
	FAILS(ERROR_NOT_FOUND, operation_put(tx, &o, ERR));
	rollback(tx);
}

static void same_attempt(const struct attempt_row *a, const struct attempt_row *b)
{
	SAME_TEXT(*a, *b, job_id);
	SAME_NUMBER(*a, *b, operation);
	SAME_NUMBER(*a, *b, number);
	SAME_TEXT(*a, *b, command);
	SAME_NUMBER(*a, *b, epoch);
	SAME_TEXT(*a, *b, runner_id);
	SAME_TEXT(*a, *b, state_token_hash);
	SAME_NUMBER(*a, *b, offset);
	SAME_NUMBER(*a, *b, offset_stderr);
	SAME_TEXT(*a, *b, cursor);
	SAME_TEXT(*a, *b, facts);
	SAME_NUMBER(*a, *b, result);
	SAME_NUMBER(*a, *b, started_ms);
	SAME_NUMBER(*a, *b, ended_ms);
}

static void attempt_round_trip(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct attempt_row got = {0}, *rows,
			   a = {
				   .job_id = (char *)"sj_1",
				   .operation = OPERATION_APPLY,
				   .number = 1,
				   .command = (char *)"apply",
				   .epoch = 2,
				   .runner_id = (char *)"rnr_1",
				   .state_token_hash = (char *)"aa",
				   .offset = 3,
				   .offset_stderr = 4,
				   .cursor = (char *)"{}",
				   .facts = (char *)"{\"v\":1}",
				   .result = RESULT_TBD,
				   .started_ms = 5,
			   };
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	OK(attempt_insert(tx, &a, ERR));
	OK(attempt_get(tx, "sj_1", OPERATION_APPLY, 1, &got, ERR));
	same_attempt(&a, &got);
	attempt_row_release(&got);

	a.command = (char *)"apply_refresh_only";
	a.epoch = 6;
	a.runner_id = (char *)"rnr_2";
	a.state_token_hash = (char *)"bb";
	a.offset = 7;
	a.offset_stderr = 8;
	a.cursor = (char *)"{\"c\":1}";
	a.facts = NULL;
	a.result = RESULT_CANCELLED;
	a.started_ms = 9;
	a.ended_ms = 10;
	OK(attempt_update(tx, &a, ERR));
	FAILS(ERROR_NOT_FOUND, attempt_get_by_token_hash(tx, "aa", &got, ERR));
	OK(attempt_get_by_token_hash(tx, "bb", &got, ERR));
	same_attempt(&a, &got);
	attempt_row_release(&got);

	a.operation = OPERATION_INIT;
	a.number = 2;
	FAILS(ERROR_NOT_FOUND, attempt_update(tx, &a, ERR));
	a.state_token_hash = NULL;
	a.epoch = 5;
	OK(attempt_insert(tx, &a, ERR));
	a.number = 3;
	a.epoch = 4;
	OK(attempt_insert(tx, &a, ERR));
	OK(attempt_get_latest(tx, "sj_1", &got, ERR));
	assert_int_equal(got.epoch, 6);
	attempt_row_release(&got);
	int n = (int)OK(attempt_list(tx, "sj_1", &rows, ERR));
	assert_int_equal(n, 3);
	assert_int_equal(rows[0].epoch, 4);
	assert_int_equal(rows[2].epoch, 6);
	RELEASE_ALL(rows, n, attempt_row_release);
	FAILS(ERROR_NOT_FOUND, attempt_get_latest(tx, "sj_2", &got, ERR));
	FAILS(ERROR_NOT_FOUND, attempt_get(tx, "sj_1", OPERATION_INIT, 9, &got, ERR));
	FAILS(ERROR_ALREADY_EXISTS, attempt_insert(tx, &a, ERR));
	rollback(tx);
}

static void adoption_round_trip(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct adoption_row *rows, a = {
					   .job_id = (char *)"sj_1",
					   .resource_id = (char *)"cr_1",
					   .address = (char *)"aws_vpc.b",
					   .type = (char *)"aws_vpc",
					   .provider = (char *)"aws",
					   .action = (char *)"create",
					   .id_key = (char *)"id",
					   .id_value = (char *)"vpc-1",
					   .advice = (char *)"import",
					   .created_ms = 1,
				   };
	insert_job(tx, "sj_1", "s1", STATUS_COMPLETED);
	insert_job(tx, "sj_2", "s1", STATUS_COMPLETED);
	OK(adoption_put(tx, &a, ERR));
	a.complete = true;
	a.resolved_ms = 2;
	a.advice = (char *)"none";
	OK(adoption_put(tx, &a, ERR));
	int n = (int)OK(adoption_list(tx, "sj_1", NULL, &rows, ERR));
	assert_int_equal(n, 1);
	SAME_TEXT(a, rows[0], job_id);
	SAME_TEXT(a, rows[0], resource_id);
	SAME_TEXT(a, rows[0], address);
	SAME_TEXT(a, rows[0], type);
	SAME_TEXT(a, rows[0], provider);
	SAME_NUMBER(a, rows[0], complete);
	SAME_TEXT(a, rows[0], action);
	SAME_TEXT(a, rows[0], id_key);
	SAME_TEXT(a, rows[0], id_value);
	SAME_TEXT(a, rows[0], advice);
	SAME_NUMBER(a, rows[0], created_ms);
	SAME_NUMBER(a, rows[0], resolved_ms);
	RELEASE_ALL(rows, n, adoption_row_release);

	a.job_id = (char *)"sj_2";
	OK(adoption_put(tx, &a, ERR));
	a.address = (char *)"aws_vpc.a";
	a.resource_id = (char *)"cr_2";
	OK(adoption_put(tx, &a, ERR));
	n = (int)OK(adoption_list(tx, NULL, "cr_1", &rows, ERR));
	assert_int_equal(n, 2);
	RELEASE_ALL(rows, n, adoption_row_release);
	n = (int)OK(adoption_list(tx, "sj_2", NULL, &rows, ERR));
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].address, "aws_vpc.a");
	RELEASE_ALL(rows, n, adoption_row_release);
	n = (int)OK(adoption_list(tx, "sj_2", "cr_2", &rows, ERR));
	assert_int_equal(n, 1);
	RELEASE_ALL(rows, n, adoption_row_release);
	n = (int)OK(adoption_list(tx, NULL, NULL, &rows, ERR));
	assert_int_equal(n, 3);
	RELEASE_ALL(rows, n, adoption_row_release);
	rollback(tx);
}

static void expect_artifact(struct store_tx *tx, const char *name, const char *digest,
			    const void *bytes, size_t len)
{
	char *got_digest;
	void *got;
	size_t got_len;
	OK(artifact_get(tx, "sj_1", name, &got_digest, &got, &got_len, ERR));
	assert_string_equal(got_digest, digest);
	assert_int_equal(got_len, len);
	assert_memory_equal(got, bytes, len);
	free(got_digest);
	free(got);
}

static void artifact_round_trip(void **state)
{
	struct store_tx *tx = begin_write(*state);
	size_t size = 3 << 20;
	char *large = xmalloc(size), *digest;
	void *bytes;
	size_t len;
	memset(large, 0xfe, size);
	large[1] = 0;

	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	insert_job(tx, "sj_2", "s1", STATUS_RUNNING);
	OK(artifact_put(tx, "sj_1", "plan", "d1", "a\0b", 3, 1, ERR));
	expect_artifact(tx, "plan", "d1", "a\0b", 3);
	OK(artifact_put(tx, "sj_1", "plan", "d2", large, size, 2, ERR));
	expect_artifact(tx, "plan", "d2", large, size);
	OK(artifact_put(tx, "sj_1", "empty", "d3", NULL, 0, 2, ERR));
	expect_artifact(tx, "empty", "d3", "", 0);
	OK(artifact_put(tx, "sj_2", "plan", "d4", "x", 1, 2, ERR));
	OK(artifact_delete_all(tx, "sj_1", ERR));
	FAILS(ERROR_NOT_FOUND, artifact_get(tx, "sj_1", "plan", &digest, &bytes, &len, ERR));
	OK(artifact_get(tx, "sj_2", "plan", &digest, &bytes, &len, ERR));
	free(digest);
	free(bytes);
	FAILS(ERROR_NOT_FOUND, artifact_put(tx, "sj_none", "plan", "d", "x", 1, 2, ERR));
	rollback(tx);
	free(large);
}

static void quarantine_takes_any_bytes_of_a_known_job(void **state)
{
	struct store_tx *tx = begin_write(*state);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	OK(quarantine_put(tx, "sj_1", 1, "errored.tfstate", "\0\xff", 2, 1, ERR));
	OK(quarantine_put(tx, "sj_1", 1, "errored.tfstate", "\0\xff", 2, 1, ERR));
	FAILS(ERROR_NOT_FOUND, quarantine_put(tx, "sj_2", 1, "log", "x", 1, 1, ERR));
	rollback(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(operations_in_their_order),
		STORE_TEST(attempt_round_trip),
		STORE_TEST(adoption_round_trip),
		STORE_TEST(artifact_round_trip),
		STORE_TEST(quarantine_takes_any_bytes_of_a_known_job),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
