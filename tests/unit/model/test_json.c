#include "testing.h"

#include <errno.h>

static void assert_refused(const char *text, size_t size, size_t limit, enum error_code code,
			   const char *message)
{
	json_t *value = NULL;
	_cleanup_error_ struct error *err = NULL;
	assert_int_equal(json_parse(text, size, limit, &value, &err), -(int)code);
	assert_null(value);
	assert_non_null(strstr(err->message, message));
}

static void limits_and_errors(void **state)
{
	(void)state;
	assert_refused("[1,\n 2,,]", 9, 100, ERROR_INVALID_ARGUMENT, "line 2");
	assert_refused("{\"a\":1,\"a\":2}", 13, 100, ERROR_INVALID_ARGUMENT, "duplicate");
	assert_refused("\"a\\u0000b\"", 10, 100, ERROR_INVALID_ARGUMENT, "line 1");
	assert_refused("\"\xff\"", 3, 100, ERROR_INVALID_ARGUMENT, "line 1");
	assert_refused("1 2", 3, 100, ERROR_INVALID_ARGUMENT, "line 1");
	assert_refused("", 0, 100, ERROR_INVALID_ARGUMENT, "line 1");
	assert_refused("[1,2]", 5, 4, ERROR_TOO_LARGE, "limit of 4 bytes");

	char deep[2 * (JSON_MAX_NESTING + 1)];
	memset(deep, '[', JSON_MAX_NESTING + 1);
	memset(deep + JSON_MAX_NESTING + 1, ']', JSON_MAX_NESTING + 1);
	assert_refused(deep, sizeof(deep), 1000, ERROR_TOO_LARGE, "nested deeper");
	_cleanup_json_ json_t *value = NULL;
	assert_int_equal(json_parse(deep + 1, sizeof(deep) - 2, 1000, &value, NULL), 0);
	assert_int_equal(json_nesting(value), JSON_MAX_NESTING);
	assert_int_equal(json_count_values(value), JSON_MAX_NESTING);
}

static void assert_real(double value, const char *expected)
{
	char text[32];
	json_format_real(value, text);
	assert_string_equal(text, expected);
	assert_true(strtod(text, NULL) == value);
}

static void reals_are_as_short_as_they_can_be(void **state)
{
	(void)state;
	assert_real(0.1, "0.1");
	assert_real(1, "1.0");
	assert_real(-0.0, "-0.0");
	assert_real(1e300, "1.0e+300");
	assert_real(1.0 / 3, "0.3333333333333333");
	assert_real(5e-324, "4.94065645841247e-324");
	assert_real(123456789.125, "123456789.125");
	assert_real(-1.7976931348623157e308, "-1.7976931348623157e+308");
}

