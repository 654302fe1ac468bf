#include "testing.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "runner/tail.h"

static int file_of(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text, strlen(text)), 0);
	return fd;
}

static void expect(struct tail *tail, bool ended, const char *text)
{
	struct tail_line line;
	int r = tail_next(tail, ended, &line);
	if (!text) {
		assert_int_equal(r, 0);
		return;
	}
	assert_int_equal(r, 1);
	assert_int_equal(line.size, strlen(text));
	assert_memory_equal(line.data, text, line.size);
}

static void lines(void **state)
{
	(void)state;
	_cleanup_close_ int fd = file_of("one\n\ntwo\nthr");
	struct tail tail;
	tail_init(&tail, fd, 0, false);
	expect(&tail, false, "one");
	assert_int_equal(tail.offset, 4);
	expect(&tail, false, "");
	expect(&tail, false, "two");
	expect(&tail, false, NULL);
	assert_int_equal(tail.offset, 9);
	assert_int_equal(write_all(fd, "ee\nfour", 7), 0);
	expect(&tail, false, "three");
	expect(&tail, false, NULL);
	expect(&tail, true, "four");
	expect(&tail, true, NULL);
	assert_int_equal(tail.offset, 19);
	tail_release(&tail);
}

static void from_any_offset(void **state)
{
	(void)state;
	const char *text = "alpha\nbeta\ngamma";
	_cleanup_close_ int fd = file_of(text);
	for (size_t offset = 0; offset <= strlen(text); offset++) {
		struct tail tail;
		tail_init(&tail, fd, offset, false);
		_cleanup_strbuf_ struct strbuf seen = STRBUF_INIT;
		struct tail_line line;
		while (tail_next(&tail, true, &line) == 1) {
			strbuf_add(&seen, line.data, line.size);
			strbuf_addch(&seen, '\n');
		}
		if (offset < strlen(text))
			strbuf_set_size(&seen, seen.size - 1);
		assert_string_equal(seen.data, text + offset);
		assert_int_equal(tail.offset, strlen(text));
		tail_release(&tail);
	}
}

static void fill(int fd, char byte, size_t count)
{
	static char block[65536];
	memset(block, byte, sizeof(block));
	for (; count > 0; count -= MIN(count, sizeof(block)))
		assert_int_equal(write_all(fd, block, MIN(count, sizeof(block))), 0);
}

static void a_long_line_is_cut(void **state)
{
	(void)state;
	_cleanup_close_ int fd = file_of("");
	fill(fd, 'x', 50 << 20);
	assert_int_equal(write_all(fd, "\nafter\n", 7), 0);
	struct tail tail;
	struct tail_line line;
	tail_init(&tail, fd, 0, false);
	assert_int_equal(tail_next(&tail, false, &line), 1);
	assert_true(line.cut);
	assert_int_equal(line.size, LINE_MAX_BYTES);
	assert_true(tail.skipping);
	assert_true(tail.buffer.capacity < LINE_PARSE_MAX);

	/* Another one that goes on in its middle drops the same rest. */
	struct tail other;
	tail_init(&other, fd, tail.offset, tail.skipping);
	expect(&other, false, "after");
	tail_release(&other);

	expect(&tail, false, "after");
	assert_false(tail.skipping);
	assert_true(tail.buffer.capacity < LINE_PARSE_MAX);
	tail_release(&tail);
}

static void json_may_be_longer(void **state)
{
	(void)state;
	_cleanup_close_ int fd = file_of("{");
	fill(fd, 'x', 3 << 20);
	assert_int_equal(write_all(fd, "\n{", 2), 0);
	fill(fd, 'y', 6 << 20);
	assert_int_equal(write_all(fd, "\nend", 4), 0);
	struct tail tail;
	struct tail_line line;
	tail_init(&tail, fd, 0, false);
	assert_int_equal(tail_next(&tail, false, &line), 1);
	assert_false(line.cut);
	assert_int_equal(line.size, (3 << 20) + 1);
	assert_int_equal(tail_next(&tail, false, &line), 1);
	assert_true(line.cut);
	assert_int_equal(line.size, LINE_MAX_BYTES);
	expect(&tail, true, "end");
	tail_release(&tail);
}

static void a_cut_line_that_never_ends(void **state)
{
	(void)state;
	_cleanup_close_ int fd = file_of("");
	fill(fd, 'x', 3 << 20);
	struct tail tail;
	struct tail_line line;
	tail_init(&tail, fd, 0, false);
	assert_int_equal(tail_next(&tail, true, &line), 1);
	assert_true(line.cut);
	assert_int_equal(tail_next(&tail, true, &line), 0);
	assert_int_equal(tail.offset, 3 << 20);
	tail_release(&tail);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(from_any_offset),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(json_may_be_longer),
		cmocka_unit_test(a_cut_line_that_never_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
