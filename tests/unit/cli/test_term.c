#include "testing.h"

#include "base/strutil.h"
#include "cli/term.h"

static void rows(const char *text, size_t columns, size_t expected)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF_INIT;
	strbuf_addstr(&lines, text);
	assert_int_equal(live_rows(&lines, columns), expected);
}

static void rows_after_a_resize(void **state)
{
	(void)state;
	rows("", 80, 0);
	rows("abc\n", 80, 1);
	rows("abc\n\ndef\n", 80, 3);
	rows("0123456789\n", 10, 1);
	rows("0123456789\n", 9, 2);
	rows("0123456789\nabc\n", 4, 4);
}

static char *take_output(int fd)
{
	static char text[4096];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static void frames(void **state)
{
	(void)state;
	int pipe_fds[2];
	assert_int_equal(pipe(pipe_fds), 0);
	struct live l = {.fd = pipe_fds[1], .shown = STRBUF_INIT};
	_cleanup_strbuf_ struct strbuf done = STRBUF_INIT, live = STRBUF_INIT;
	strbuf_addstr(&live, "working\n");
	assert_int_equal(live_frame(&l, &done, &live), 0);
	assert_string_equal(take_output(pipe_fds[0]), "working\n");

	strbuf_addstr(&done, "first\n");
	assert_int_equal(live_frame(&l, &done, &live), 0);
	assert_string_equal(take_output(pipe_fds[0]), "\r\033[1A\033[Jfirst\nworking\n");

	assert_int_equal(live_clear(&l), 0);
	assert_string_equal(take_output(pipe_fds[0]), "\r\033[1A\033[J");
	live_release(&l);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static void colours(void **state)
{
	(void)state;
	int null = 0;
	unsetenv("NO_COLOR");
	unsetenv("FORCE_COLOR");
	setenv("TERM", "dumb", 1);
	assert_false(term_use_colour(COLOUR_AUTO, null));
	assert_true(term_use_colour(COLOUR_ALWAYS, null));
	setenv("FORCE_COLOR", "1", 1);
	assert_true(term_use_colour(COLOUR_AUTO, null));
	setenv("NO_COLOR", "1", 1);
	assert_false(term_use_colour(COLOUR_AUTO, null));
	assert_false(term_use_colour(COLOUR_NEVER, null));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rows_after_a_resize),
					   cmocka_unit_test(frames), cmocka_unit_test(colours)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
