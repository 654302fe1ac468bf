/* Stack jobs and their queue. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

static void same_job(const struct job_row *a, const struct job_row *b)
{
	SAME_TEXT(*a, *b, id);
	SAME_TEXT(*a, *b, resource_id);
	SAME_TEXT(*a, *b, state_id);
	SAME_TEXT(*a, *b, org);
	SAME_TEXT(*a, *b, env);
	SAME_TEXT(*a, *b, kind);
	SAME_TEXT(*a, *b, slug);
	SAME_NUMBER(*a, *b, operation);
	SAME_NUMBER(*a, *b, status);
	SAME_NUMBER(*a, *b, result);
	SAME_NUMBER(*a, *b, number);
	SAME_NUMBER(*a, *b, epoch);
	SAME_TEXT(*a, *b, runner_id);
	SAME_TEXT(*a, *b, actor);
	SAME_TEXT(*a, *b, message);
	SAME_TEXT(*a, *b, manifest);
	SAME_TEXT(*a, *b, version_id);
	SAME_TEXT(*a, *b, options);
	SAME_TEXT(*a, *b, essentials);
	SAME_TEXT(*a, *b, preflight);
	SAME_TEXT(*a, *b, rerun_of);
	SAME_TEXT(*a, *b, pause);
	SAME_TEXT(*a, *b, error_code);
	SAME_TEXT(*a, *b, error_message);
	SAME_TEXT(*a, *b, summary);
	SAME_TEXT(*a, *b, cancel_actor);
	SAME_TEXT(*a, *b, cancel_reason);
	SAME_NUMBER(*a, *b, cancel_ms);
	SAME_NUMBER(*a, *b, cancel_requested);
	SAME_NUMBER(*a, *b, force_requested);
	SAME_NUMBER(*a, *b, last_seq);
	SAME_NUMBER(*a, *b, created_ms);
	SAME_NUMBER(*a, *b, started_ms);
	SAME_NUMBER(*a, *b, ended_ms);
}

static const struct job_row full_job = {
	.id = (char *)"sj_1",
	.resource_id = (char *)"cr_1",
	.state_id = (char *)"st_1",
	.org = (char *)"acme",
	.env = (char *)"dev",
	.kind = (char *)"Db",
	.slug = (char *)"db",
	.operation = JOB_DESTROY,
	.status = STATUS_RUNNING,
	.result = RESULT_TBD,
	.epoch = 3,
	.runner_id = (char *)"rnr_1",
	.actor = (char *)"alice",
	.message = (char *)"because",
	.manifest = (char *)"{\"m\":1}",
	.version_id = (char *)"ver_1",
	.options = (char *)"{\"o\":1}",
	.essentials = (char *)"{\"e\":1}",
	.preflight = (char *)"{\"p\":1}",
	.rerun_of = (char *)"sj_0",
	.pause = (char *)"{\"at\":\"before_change\"}",
	.error_code = (char *)"runner_lost",
	.error_message = (char *)"lost",
	.summary = (char *)"{\"create\":1}",
	.cancel_actor = (char *)"bob",
	.cancel_reason = (char *)"no",
	.cancel_ms = 4,
	.cancel_requested = true,
	.created_ms = 1,
	.started_ms = 2,
	.ended_ms = 3,
};

static void job_round_trip(void **state)
{
	struct fixture *f = *state;
	struct job_row job = full_job, got = {0};
	struct store_tx *tx = begin_write(f);
	OK(job_insert(tx, &job, ERR));
	assert_int_equal(job.number, 1);
	commit(tx);
	fixture_reopen(f);

	tx = begin_read(f);
	OK(job_get(tx, "sj_1", &got, ERR));
	same_job(&job, &got);
	job_row_release(&got);
	FAILS(ERROR_NOT_FOUND, job_get(tx, "sj_2", &got, ERR));
	rollback(tx);
}

static void every_word_is_stored(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct job_row got = {0};
	for (int i = 0; i < 5; i++) {
		char id[] = "sj_0";
		struct job_row job = full_job;
		id[3] = (char)('0' + i);
		job.id = id;
		job.status = (enum status)(i % _STATUS_MAX);
		job.result = (enum result)(i % _RESULT_MAX);
		job.operation = (enum job_operation)(i % _JOB_OPERATION_MAX);
		OK(job_insert(tx, &job, ERR));
		OK(job_get(tx, id, &got, ERR));
		same_job(&job, &got);
		job_row_release(&got);
	}
	rollback(tx);
}

static void update_is_a_compare_and_set(void **state)
{
	struct fixture *f = *state;
	struct job_row job = full_job, changed, got = {0};
	struct store_tx *tx = begin_write(f);
	OK(job_insert(tx, &job, ERR));
	changed = job;
	changed.status = STATUS_COMPLETED;
	changed.result = RESULT_FAILED;
	changed.epoch = 4;
	changed.runner_id = NULL;
	changed.essentials = (char *)"{\"e\":2}";
	changed.preflight = (char *)"{\"p\":2}";
	changed.pause = NULL;
	changed.error_code = (char *)"other";
	changed.error_message = (char *)"other message";
	changed.summary = (char *)"{\"create\":2}";
	changed.cancel_actor = (char *)"carol";
	changed.cancel_reason = (char *)"yes";
	changed.cancel_requested = false;
	changed.force_requested = true;
	changed.started_ms = 20;
	changed.ended_ms = 30;
	FAILS(ERROR_CONFLICT, job_update(tx, &changed, STATUS_RUNNING, 2, ERR));
	FAILS(ERROR_CONFLICT, job_update(tx, &changed, STATUS_QUEUED, 3, ERR));
	OK(job_get(tx, "sj_1", &got, ERR));
	same_job(&job, &got);
	job_row_release(&got);

	OK(job_update(tx, &changed, STATUS_RUNNING, 3, ERR));
	OK(job_get(tx, "sj_1", &got, ERR));
	same_job(&changed, &got);
	job_row_release(&got);
	FAILS(ERROR_CONFLICT, job_update(tx, &changed, STATUS_RUNNING, 3, ERR));
	changed.id = (char *)"sj_2";
	FAILS(ERROR_NOT_FOUND, job_update(tx, &changed, STATUS_RUNNING, 3, ERR));
	commit(tx);
}

static void snapshot_and_last_seq_stay(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct job_row job = full_job, changed, got = {0};
	int64_t seq;
	OK(job_insert(tx, &job, ERR));
	OK(event_append(tx, "sj_1", EVENT_JOB_STATUS, _OPERATION_INVALID, 1, "{}", &seq, ERR));
	changed = job;
	changed.resource_id = changed.state_id = changed.org = changed.manifest = NULL;
	changed.options = changed.message = changed.version_id = NULL;
	changed.operation = JOB_PREVIEW;
	changed.number = 99;
	changed.created_ms = 99;
	changed.last_seq = 0;
	OK(job_update(tx, &changed, STATUS_RUNNING, 3, ERR));
	OK(job_get(tx, "sj_1", &got, ERR));
	job.last_seq = 1;
	same_job(&job, &got);
	job_row_release(&got);
	rollback(tx);
}

static void a_number_is_not_lost_by_a_rollback(void **state)
{
	struct fixture *f = *state;
	struct store_tx *tx = begin_write(f);
	assert_int_equal(insert_job(tx, "sj_1", "st_1", STATUS_QUEUED), 1);
	commit(tx);
	tx = begin_write(f);
	assert_int_equal(insert_job(tx, "sj_2", "st_1", STATUS_QUEUED), 2);
	rollback(tx);
	tx = begin_write(f);
	assert_int_equal(insert_job(tx, "sj_3", "st_1", STATUS_QUEUED), 2);
	struct job_row twin = plain_job("sj_1", "st_1", STATUS_QUEUED);
	FAILS(ERROR_ALREADY_EXISTS, job_insert(tx, &twin, ERR));
	rollback(tx);
}

/* "a b c" of the ids, which it frees. */
static void expect_jobs(struct job_row *rows, int n, const char *expected)
{
	char ids[256] = "";
	for (int i = 0; i < n; i++) {
		strncat(ids, i ? " " : "", sizeof(ids) - strlen(ids) - 1);
		strncat(ids, rows[i].id, sizeof(ids) - strlen(ids) - 1);
	}
	RELEASE_ALL(rows, n, job_row_release);
	assert_string_equal(ids, expected);
}

