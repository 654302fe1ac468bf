#include "testing.h"

#include "model/sensitive.h"

static char *patterns[] = {"/password", "/users/*/token", "/map/*", "/absent", "malformed", NULL};

static void collecting_and_putting_back(void **state)
{
	(void)state;
	_cleanup_json_ json_t *root = json("{'password':'p','users':[{'token':'t0'},{'name':'x'},{'"
					   "token':null}],'map':{'a/b':{'x':1}},'other':1}");
	_cleanup_json_ json_t *before = json_deep_copy(root);
	_cleanup_json_ json_t *values = sensitive_collect(root, patterns);
	assert_json(values, "{'/password':'p','/users/0/token':'t0','/map/a~1b':{'x':1}}");

	sensitive_mask(root, patterns);
	assert_json(root, "{'password':'(sensitive)','users':[{'token':'(sensitive)'},{'name':'x'},"
			  "{'token':null}],'map':{'a/b':'(sensitive)'},'other':1}");
	sensitive_replace(root, values);
	assert_true(json_equal(root, before));

	_cleanup_json_ json_t *elsewhere = json("{'/nothing':1}");
	sensitive_replace(root, elsewhere);
	assert_true(json_equal(root, before));
	_cleanup_json_ json_t *none = sensitive_collect(root, NULL);
	assert_int_equal(json_object_size(none), 0);
}

static void references_are_no_secrets(void **state)
{
	(void)state;
	_cleanup_json_ json_t *root =
		json("{'password':'$secret/"
		     "db','map':{'a':{'valueFrom':{}},'b':{'valueFrom':{},'hidden':'s'}}}");
	sensitive_mask(root, patterns);
	assert_json(root,
		    "{'password':'$secret/db','map':{'a':{'valueFrom':{}},'b':'(sensitive)'}}");
	assert_false(sensitive_is_clear(json_object_get(root, "password")));
	assert_false(sensitive_is_clear(json_null()));
	_cleanup_json_ json_t *marker = sealed_marker_new("x");
	assert_false(sensitive_is_clear(marker));
	_cleanup_json_ json_t *text = json_string("x");
	assert_true(sensitive_is_clear(text));
}

static json_t *seal(const char *pointer, const json_t *value, void *ctx)
{
	(void)value;
	return ctx && strcmp(pointer, ctx) == 0 ? NULL : sealed_marker_new(pointer);
}

static void sealed_markers(void **state)
{
	(void)state;
	_cleanup_json_ json_t *root = json("{'password':'p','users':[{'token':'t'}]}");
	_cleanup_json_ json_t *clear = sensitive_collect(root, patterns);
	assert_null(sensitive_map(clear, seal, "/users/0/token"));
	_cleanup_json_ json_t *sealed = sensitive_map(clear, seal, NULL);
	sensitive_replace(root, sealed);
	assert_json(root, "{'password':{'$sealed':'/password'},'users':[{'token':{'$sealed':'/"
			  "users/0/token'}}]}");
	_cleanup_json_ json_t *found = sealed_collect(root);
	assert_true(json_equal(found, sealed));
	assert_string_equal(sealed_marker_text(json_object_get(root, "password")), "/password");
	assert_null(sealed_marker_text(root));
	_cleanup_json_ json_t *more = json("{'$sealed':'x','y':1}");
	assert_null(sealed_marker_text(more));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collecting_and_putting_back),
		cmocka_unit_test(references_are_no_secrets),
		cmocka_unit_test(sealed_markers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
