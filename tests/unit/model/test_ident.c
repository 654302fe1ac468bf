#include "testing.h"

#include "model/ident.h"

static void ids(void **state)
{
	(void)state;
	_cleanup_free_ char *id = resource_id_new(RESOURCE_CLOUD_RESOURCE);
	assert_int_equal(strncmp(id, "cr_", 3), 0);
	assert_true(ident_is_valid(id));
	assert_int_equal(ident_resource_type(id), RESOURCE_CLOUD_RESOURCE);

	_cleanup_free_ char *job = xasprintf("sj_%s", id + 3);
	assert_true(ident_is_valid(job));
	assert_int_equal(ident_resource_type(job), _RESOURCE_TYPE_INVALID);

	_cleanup_free_ char *unknown = xasprintf("xx_%s", id + 3);
	assert_false(ident_is_valid(unknown));
	assert_false(ident_is_valid("cr_"));
	assert_false(ident_is_valid(""));
}

static void assert_slug(const char *name, const char *expected)
{
	_cleanup_free_ char *slug = slug_from_name(name);
	if (!expected) {
		assert_null(slug);
		return;
	}
	assert_string_equal(slug, expected);
	assert_true(slug_is_valid(slug));
}

static void slugs_of_names(void **state)
{
	(void)state;
	assert_slug("orders", "orders");
	assert_slug("My  Database (2)", "my-database-2");
	assert_slug("--a__b--", "a-b");
	assert_slug("\xc3\xa9t\xc3\xa9", "t");
	assert_slug("!!!", NULL);
	assert_slug("", NULL);

	char name[100];
	memset(name, 'a', sizeof(name) - 1);
	name[99] = '\0';
	name[62] = ' ';
	_cleanup_free_ char *slug = slug_from_name(name);
	assert_int_equal(strlen(slug), 62);
	assert_true(slug_is_valid(slug));
}

static void valid_slugs(void **state)
{
	(void)state;
	assert_true(slug_is_valid("a"));
	assert_true(slug_is_valid("0-a-1"));
	assert_false(slug_is_valid(""));
	assert_false(slug_is_valid("-a"));
	assert_false(slug_is_valid("a-"));
	assert_false(slug_is_valid("a--b"));
	assert_false(slug_is_valid("A"));
	assert_false(slug_is_valid("a/b"));
	char longest[SLUG_MAX_LENGTH + 2] = {0};
	memset(longest, 'a', SLUG_MAX_LENGTH);
	assert_true(slug_is_valid(longest));
	longest[SLUG_MAX_LENGTH] = 'a';
	assert_false(slug_is_valid(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),
		cmocka_unit_test(slugs_of_names),
		cmocka_unit_test(valid_slugs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
