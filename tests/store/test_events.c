/* A job's events: one gapless numbering over events and log lines, read back from anywhere. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"

static int64_t append(struct store_tx *tx, enum event_type type, enum operation op,
		      const char *payload)
{
	int64_t seq;
	OK(event_append(tx, "sj_1", type, op, 1000, payload, &seq, ERR));
	return seq;
}

/* One segment of text lines; ends with NULL. */
static int64_t append_lines(struct store_tx *tx, enum operation op, const char *const *lines)
{
	struct strbuf bytes = STRBUF_INIT;
	uint32_t lengths[16];
	size_t n = 0;
	int64_t first;
	for (; lines[n]; n++) {
		lengths[n] = (uint32_t)strlen(lines[n]);
		strbuf_addstr(&bytes, lines[n]);
	}
	OK(event_append_log(tx, "sj_1", op, 2, "stdout", 2000, bytes.data, lengths, NULL, n, &first,
			    ERR));
	strbuf_release(&bytes);
	return first;
}

/* "1:payload 2:line ..." of what was read. */
static int note(const struct event *e, void *ctx)
{
	struct strbuf *out = ctx;
	strbuf_addf(out, "%s%lld:", out->size ? " " : "", (long long)e->seq);
	if (e->type == EVENT_LOG) {
		assert_null(e->payload);
		strbuf_add(out, e->line, e->line_len);
	} else {
		assert_null(e->line);
		strbuf_addstr(out, e->payload);
	}
	return 0;
}

static void expect_events(struct store_tx *tx, int64_t after, enum operation op, unsigned types,
			  size_t max_events, size_t max_bytes, const char *expected)
{
	struct strbuf out = STRBUF_INIT;
	OK(event_read(tx, "sj_1", after, op, types, max_events, max_bytes, note, &out, ERR));
	assert_string_equal(out.data, expected);
	strbuf_release(&out);
}

/* 1 a, 2-4 x y z (init), 5 b (init), 6 c (apply), 7-8 p q (apply), 9 d */
static struct store_tx *begin_with_events(struct fixture *f)
{
	struct store_tx *tx = begin_write(f);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	assert_int_equal(append(tx, EVENT_JOB_STATUS, _OPERATION_INVALID, "a"), 1);
	assert_int_equal(append_lines(tx, OPERATION_INIT, (const char *[]){"x", "y", "z", NULL}),
			 2);
	assert_int_equal(append(tx, EVENT_OPERATION_STATUS, OPERATION_INIT, "b"), 5);
	assert_int_equal(append(tx, EVENT_RESOURCE, OPERATION_APPLY, "c"), 6);
	assert_int_equal(append_lines(tx, OPERATION_APPLY, (const char *[]){"p", "q", NULL}), 7);
	assert_int_equal(append(tx, EVENT_JOB_STATUS, _OPERATION_INVALID, "d"), 9);
	return tx;
}

static void events_and_lines_merge_in_order(void **state)
{
	struct fixture *f = *state;
	commit(begin_with_events(f));
	fixture_reopen(f);
	struct store_tx *tx = begin_read(f);
	static const char all[] = "1:a 2:x 3:y 4:z 5:b 6:c 7:p 8:q 9:d";
	expect_events(tx, 0, _OPERATION_INVALID, 0, 0, 0, all);
	for (int64_t after = 0; after < 9; after++)
		expect_events(tx, after, _OPERATION_INVALID, 0, 0, 0, all + 4 * after);
	expect_events(tx, 9, _OPERATION_INVALID, 0, 0, 0, "");
	rollback(tx);
}

static void reading_by_operation_and_type(void **state)
{
	struct store_tx *tx = begin_with_events(*state);
	const unsigned logs = 1U << EVENT_LOG, statuses = 1U << EVENT_JOB_STATUS;
	expect_events(tx, 0, OPERATION_INIT, 0, 0, 0, "2:x 3:y 4:z 5:b");
	expect_events(tx, 3, OPERATION_INIT, 0, 0, 0, "4:z 5:b");
	expect_events(tx, 0, OPERATION_APPLY, logs, 0, 0, "7:p 8:q");
	expect_events(tx, 7, OPERATION_APPLY, logs, 0, 0, "8:q");
	expect_events(tx, 0, OPERATION_REFRESH, 0, 0, 0, "");
	expect_events(tx, 0, _OPERATION_INVALID, logs, 0, 0, "2:x 3:y 4:z 7:p 8:q");
	expect_events(tx, 0, _OPERATION_INVALID, statuses, 0, 0, "1:a 9:d");
	expect_events(tx, 2, _OPERATION_INVALID, statuses | logs, 0, 0, "3:y 4:z 7:p 8:q 9:d");
	expect_events(tx, 0, OPERATION_APPLY, 1U << EVENT_RESOURCE, 0, 0, "6:c");
	rollback(tx);
}

