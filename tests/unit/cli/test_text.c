#include "testing.h"

#include "cli/text.h"

static void safe(const char *text, bool colour, const char *expected)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	text_add_safe(&out, text, strlen(text), colour);
	assert_string_equal(out.data, expected);
}

static void escapes(void **state)
{
	(void)state;
	safe("\033[31mred\033[0m", false, "red");
	safe("\033[31mred", true, "\033[31mred\033[0m");
	safe("a\033]0;title\ab", true, "ab");
	safe("a\033]8;;http://x\033\\b", true, "ab");
	safe("a\033[2J\033[10;10Hb", true, "ab");
	safe("a\033P1;2|data\033\\b", true, "ab");
	safe("a\033(0b\033c", true, "ab");
	safe("a\033[?25lb", true, "ab");
	safe("a\033[>4;1mb", true, "ab");
	safe("end\033", true, "end");
	safe("end\033[31", true, "end");
}

static void control_characters(void **state)
{
	(void)state;
	safe("a\r\b\ab\tc\x7f", true, "ab\tc");
	safe("a\xc2\x9b"
	     "31mb",
	     true, "a31mb"); /* C1 CSI */
	safe("a\xe2\x80\xae"
	     "b",
	     true, "ab"); /* right-to-left override */
	safe("a\xff"
	     "b",
	     true,
	     "a\xef\xbf\xbd"
	     "b");
}

static void cut(const char *text, size_t width, const char *expected)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	text_add_cut(&out, text, strlen(text), width);
	assert_string_equal(out.data, expected);
}

static void width(void **state)
{
	(void)state;
	assert_int_equal(text_width("abc", 3), 3);
	assert_int_equal(text_width("\033[31mabc\033[0m", 12), 3);
	assert_int_equal(text_width("日本", strlen("日本")), 4);
	assert_int_equal(text_width("e\xcc\x81", 3), 1);
	cut("abcdef", 6, "abcdef");
	cut("abcdef", 4, "abc…");
	cut("日本語", 4, "日…");
	cut("\033[31mabcdef\033[0m", 3, "\033[31mab…\033[0m");
	cut("abc", 0, "");
}

static void times(void **state)
{
	(void)state;
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {{0, "0ms"},       {99, "99ms"},	 {100, "0.1s"},	    {449, "0.4s"},
		     {59999, "59.9s"}, {65000, "1m05s"}, {7380000, "2h03m"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
		text_add_duration(&out, cases[i].ms);
		assert_string_equal(out.data, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(escapes),
					   cmocka_unit_test(control_characters),
					   cmocka_unit_test(width), cmocka_unit_test(times)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
