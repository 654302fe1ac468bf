#include "testing.h"

#include <string.h>

#include "base/utf8.h"

#define FFFD "\xef\xbf\xbd"

static void repair(void **state)
{
	(void)state;
	static const struct {
		const char *given;
		const char *repaired;
	} rows[] = {
		{"", ""},
		{"plain", "plain"},
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
		{"a\xff"
		 "b",
		 "a" FFFD "b"},
		{"\xc0\x80", FFFD FFFD},
		{"\xe0\x80\x80", FFFD FFFD FFFD},
		{"\xed\xa0\x80", FFFD FFFD FFFD},
		{"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},
		{"\xe2\x82", FFFD},
		{"\xe2\x82x", FFFD "x"},
		{"\xf0\x9f\x98\xc3\xa4", FFFD "\xc3\xa4"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
		size_t size = strlen(rows[i].given);
		utf8_add_lossy(&buffer, rows[i].given, size);
		assert_string_equal(buffer.data, rows[i].repaired);
		assert_int_equal(utf8_is_valid(rows[i].given, size),
				 strcmp(rows[i].given, rows[i].repaired) == 0);
		assert_true(utf8_is_valid(buffer.data, buffer.size));
	}
}

static void every_code_point_round_trips(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	for (uint32_t c = 0; c <= 0x110000; c++) {
		strbuf_reset(&buffer);
		utf8_add(&buffer, c);
		bool replaced = c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff);
		size_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 || replaced ? 3 : 4;
		if (utf8_character(buffer.data, buffer.size) != length || buffer.size != length)
			fail_msg("U+%04X", (unsigned int)c);
		if (replaced)
			assert_string_equal(buffer.data, FFFD);
	}
	strbuf_reset(&buffer);
	utf8_add(&buffer, 0x20ac);
	assert_string_equal(buffer.data, "\xe2\x82\xac");
}

static void truncation_keeps_characters_whole(void **state)
{
	(void)state;
	const char *text = "a\xe2\x82\xac"
			   "b";
	static const size_t expected[] = {0, 1, 1, 1, 4, 5, 5};
	for (size_t max = 0; max < ARRAY_SIZE(expected); max++)
		assert_int_equal(utf8_truncate(text, 5, max), expected[max]);
	assert_int_equal(utf8_truncate("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repair),
		cmocka_unit_test(every_code_point_round_trips),
		cmocka_unit_test(truncation_keeps_characters_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