static void reading_stops_at_its_limits(void **state)
{
	struct store_tx *tx = begin_with_events(*state);
	expect_events(tx, 0, _OPERATION_INVALID, 0, 1, 0, "1:a");
	expect_events(tx, 0, _OPERATION_INVALID, 0, 3, 0, "1:a 2:x 3:y");
	expect_events(tx, 3, _OPERATION_INVALID, 0, 3, 0, "4:z 5:b 6:c");
	expect_events(tx, 0, _OPERATION_INVALID, 0, 0, 3, "1:a 2:x 3:y");
	expect_events(tx, 0, _OPERATION_INVALID, 0, 4, 4, "1:a 2:x 3:y 4:z");
	rollback(tx);
}

static int stop_at(const struct event *e, void *ctx)
{
	return e->seq == *(int64_t *)ctx ? 42 : 0;
}

static void reading_stops_when_told(void **state)
{
	struct store_tx *tx = begin_with_events(*state);
	for (int64_t seq = 1; seq <= 9; seq++)
		assert_int_equal(
			event_read(tx, "sj_1", 0, _OPERATION_INVALID, 0, 0, 0, stop_at, &seq, ERR),
			42);
	rollback(tx);
}

static int check_fields(const struct event *e, void *ctx)
{
	int *seen = ctx;
	(*seen)++;
	switch (e->seq) {
	case 1:
		assert_int_equal(e->type, EVENT_JOB_STATUS);
		assert_int_equal(e->operation, _OPERATION_INVALID);
		assert_int_equal(e->time_ms, 1000);
		break;
	case 6:
		assert_int_equal(e->type, EVENT_RESOURCE);
		assert_int_equal(e->operation, OPERATION_APPLY);
		break;
	case 8:
		assert_int_equal(e->type, EVENT_LOG);
		assert_int_equal(e->operation, OPERATION_APPLY);
		assert_int_equal(e->time_ms, 2000);
		assert_int_equal(e->attempt, 2);
		assert_string_equal(e->stream, "stdout");
		assert_false(e->line_cut);
		break;
	default:
		break;
	}
	return 0;
}

static void every_field_comes_back(void **state)
{
	struct store_tx *tx = begin_with_events(*state);
	int seen = 0;
	OK(event_read(tx, "sj_1", 0, _OPERATION_INVALID, 0, 0, 0, check_fields, &seen, ERR));
	assert_int_equal(seen, 9);
	rollback(tx);
}

static void the_last_seq_is_the_jobs(void **state)
{
	struct fixture *f = *state;
	struct store_tx *tx = begin_with_events(f);
	struct job_row job = {0};
	int64_t seq;
	uint32_t length = 1;
	OK(job_get(tx, "sj_1", &job, ERR));
	assert_int_equal(job.last_seq, 9);
	job_row_release(&job);
	FAILS(ERROR_NOT_FOUND,
	      event_append(tx, "sj_2", EVENT_DIFF, OPERATION_PREVIEW, 1, "{}", &seq, ERR));
	FAILS(ERROR_NOT_FOUND, event_append_log(tx, "sj_2", OPERATION_INIT, 1, "stderr", 1, "x",
						&length, NULL, 1, &seq, ERR));
	commit(tx);
}

static void a_rollback_leaves_no_gap(void **state)
{
	struct fixture *f = *state;
	commit(begin_with_events(f));
	struct store_tx *tx = begin_write(f);
	append_lines(tx, OPERATION_APPLY, (const char *[]){"lost", "lost", NULL});
	assert_int_equal(append(tx, EVENT_DIFF, OPERATION_APPLY, "lost"), 12);
	rollback(tx);
	tx = begin_write(f);
	assert_int_equal(append(tx, EVENT_DIFF, OPERATION_APPLY, "e"), 10);
	expect_events(tx, 8, _OPERATION_INVALID, 0, 0, 0, "9:d 10:e");
	commit(tx);
}

static void jobs_number_their_own_events(void **state)
{
	struct store_tx *tx = begin_with_events(*state);
	int64_t seq;
	insert_job(tx, "sj_2", "s2", STATUS_RUNNING);
	OK(event_append(tx, "sj_2", EVENT_DIFF, OPERATION_PREVIEW, 1, "{}", &seq, ERR));
	assert_int_equal(seq, 1);
	expect_events(tx, 8, _OPERATION_INVALID, 0, 0, 0, "9:d");
	rollback(tx);
}

static const unsigned char raw[] = {0,	  0xff, 'a', 0,	   0xc3, 0x28, '\n', '\r', 0xed, 0xa0,
				    0x80, 0,	'z', 0xf5, 0x1b, '[',  0x7f, 0x80, 0};
static const uint32_t raw_lengths[] = {1, 0, 7, 3, 8, 0};
static const uint8_t raw_cut[] = {0, 1, 1, 0, 0, 1};

static int same_raw(const struct event *e, void *ctx)
{
	size_t *i = ctx, offset = 0;
	for (size_t j = 0; j < *i; j++)
		offset += raw_lengths[j];
	assert_int_equal(e->line_len, raw_lengths[*i]);
	assert_memory_equal(e->line, raw + offset, e->line_len);
	assert_int_equal(e->line_cut, raw_cut[*i]);
	assert_string_equal(e->stream, "stderr");
	(*i)++;
	return 0;
}

