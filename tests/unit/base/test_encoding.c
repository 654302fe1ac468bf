#include "testing.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/encoding.h"

static void hex(void **state)
{
	(void)state;
	char text[7];
	uint8_t bytes[3];
	hex_encode("\x00\xab\xff", 3, text);
	assert_string_equal(text, "00abff");
	assert_int_equal(hex_decode("00ABff", bytes, 3), 0);
	assert_memory_equal(bytes, "\x00\xab\xff", 3);
	assert_int_equal(hex_decode("00abf", bytes, 3), -EINVAL);
	assert_int_equal(hex_decode("00abfff", bytes, 3), -EINVAL);
	assert_int_equal(hex_decode("00abfg", bytes, 3), -EINVAL);
}

static void base64_of_rfc4648(void **state)
{
	(void)state;
	static const struct {
		const char *plain;
		const char *standard;
		const char *url;
	} rows[] = {
		{"", "", ""},
		{"f", "Zg==", "Zg"},
		{"fo", "Zm8=", "Zm8"},
		{"foo", "Zm9v", "Zm9v"},
		{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
		{"\xff\xfe\xfd", "//79", "__79"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t size = strlen(rows[i].plain);
		_cleanup_free_ char *standard = base64_encode(rows[i].plain, size);
		_cleanup_free_ char *url = base64url_encode(rows[i].plain, size);
		assert_string_equal(standard, rows[i].standard);
		assert_string_equal(url, rows[i].url);

		_cleanup_free_ uint8_t *back = NULL;
		_cleanup_free_ uint8_t *back_url = NULL;
		size_t back_size = 99;
		assert_int_equal(base64_decode(standard, strlen(standard), &back, &back_size), 0);
		assert_int_equal(back_size, size);
		assert_string_equal((char *)back, rows[i].plain);
		assert_int_equal(base64url_decode(url, strlen(url), &back_url, &back_size), 0);
		assert_string_equal((char *)back_url, rows[i].plain);
	}
}

static void base64_is_strict(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"Z", "Zg", "Zg=", "Zh==", "Zg== ", "Zg==\n", "Z!==", "__79"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t *data = NULL;
		size_t size;
		assert_int_equal(base64_decode(bad[i], strlen(bad[i]), &data, &size), -EINVAL);
		assert_null(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
		cmocka_unit_test(base64_of_rfc4648),
		cmocka_unit_test(base64_is_strict),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
