#include "testing.h"

#include <errno.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"

static void formats(void **state)
{
	(void)state;
	char text[RFC3339_SIZE];
	rfc3339_format(0, text);
	assert_string_equal(text, "1970-01-01T00:00:00.000Z");
	rfc3339_format(1709210096789, text);
	assert_string_equal(text, "2024-02-29T12:34:56.789Z");
	rfc3339_format(UINT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void parses(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{"2024-02-29T12:34:56.789Z", 1709210096789},
		{"2024-02-29T12:34:56Z", 1709210096000},
		{"2024-02-29t12:34:56.7z", 1709210096700},
		{"2024-02-29T14:34:56.789123456+02:00", 1709210096789},
		{"2024-02-29T07:04:56.789-05:30", 1709210096789},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t ms = 0;
		assert_int_equal(rfc3339_parse(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
}

static void refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"2024",
		"2024-02-30T00:00:00Z",
		"2023-02-29T00:00:00Z",
		"2024-13-01T00:00:00Z",
		"2024-01-01T24:00:00Z",
		"2024-01-01T00:00:00",
		"2024-01-01T00:00:00.Z",
		"2024-01-01T00:00:00.1234567890Z",
		"2024-01-01T00:00:00Zx",
		"2024-01-01T00:00:00+2:00",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"2024-1-01T00:00:00Z",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t ms = 42;
		assert_int_equal(rfc3339_parse(bad[i], &ms), -EINVAL);
		assert_int_equal(ms, 42);
	}
}

static void clocks_agree_with_libc(void **state)
{
	(void)state;
	uint64_t before = (uint64_t)time(NULL) * 1000;
	uint64_t now = now_realtime_ms();
	assert_in_range(now, before, before + 2000);
	assert_in_range(now_realtime_us() / 1000, now, now + 2000);
	uint64_t start = now_monotonic_ms();
	nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	assert_in_range(now_monotonic_ms(), start + 4, start + 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(clocks_agree_with_libc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