static void lines_are_any_bytes(void **state)
{
	struct fixture *f = *state;
	struct store_tx *tx = begin_write(f);
	size_t n = ARRAY_SIZE(raw_lengths), seen = 0;
	int64_t first;
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	OK(event_append_log(tx, "sj_1", OPERATION_INIT, 1, "stderr", 1, raw, raw_lengths, raw_cut,
			    n, &first, ERR));
	commit(tx);
	tx = begin_read(f);
	OK(event_read(tx, "sj_1", 0, _OPERATION_INVALID, 0, 0, 0, same_raw, &seen, ERR));
	assert_int_equal(seen, n);
	seen = 3;
	OK(event_read(tx, "sj_1", 3, _OPERATION_INVALID, 0, 0, 0, same_raw, &seen, ERR));
	assert_int_equal(seen, n);
	rollback(tx);
}

static void only_empty_lines(void **state)
{
	struct store_tx *tx = begin_write(*state);
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	append_lines(tx, OPERATION_INIT, (const char *[]){"", "", NULL});
	expect_events(tx, 0, _OPERATION_INVALID, 0, 0, 0, "1: 2:");
	rollback(tx);
}

/* Line i of the large batches is i % 251 repeated. */
struct large {
	const uint32_t *lengths;
	int64_t next;
};

static int same_large(const struct event *e, void *ctx)
{
	struct large *l = ctx;
	assert_int_equal(e->seq, l->next);
	assert_int_equal(e->line_len, l->lengths[l->next - 1]);
	for (size_t i = 0; i < e->line_len; i += 997)
		assert_int_equal(((const unsigned char *)e->line)[i], (e->seq - 1) % 251);
	l->next++;
	return 0;
}

static void check_large(struct fixture *f, const uint32_t *lengths, size_t n)
{
	struct strbuf bytes = STRBUF_INIT;
	struct store_tx *tx = begin_write(f);
	int64_t first;
	for (size_t i = 0; i < n; i++) {
		strbuf_grow(&bytes, lengths[i] + 1);
		memset(bytes.data + bytes.size, (int)(i % 251), lengths[i]);
		strbuf_set_size(&bytes, bytes.size + lengths[i]);
	}
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	OK(event_append_log(tx, "sj_1", OPERATION_APPLY, 1, "stdout", 1, bytes.data, lengths, NULL,
			    n, &first, ERR));
	assert_int_equal(first, 1);
	commit(tx);
	strbuf_release(&bytes);

	tx = begin_read(f);
	for (size_t after = 0; after < n; after += n / 3 + 1) {
		struct large l = {lengths, (int64_t)after + 1};
		OK(event_read(tx, "sj_1", (int64_t)after, OPERATION_APPLY, 0, 0, 0, same_large, &l,
			      ERR));
		assert_int_equal(l.next, n + 1);
	}
	rollback(tx);
}

static void many_lines_at_once(void **state)
{
	uint32_t *lengths = xcalloc(10000, sizeof(*lengths));
	for (uint32_t i = 0; i < 10000; i++)
		lengths[i] = i % 300;
	check_large(*state, lengths, 10000);
	free(lengths);
}

static void long_lines_at_once(void **state)
{
	static const uint32_t lengths[] = {700000,  600000, (1 << 20) - 1, 1, 1 << 20,
					   3 << 20, 0,	    5 << 20,	   7};
	check_large(*state, lengths, ARRAY_SIZE(lengths));
}

static int count(const struct event *e, void *ctx)
{
	int64_t *last = ctx;
	assert_int_equal(e->seq, *last + 1);
	*last = e->seq;
	return 0;
}

static void more_events_than_a_page(void **state)
{
	struct store_tx *tx = begin_write(*state);
	int64_t last;
	insert_job(tx, "sj_1", "s1", STATUS_RUNNING);
	for (int64_t n = 1; n <= 200; n++) {
		append(tx, EVENT_RESOURCE, OPERATION_APPLY, "{}");
		if (n % 64 > 1 && n != 200)
			continue;
		last = 0;
		OK(event_read(tx, "sj_1", 0, _OPERATION_INVALID, 0, 0, 0, count, &last, ERR));
		assert_int_equal(last, n);
	}
	append_lines(tx, OPERATION_APPLY, (const char *[]){"x", NULL});
	last = 100;
	OK(event_read(tx, "sj_1", 100, OPERATION_APPLY, 0, 0, 0, count, &last, ERR));
	assert_int_equal(last, 201);
	rollback(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(events_and_lines_merge_in_order),
		STORE_TEST(reading_by_operation_and_type),
		STORE_TEST(reading_stops_at_its_limits),
		STORE_TEST(reading_stops_when_told),
		STORE_TEST(every_field_comes_back),
		STORE_TEST(the_last_seq_is_the_jobs),
		STORE_TEST(a_rollback_leaves_no_gap),
		STORE_TEST(jobs_number_their_own_events),
		STORE_TEST(lines_are_any_bytes),
		STORE_TEST(only_empty_lines),
		STORE_TEST(many_lines_at_once),
		STORE_TEST(long_lines_at_once),
		STORE_TEST(more_events_than_a_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