#define ANY_JOB                                                       \
	(struct job_filter)                                           \
	{                                                             \
		.status = _STATUS_INVALID, .result = _RESULT_INVALID, \
		.operation = _JOB_OPERATION_INVALID                   \
	}

static void expect_list(struct store_tx *tx, const struct job_filter *f, const char *cursor,
			size_t limit, const char *expected)
{
	struct job_row *rows;
	int n = (int)OK(job_list(tx, f, cursor, limit, &rows, ERR));
	expect_jobs(rows, n, expected);
}

static void jobs_list_by_filter_and_page(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct job_row a = full_job, *rows;
	struct job_filter f = ANY_JOB;

	a.id = (char *)"a";
	OK(job_insert(tx, &a, ERR));
	a.id = (char *)"b";
	a.org = (char *)"other";
	a.status = STATUS_COMPLETED;
	a.result = RESULT_FAILED;
	OK(job_insert(tx, &a, ERR));
	a.id = (char *)"c";
	a.resource_id = (char *)"cr_2";
	a.operation = JOB_PREVIEW;
	a.status = STATUS_QUEUED;
	a.result = RESULT_TBD;
	a.runner_id = (char *)"rnr_2";
	a.env = (char *)"prod";
	a.kind = (char *)"Vm";
	OK(job_insert(tx, &a, ERR));

	expect_list(tx, &f, NULL, 10, "c b a");
	expect_list(tx, &f, NULL, 2, "c b");
	expect_list(tx, &f, "2", 2, "a");
	f.oldest_first = true;
	expect_list(tx, &f, NULL, 2, "a b");
	expect_list(tx, &f, "2", 2, "c");
	assert_int_equal(OK(job_count(tx, &f, ERR)), 3);
	f.unfinished = true;
	expect_list(tx, &f, NULL, 10, "a c");
	assert_int_equal(OK(job_count(tx, &f, ERR)), 2);
	f.runner_id = "rnr_2";
	expect_list(tx, &f, NULL, 10, "c");
	f = ANY_JOB;
	f.resource_id = "cr_1";
	expect_list(tx, &f, NULL, 10, "b a");
	f = ANY_JOB;
	f.org = "acme";
	expect_list(tx, &f, NULL, 10, "a");
	f = ANY_JOB;
	f.env = "prod";
	expect_list(tx, &f, NULL, 10, "c");
	f = ANY_JOB;
	f.kind = "Vm";
	expect_list(tx, &f, NULL, 10, "c");
	f = ANY_JOB;
	f.status = STATUS_RUNNING;
	expect_list(tx, &f, NULL, 10, "a");
	f.status = STATUS_COMPLETED;
	expect_list(tx, &f, NULL, 10, "b");
	f = ANY_JOB;
	f.result = RESULT_FAILED;
	expect_list(tx, &f, NULL, 10, "b");
	f = ANY_JOB;
	f.operation = JOB_DESTROY;
	expect_list(tx, &f, NULL, 10, "b a");
	FAILS(ERROR_INVALID_ARGUMENT, job_list(tx, &f, "x", 1, &rows, ERR));
	rollback(tx);
}

