/* Isolation, threads, backups, and what survives a killed writer. */
#include "fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fdutil.h"
#include "base/parse.h"
#include "base/process.h"
#include "base/strutil.h"

static int64_t meta_number(struct store_tx *tx)
{
	_cleanup_free_ char *value = NULL;
	int64_t number = 0;
	OK(meta_get(tx, "n", &value, ERR));
	if (value)
		assert_int_equal(parse_i64(value, &number), 0);
	return number;
}

static void set_meta_number(struct store_tx *tx, int64_t number)
{
	char text[32];
	snprintf(text, sizeof(text), "%lld", (long long)number);
	OK(meta_set(tx, "n", text, ERR));
}

static void nothing_is_seen_before_commit(void **state)
{
	struct fixture *f = *state;
	struct store_tx *writer = begin_write(f);
	set_meta_number(writer, 1);
	struct store_tx *reader = begin_read(f);
	assert_int_equal(meta_number(reader), 0);
	commit(writer);
	assert_int_equal(meta_number(reader), 0);
	rollback(reader);
	reader = begin_read(f);
	assert_int_equal(meta_number(reader), 1);
	commit(reader);
}

static void a_rollback_undoes(void **state)
{
	struct fixture *f = *state;
	{
		_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
		OK(store_begin(f->store, STORE_WRITE, &tx, ERR));
		set_meta_number(tx, 1);
	}
	struct store_tx *tx = begin_write(f);
	assert_int_equal(meta_number(tx), 0);
	set_meta_number(tx, 1);
	rollback(tx);
	tx = begin_read(f);
	assert_int_equal(meta_number(tx), 0);
	rollback(tx);
	store_rollback(NULL);
}

static void a_reader_may_not_write(void **state)
{
	struct store_tx *tx = begin_read(*state);
	FAILS(ERROR_INTERNAL, meta_set(tx, "n", "1", ERR));
	rollback(tx);
}

static void after_a_refused_statement_nothing_is_stored(void **state)
{
	struct fixture *f = *state;
	struct api_key_row k = {.id = (char *)"k", .hash = (char *)"h", .role = (char *)"admin"};
	struct store_tx *tx = begin_write(f);
	set_meta_number(tx, 1);
	OK(api_key_insert(tx, &k, ERR));
	FAILS(ERROR_ALREADY_EXISTS, api_key_insert(tx, &k, ERR));
	commit_fails(ERROR_INTERNAL, tx);
	tx = begin_write(f);
	assert_int_equal(meta_number(tx), 0);
	set_meta_number(tx, 2);
	commit(tx);
}

static void a_missed_row_does_not_spoil_the_transaction(void **state)
{
	struct store_tx *tx = begin_write(*state);
	FAILS(ERROR_NOT_FOUND, job_get(tx, "sj_1", &(struct job_row){0}, ERR));
	set_meta_number(tx, 1);
	commit(tx);
}

static void a_store_needs_its_folder(void **state)
{
	(void)state;
	struct store *s = NULL;
	FAILS(ERROR_INTERNAL, store_open("/nonexistent/folder/store.db", &s, ERR));
	assert_null(s);
	store_close(NULL);
}

#define ROUNDS 100

static void *add_many(void *argument)
{
	struct fixture *f = argument;
	for (int i = 0; i < ROUNDS; i++) {
		struct store_tx *tx = begin_write(f);
		int64_t seq;
		set_meta_number(tx, meta_number(tx) + 1);
		OK(event_append(tx, "sj_1", EVENT_DIFF, OPERATION_PREVIEW, 1, "{}", &seq, ERR));
		commit(tx);
	}
	return NULL;
}

static int next_in_order(const struct event *e, void *ctx)
{
	int64_t *last = ctx;
	assert_int_equal(e->seq, *last + 1);
	*last = e->seq;
	return 0;
}

/* What the transactions of these tests keep true: as many events as the number says. */
static int64_t check_consistent(struct store_tx *tx)
{
	struct job_row job = {0};
	int64_t number = meta_number(tx), last = 0;
	OK(job_get(tx, "sj_1", &job, ERR));
	OK(event_read(tx, "sj_1", 0, _OPERATION_INVALID, 0, 0, 0, next_in_order, &last, ERR));
	assert_int_equal(job.last_seq, last);
	assert_int_equal(last, number);
	job_row_release(&job);
	return number;
}

static void *read_many(void *argument)
{
	struct fixture *f = argument;
	int64_t seen = 0;
	while (seen < 2 * ROUNDS) {
		struct store_tx *tx = begin_read(f);
		int64_t number = check_consistent(tx);
		rollback(tx);
		assert_true(number >= seen);
		seen = number;
	}
	return NULL;
}

static void threads_share_a_store(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[8];
	struct store_tx *tx = begin_write(f);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	commit(tx);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i < 2 ? add_many : read_many, f),
				 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	tx = begin_read(f);
	assert_int_equal(check_consistent(tx), 2 * ROUNDS);
	rollback(tx);
}

static void check_backup(const char *path, int64_t at_least)
{
	struct store *copy;
	struct store_tx *tx;
	OK(store_open(path, &copy, ERR));
	OK(store_begin(copy, STORE_READ, &tx, ERR));
	assert_true(check_consistent(tx) >= at_least);
	store_rollback(tx);
	store_close(copy);
}

