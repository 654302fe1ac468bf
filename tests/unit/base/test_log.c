#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/log.h"

static int saved_stderr = -1;
static int captured = -1;

static int capture(void **state)
{
	(void)state;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(ends[1], STDERR_FILENO);
	safe_close(ends[1]);
	captured = ends[0];
	return 0;
}

static int restore(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	saved_stderr = safe_close(saved_stderr);
	captured = safe_close(captured);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static const char *logged(void)
{
	static char text[4096];
	ssize_t got = read(captured, text, sizeof(text) - 1);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

static void lines_are_logfmt(void **state)
{
	(void)state;
	errno = ENOTTY;
	log_info("started %d", 5);
	assert_int_equal(errno, ENOTTY);
	assert_string_equal(logged(), "level=info msg=\"started 5\"\n");
	log_fields(LOG_LEVEL_ERROR, "bad", "a", "x", "b", "with \"q\"\n\x1b", "gone", NULL, "c", "",
		   NULL);
	assert_string_equal(logged(),
			    "level=error msg=bad a=x b=\"with \\\"q\\\"\\n\\x1b\" c=\"\"\n");
}

static void context_lasts_for_its_scope(void **state)
{
	(void)state;
	{
		LOG_CONTEXT("job", "sj_1");
		LOG_CONTEXT("operation", "apply");
		log_warning("x");
		assert_string_equal(logged(), "level=warning msg=x operation=apply job=sj_1\n");
	}
	log_warning("x");
	assert_string_equal(logged(), "level=warning msg=x\n");
}

static void level_filters(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("x");
	assert_string_equal(logged(), "");
	assert_false(log_enabled(LOG_LEVEL_WARNING));
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("y");
	assert_string_equal(logged(), "level=debug msg=y\n");
}

int main(void)
{
	unsetenv("JOURNAL_STREAM");
	unsetenv("PLANTON_LOG");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_are_logfmt, capture, restore),
		cmocka_unit_test_setup_teardown(context_lasts_for_its_scope, capture, restore),
		cmocka_unit_test_setup_teardown(level_filters, capture, restore),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
