#include "testing.h"

#include "base/strv.h"

static void growing(void **state)
{
	(void)state;
	_cleanup_strv_ char **vector = NULL;
	assert_int_equal(strv_length(vector), 0);
	assert_false(strv_contains(vector, "a"));
	strv_add(&vector, "a");
	strv_addf(&vector, "%s=%d", "b", 2);
	strv_take(&vector, xstrdup("c"));
	assert_int_equal(strv_length(vector), 3);
	assert_true(strv_contains(vector, "b=2"));
	assert_false(strv_contains(vector, "b"));
	_cleanup_strv_ char **copy = strv_copy(vector);
	assert_ptr_not_equal(copy[0], vector[0]);
	assert_string_equal(copy[2], "c");
	assert_null(copy[3]);
}

static void splitting_and_joining(void **state)
{
	(void)state;
	_cleanup_strv_ char **parts = strv_split("a,,b,", ',');
	assert_int_equal(strv_length(parts), 4);
	assert_string_equal(parts[1], "");
	assert_string_equal(parts[2], "b");
	assert_string_equal(parts[3], "");
	_cleanup_free_ char *joined = strv_join(parts, ", ");
	assert_string_equal(joined, "a, , b, ");
	_cleanup_strv_ char **nothing = strv_split("", ',');
	assert_int_equal(strv_length(nothing), 0);
	_cleanup_free_ char *empty = strv_join(NULL, ",");
	assert_string_equal(empty, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growing),
		cmocka_unit_test(splitting_and_joining),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