static void expect_candidates(struct store_tx *tx, int64_t after, size_t limit,
			      const char *expected)
{
	struct job_row *rows;
	int n = (int)OK(job_list_candidates(tx, after, limit, &rows, ERR));
	expect_jobs(rows, n, expected);
}

static void expect_ahead(struct store_tx *tx, const char *state_id, int64_t number,
			 const char *expected)
{
	struct job_row *rows;
	int n = (int)OK(job_list_ahead(tx, state_id, number, &rows, ERR));
	expect_jobs(rows, n, expected);
}

static void the_queue(void **state)
{
	struct store_tx *tx = begin_write(*state);
	insert_job(tx, "done", "s1", STATUS_COMPLETED);
	insert_job(tx, "first", "s1", STATUS_QUEUED);
	int64_t second = insert_job(tx, "second", "s1", STATUS_QUEUED);
	insert_job(tx, "running", "s2", STATUS_RUNNING);
	insert_job(tx, "behind_running", "s2", STATUS_QUEUED);
	insert_job(tx, "paused", "s3", STATUS_AWAITING_APPROVAL);
	int64_t behind_paused = insert_job(tx, "behind_paused", "s3", STATUS_QUEUED);
	insert_job(tx, "behind_both", "s3", STATUS_QUEUED);
	insert_job(tx, "free", "s4", STATUS_QUEUED);
	insert_job(tx, "after_free", "s4", STATUS_RUNNING);

	expect_candidates(tx, 0, 10, "first behind_paused free");
	expect_candidates(tx, 0, 2, "first behind_paused");
	expect_candidates(tx, behind_paused, 10, "free");
	expect_ahead(tx, "s1", second, "first");
	expect_ahead(tx, "s3", INT64_MAX, "paused behind_paused behind_both");
	expect_ahead(tx, "s3", behind_paused, "paused");
	expect_ahead(tx, "s9", INT64_MAX, "");

	struct job_row first = plain_job("first", "s1", STATUS_COMPLETED);
	OK(job_update(tx, &first, STATUS_QUEUED, 0, ERR));
	expect_candidates(tx, 0, 1, "second");
	expect_ahead(tx, "s1", second, "");
	rollback(tx);
}