static void a_backup_is_one_moment(void **state)
{
	struct fixture *f = *state;
	pthread_t writer;
	struct store_tx *tx = begin_write(f);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	commit(tx);
	assert_int_equal(pthread_create(&writer, NULL, add_many, f), 0);
	for (int i = 0; i < 5; i++) {
		_cleanup_free_ char *path = xasprintf("%s/copy%d.db", f->folder, i);
		tx = begin_read(f);
		int64_t before = meta_number(tx);
		rollback(tx);
		OK(store_backup(f->store, path, ERR));
		check_backup(path, before);
	}
	pthread_join(writer, NULL);

	_cleanup_free_ char *path = xasprintf("%s/copy0.db", f->folder);
	FAILS(ERROR_ALREADY_EXISTS, store_backup(f->store, path, ERR));
	check_backup(path, 0);
	FAILS(ERROR_INTERNAL, store_backup(f->store, "/nonexistent/copy.db", ERR));
}

/* Three more events: two of them lines. */
static int64_t write_round(struct store_tx *tx)
{
	static const uint32_t lengths[] = {1, 2};
	int64_t number = meta_number(tx) + 3, seq;
	set_meta_number(tx, number);
	OK(event_append(tx, "sj_1", EVENT_DIFF, OPERATION_PREVIEW, 1, "{}", &seq, ERR));
	OK(event_append_log(tx, "sj_1", OPERATION_INIT, 1, "stdout", 1, "abc", lengths, NULL, 2,
			    &seq, ERR));
	return number;
}

/*
 * The other process: writes until it is killed, and says after each commit what it committed.
 * SQLite's lock has no queue, so it leaves a gap in which another may take it.
 */
static int write_for_ever(const char *target)
{
	struct store *s;
	OK(store_open(target, &s, ERR));
	for (;;) {
		struct store_tx *tx;
		OK(store_begin(s, STORE_WRITE, &tx, ERR));
		int64_t number = write_round(tx);
		OK(store_commit(tx, ERR));
		if (write_all(STDOUT_FILENO, &number, sizeof(number)) < 0)
			return 1;
		usleep(2000);
	}
}

struct writer {
	int pidfd;
	int reports;
	int64_t reported; /* the last, -1 before the first */
};

static struct writer start_writer(struct fixture *f)
{
	char *argv[] = {(char *)"test", (char *)"write", f->target, NULL};
	struct process_spec spec = {PROCESS_SPEC_INIT, .path = "/proc/self/exe", .argv = argv};
	struct writer w = {.reported = -1};
	int pipe_fds[2];
	pid_t pid;

	assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
	spec.stdout_fd = pipe_fds[1];
	spec.stderr_fd = STDERR_FILENO;
	assert_int_equal(process_spawn(&spec, &pid, &w.pidfd), 0);
	close(pipe_fds[1]);
	w.reports = pipe_fds[0];
	return w;
}

static bool read_report(struct writer *w)
{
	int64_t number;
	if (read_full(w->reports, &number, sizeof(number)) != sizeof(number))
		return false;
	w->reported = number;
	return true;
}

/* Returns the last number that it reported. */
static int64_t kill_writer(struct writer *w)
{
	struct process_exit ended;

	assert_int_equal(process_signal(w->pidfd, SIGKILL), 0);
	while (read_report(w))
		;
	assert_int_equal(process_wait(w->pidfd, -1, &ended), 0);
	assert_true(ended.signaled);
	close(w->reports);
	close(w->pidfd);
	return w->reported;
}

static void a_killed_writer_loses_nothing_committed(void **state)
{
	struct fixture *f = *state;
	struct store_tx *tx = begin_write(f);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	commit(tx);
	for (int round = 0; round < 12; round++) {
		store_close(f->store);
		f->store = NULL;
		struct writer w = start_writer(f);
		for (int i = 0; i < 1 + round * 3; i++)
			assert_true(read_report(&w));
		int64_t reported = kill_writer(&w);
		OK(store_open(f->target, &f->store, ERR));
		tx = begin_read(f);
		assert_true(check_consistent(tx) >= reported);
		rollback(tx);
	}
}

static void a_killed_writer_is_survived_by_another(void **state)
{
	struct fixture *f = *state;
	struct store_tx *tx = begin_write(f);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	commit(tx);
	for (int round = 0; round < 4; round++) {
		struct writer w = start_writer(f);
		for (int i = 0; i < 10; i++) {
			assert_true(read_report(&w));
			tx = begin_write(f);
			int64_t number = write_round(tx);
			assert_true(number > w.reported);
			commit(tx);
		}
		int64_t reported = kill_writer(&w);
		tx = begin_write(f);
		assert_true(check_consistent(tx) >= reported);
		rollback(tx);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(nothing_is_seen_before_commit),
		STORE_TEST(a_rollback_undoes),
		STORE_TEST(a_reader_may_not_write),
		STORE_TEST(after_a_refused_statement_nothing_is_stored),
		STORE_TEST(a_missed_row_does_not_spoil_the_transaction),
		cmocka_unit_test(a_store_needs_its_folder),
		STORE_TEST(threads_share_a_store),
		STORE_TEST(a_backup_is_one_moment),
		STORE_TEST(a_killed_writer_loses_nothing_committed),
		STORE_TEST(a_killed_writer_is_survived_by_another),
	};
	if (argc == 3 && streq(argv[1], "write"))
		return write_for_ever(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
