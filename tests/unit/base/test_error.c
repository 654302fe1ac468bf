#include "testing.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

static void every_code_has_a_row(void **state)
{
	(void)state;
	for (enum error_code code = 1; code < ERROR_CODE_MAX; code++) {
		const char *name = error_code_string(code);
		assert_non_null(name);
		assert_int_equal(error_code_from_string(name), code);
		assert_in_range(error_code_http_status(code), 400, 599);
		assert_int_not_equal(error_code_exit(code), EXIT_CODE_OK);
	}
	assert_int_equal(error_code_from_string("nonsense"), ERROR_CODE_INVALID);
	assert_string_equal(error_code_string(ERROR_CODE_INVALID), "internal");
	assert_int_equal(error_code_http_status(ERROR_CODE_MAX), 500);
}

static void the_promised_mapping(void **state)
{
	(void)state;
	assert_string_equal(error_code_string(ERROR_NOT_FOUND), "not_found");
	assert_int_equal(error_code_http_status(ERROR_NOT_FOUND), 404);
	assert_int_equal(error_code_exit(ERROR_NOT_FOUND), 6);
	assert_int_equal(error_code_exit(ERROR_UNAUTHENTICATED), 3);
	assert_int_equal(error_code_exit(ERROR_PERMISSION_DENIED), 3);
	assert_int_equal(error_code_exit(ERROR_PRECONDITION_FAILED), 5);
	assert_int_equal(error_code_exit(ERROR_INVALID_ARGUMENT), 2);
	assert_int_equal(error_code_from_http_status(404), ERROR_NOT_FOUND);
	assert_int_equal(error_code_from_http_status(409), ERROR_CONFLICT);
	assert_int_equal(error_code_from_http_status(418), ERROR_INVALID_ARGUMENT);
	assert_int_equal(error_code_from_http_status(599), ERROR_INTERNAL);
}

static void set_replaces_and_wrap_keeps(void **state)
{
	(void)state;
	_cleanup_error_ struct error *err = NULL;
	assert_true(error_set(&err, ERROR_CONFLICT, "first") < 0);
	assert_true(error_set_field(&err, ERROR_UNPROCESSABLE, "spec.size", "is %d", 5) < 0);
	assert_null(err->cause);
	assert_string_equal(err->field, "spec.size");
	error_hint(&err, "try %s", "less");
	assert_int_equal(error_wrap(&err, "cannot save %s", "db"), -(int)ERROR_UNPROCESSABLE);
	assert_int_equal(err->code, ERROR_UNPROCESSABLE);
	assert_string_equal(err->field, "spec.size");
	assert_string_equal(err->hint, "try less");
	_cleanup_free_ char *text = error_describe(err);
	assert_string_equal(text, "cannot save db: is 5");
}

static void errno_is_explained(void **state)
{
	(void)state;
	_cleanup_error_ struct error *err = NULL;
	assert_true(error_set_errno(&err, ERROR_INTERNAL, -ENOENT, "open %s", "/x") < 0);
	assert_int_equal(err->err_no, ENOENT);
	assert_string_equal(err->message, "open /x: No such file or directory");
}

static void nobody_needs_to_listen(void **state)
{
	(void)state;
	assert_true(error_set(NULL, ERROR_CONFLICT, "x") < 0);
	assert_true(error_set_field(NULL, ERROR_CONFLICT, "f", "x") < 0);
	assert_true(error_set_errno(NULL, ERROR_CONFLICT, EIO, "x") < 0);
	assert_true(error_wrap(NULL, "x") < 0);
	error_hint(NULL, "x");
	struct error *from = NULL;
	error_set(&from, ERROR_TIMEOUT, "x");
	assert_int_equal(error_move(NULL, &from), -(int)ERROR_TIMEOUT);
	assert_null(from);
}

static void move_transfers(void **state)
{
	(void)state;
	_cleanup_error_ struct error *to = NULL;
	struct error *from = NULL;
	error_set(&to, ERROR_CONFLICT, "old");
	error_set(&from, ERROR_TIMEOUT, "new");
	assert_int_equal(error_move(&to, &from), -(int)ERROR_TIMEOUT);
	assert_null(from);
	assert_string_equal(to->message, "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_row),
		cmocka_unit_test(the_promised_mapping),
		cmocka_unit_test(set_replaces_and_wrap_keeps),
		cmocka_unit_test(errno_is_explained),
		cmocka_unit_test(nobody_needs_to_listen),
		cmocka_unit_test(move_transfers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
