#include "testing.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/parse.h"

struct row {
	const char *text;
	int result;
	uint64_t value;
};

static void check(const struct row *rows, size_t n, int (*parse)(const char *, uint64_t *))
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value = 12345;
		int r = parse(rows[i].text, &value);
		if (r != rows[i].result)
			fail_msg("\"%s\" gave %d", rows[i].text, r);
		assert_int_equal(value, r == 0 ? rows[i].value : 12345);
	}
}

static void unsigned_numbers(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"0", 0, 0},
		{"007", 0, 7},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
	};
	check(rows, ARRAY_SIZE(rows), parse_u64);
}

static void signed_numbers(void **state)
{
	(void)state;
	int64_t value = 0;
	assert_int_equal(parse_i64("-9223372036854775808", &value), 0);
	assert_true(value == INT64_MIN);
	assert_int_equal(parse_i64("9223372036854775807", &value), 0);
	assert_true(value == INT64_MAX);
	assert_int_equal(parse_i64("9223372036854775808", &value), -ERANGE);
	assert_int_equal(parse_i64("-9223372036854775809", &value), -ERANGE);
	assert_int_equal(parse_i64("--1", &value), -EINVAL);
	assert_int_equal(parse_i64("-", &value), -EINVAL);
	assert_true(value == INT64_MAX);
}

static void sizes(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"4096", 0, 4096},     {"64M", 0, 64 << 20},  {"1K", 0, 1024},
		{"2G", 0, 2ULL << 30}, {"1T", 0, 1ULL << 40}, {"16777216T", -ERANGE, 0},
		{"M", -EINVAL, 0},     {"1MB", -EINVAL, 0},   {"1m", -EINVAL, 0},
	};
	check(rows, ARRAY_SIZE(rows), parse_size);
}

static void durations(void **state)
{
	(void)state;
	static const struct row rows[] = {
		{"0", 0, 0},
		{"500ms", 0, 500},
		{"30s", 0, 30000},
		{"5m", 0, 300000},
		{"1h30m", 0, 5400000},
		{"7d", 0, 604800000},
		{"30", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"5x", -EINVAL, 0},
		{"5m3", -EINVAL, 0},
		{"300000000000d", -ERANGE, 0},
	};
	check(rows, ARRAY_SIZE(rows), parse_duration_ms);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsigned_numbers),
		cmocka_unit_test(signed_numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
