#include "testing.h"

#include "base/strutil.h"

static void comparing(void **state)
{
	(void)state;
	assert_true(streq_null(NULL, NULL));
	assert_false(streq_null("a", NULL));
	assert_true(streq_null("a", "a"));
	assert_true(isempty(NULL));
	assert_true(isempty(""));
	assert_false(isempty("a"));
	assert_string_equal(startswith("prefix-rest", "prefix-"), "rest");
	assert_null(startswith("pre", "prefix"));
	assert_string_equal(endswith("file.json", ".json"), ".json");
	assert_null(endswith("json", ".json"));
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(string_distance("", ""), 0);
	assert_int_equal(string_distance("", "abc"), 3);
	assert_int_equal(string_distance("kitten", "sitting"), 3);
	assert_int_equal(string_distance("apply", "aplpy"), 1);
	assert_int_equal(string_distance("apply", "appy"), 1);
	char large[66];
	memset(large, 'x', 65);
	large[65] = '\0';
	assert_true(string_distance(large, "x") == SIZE_MAX);
	large[64] = '\0';
	assert_int_equal(string_distance(large, "x"), 63);
}

static void suggestions(void **state)
{
	(void)state;
	static const char *const commands[] = {"apply", "destroy", "stack-job", "rm", NULL};
	assert_string_equal(string_suggest("aplpy", commands), "apply");
	assert_string_equal(string_suggest("stak-jobs", commands), "stack-job");
	assert_null(string_suggest("completely-different", commands));
	assert_null(string_suggest("", commands));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing),
		cmocka_unit_test(distances),
		cmocka_unit_test(suggestions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