static void writing(void **state)
{
	(void)state;
	_cleanup_json_ json_t *value = json(
		"{'b':[1,-2.5,true,null],'a':{'z':'x\\n\\u0001\\u007f\\\\','\\u00e9':[]},'e':{}}");
	_cleanup_free_ char *compact = json_to_text(value, JSON_WRITE_COMPACT);
	assert_string_equal(compact, "{\"b\":[1,-2.5,true,null],\"a\":{\"z\":"
				     "\"x\\n\\u0001\\u007f\\\\\",\"\xc3\xa9\":[]},\"e\":{}}");
	_cleanup_free_ char *canonical = json_to_canonical(value);
	assert_string_equal(canonical, "{\"a\":{\"z\":\"x\\n\\u0001\\u007f\\\\\",\"\xc3\xa9\":[]},"
				       "\"b\":[1,-2.5,true,null],\"e\":{}}");
	_cleanup_json_ json_t *small = json("{'a':[1,{}]}");
	_cleanup_free_ char *indented = json_to_text(small, JSON_WRITE_INDENT);
	assert_string_equal(indented, "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
}

static void members_by_path(void **state)
{
	(void)state;
	_cleanup_json_ json_t *value = json("{'a':{'b':{'s':'x','i':7,'t':true}},'n':null}");
	assert_string_equal(json_get_str(value, "a.b.s"), "x");
	assert_null(json_get_str(value, "a.b.i"));
	assert_null(json_get_str(value, "a.c.s"));
	assert_null(json_get_str(NULL, "a"));
	assert_int_equal(json_get_int(value, "a.b.i", 1), 7);
	assert_int_equal(json_get_int(value, "a.b.s", 1), 1);
	assert_true(json_get_bool(value, "a.b.t", false));
	assert_true(json_get_bool(value, "a.b.x", true));
	json_set_string_or_null(value, "n", NULL);
	json_set_string(value, "m", NULL);
	json_set_string(value, "bad", "a\xff");
	assert_json(value, "{'a':{'b':{'s':'x','i':7,'t':true}},'n':null,'bad':'a\xef\xbf\xbd'}");
}

static void pointers(void **state)
{
	(void)state;
	_cleanup_json_ json_t *value = json("{'a/b':{'m~n':[10,20]},'':1}");
	assert_int_equal(json_integer_value(json_pointer_get(value, "/a~1b/m~0n/1")), 20);
	assert_int_equal(json_integer_value(json_pointer_get(value, "/")), 1);
	assert_ptr_equal(json_pointer_get(value, ""), value);
	assert_null(json_pointer_get(value, "/a~1b/m~0n/01"));
	assert_null(json_pointer_get(value, "/a~1b/m~0n/2"));
	assert_null(json_pointer_get(value, "/a~2b"));
	assert_null(json_pointer_get(value, "a"));

	assert_int_equal(json_pointer_set(value, "/a~1b/m~0n/-", json_integer(30)), 0);
	assert_int_equal(json_pointer_set(value, "/a~1b/m~0n/0", json_integer(11)), 0);
	assert_int_equal(json_pointer_set(value, "/a~1b/m~0n/9", json_integer(11)), -ENOENT);
	assert_int_equal(json_pointer_set(value, "/x/y", json_integer(1)), -ENOENT);
	assert_int_equal(json_pointer_set(value, "//y", json_integer(1)), -EINVAL);
	assert_int_equal(json_pointer_set(value, "", json_integer(1)), -EINVAL);
	assert_int_equal(json_pointer_remove(value, "/"), 0);
	assert_int_equal(json_pointer_remove(value, "/a~1b/m~0n/1"), 0);
	assert_int_equal(json_pointer_remove(value, "/nothing"), -ENOENT);
	assert_json(value, "{'a/b':{'m~n':[11,30]}}");

	_cleanup_free_ char *appended = json_pointer_append("/x", "a/b~c");
	assert_string_equal(appended, "/x/a~1b~0c");
	_cleanup_free_ char *path = json_pointer_to_path("/spec/rules/0/port");
	assert_string_equal(path, "spec.rules[0].port");
	_cleanup_free_ char *label = json_pointer_to_path("/metadata/labels/planton.dev~1x");
	assert_string_equal(label, "metadata.labels[\"planton.dev/x\"]");
	_cleanup_free_ char *root = json_pointer_to_path("");
	assert_string_equal(root, "(document)");
}

static json_t *mask_secrets(const char *pointer, const json_t *value, void *ctx)
{
	(void)value;
	return strcmp(pointer, ctx) == 0 ? json_string("***") : NULL;
}

static void copies_with_changes(void **state)
{
	(void)state;
	_cleanup_json_ json_t *value = json("{'a':[{'s~':{'deep':1}},2]}");
	_cleanup_json_ json_t *copy = json_copy_with(value, mask_secrets, "/a/0/s~0");
	assert_json(copy, "{'a':[{'s~':'***'},2]}");
	assert_json(value, "{'a':[{'s~':{'deep':1}},2]}");
}

static void issues_become_one_error(void **state)
{
	(void)state;
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_error_ struct error *err = NULL;
	assert_int_equal(issues_to_error(&issues, ERROR_UNPROCESSABLE, &err), 0);
	assert_null(err);
	for (int i = 0; i < ISSUES_MAX + 5; i++)
		issues_add(&issues, "/metadata/name", "is %s", "missing");
	assert_int_equal(issues.count, ISSUES_MAX);
	assert_int_equal(issues_to_error(&issues, ERROR_UNPROCESSABLE, &err), -ERROR_UNPROCESSABLE);
	assert_string_equal(err->field, "/metadata/name");
	assert_int_equal(
		strncmp(err->message, "metadata.name is missing; metadata.name is missing", 50), 0);
	assert_non_null(strstr(err->message, "and 5 more"));
	assert_int_equal(err->n_details, ISSUES_MAX);
	_cleanup_json_ json_t *array = issues_to_json(&issues);
	assert_int_equal(json_array_size(array), ISSUES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_and_errors),
		cmocka_unit_test(reals_are_as_short_as_they_can_be),
		cmocka_unit_test(writing),
		cmocka_unit_test(members_by_path),
		cmocka_unit_test(pointers),
		cmocka_unit_test(copies_with_changes),
		cmocka_unit_test(issues_become_one_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