static void ahead_is_bounded(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct job_row *rows;
	char id[16];
	for (int i = 0; i < JOBS_AHEAD_MAX + 10; i++) {
		snprintf(id, sizeof(id), "sj_%d", i);
		insert_job(tx, id, "s1", STATUS_QUEUED);
	}
	int n = (int)OK(job_list_ahead(tx, "s1", INT64_MAX, &rows, ERR));
	assert_int_equal(n, JOBS_AHEAD_MAX);
	assert_int_equal(rows[0].number, 1);
	RELEASE_ALL(rows, n, job_row_release);
	rollback(tx);
}

static void a_restore_raises_epochs(void **state)
{
	struct store_tx *tx = begin_write(*state);
	struct job_row job = {0};
	insert_job(tx, "open", "s1", STATUS_RUNNING);
	insert_job(tx, "done", "s1", STATUS_COMPLETED);
	OK(job_raise_epochs(tx, 1000, ERR));
	OK(job_get(tx, "open", &job, ERR));
	assert_int_equal(job.epoch, 1000);
	job_row_release(&job);
	OK(job_get(tx, "done", &job, ERR));
	assert_int_equal(job.epoch, 0);
	job_row_release(&job);
	rollback(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(job_round_trip),
		STORE_TEST(every_word_is_stored),
		STORE_TEST(update_is_a_compare_and_set),
		STORE_TEST(snapshot_and_last_seq_stay),
		STORE_TEST(a_number_is_not_lost_by_a_rollback),
		STORE_TEST(jobs_list_by_filter_and_page),
		STORE_TEST(the_queue),
		STORE_TEST(ahead_is_bounded),
		STORE_TEST(a_restore_raises_epochs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
