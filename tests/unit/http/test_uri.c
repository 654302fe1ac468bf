/* Splitting and decoding of request targets. */
#include "fixture.h"

#include "http/client.h"
#include "http/uri.h"

static void parse(const char *target, struct uri **ret)
{
	const char *why = NULL;
	if (uri_parse(target, ret, &why) < 0)
		fail_msg("%s: %s", target, why);
}

static void test_segments(void **state)
{
	(void)state;
	struct uri *uri;
	parse("/state/PostgresDatabase%2Fdb/%C3%A9+x/", &uri);
	assert_string_equal(uri->path, "/state/PostgresDatabase%2Fdb/%C3%A9+x/");
	assert_int_equal(uri->count, 4);
	assert_string_equal(uri->segments[0], "state");
	assert_string_equal(uri->segments[1], "PostgresDatabase/db");
	assert_string_equal(uri->segments[2], "\xc3\xa9+x");
	assert_string_equal(uri->segments[3], "");
	uri_free(uri);
}

static void test_absolute_form(void **state)
{
	(void)state;
	struct uri *uri;
	parse("http://host:80/a?b=c", &uri);
	assert_string_equal(uri->path, "/a");
	assert_string_equal(uri_query(uri, "b"), "c");
	uri_free(uri);
}

static void test_queries(void **state)
{
	(void)state;
	struct uri *uri;
	parse("/?a=1&b&c=&=d&&e%3d=x+y%2B&a=2", &uri);
	assert_int_equal(uri->query_count, 6);
	assert_string_equal(uri_query(uri, "a"), "1");
	assert_string_equal(uri_query(uri, "b"), "");
	assert_string_equal(uri_query(uri, "c"), "");
	assert_string_equal(uri_query(uri, ""), "d");
	assert_string_equal(uri_query(uri, "e="), "x y+");
	assert_null(uri_query(uri, "z"));
	uri_free(uri);
	parse("/?", &uri);
	assert_int_equal(uri->query_count, 0);
	uri_free(uri);
}

static void test_as_many_as_allowed(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf target = STRBUF_INIT;
	for (int i = 0; i < URI_MAX_SEGMENTS; i++)
		strbuf_addstr(&target, "/a");
	strbuf_addstr(&target, "?b");
	for (int i = 1; i < URI_MAX_QUERIES; i++)
		strbuf_addstr(&target, "&b");
	struct uri *uri;
	parse(target.data, &uri);
	assert_int_equal(uri->count, URI_MAX_SEGMENTS);
	assert_int_equal(uri->query_count, URI_MAX_QUERIES);
	uri_free(uri);

	const char *why;
	strbuf_addstr(&target, "&b");
	assert_true(uri_parse(target.data, &uri, &why) < 0);
}

static void test_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	    "*",      "a",	"http://h", "/%",
					  "/%4",    "/%zz",   "/a%00b", "/%ff",	    "/?a=%00",
					  "/?%c3=", "/?a=%4", "/%4",	"/%4/1",    "/%\xff"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct uri *uri;
		const char *why = NULL;
		assert_true(uri_parse(bad[i], &uri, &why) < 0);
		assert_non_null(why);
	}
}

static void test_escape_round_trip(void **state)
{
	(void)state;
	const char *text = "a/b c?d&e=f+%\xc3\xa9~._-";
	_cleanup_free_ char *escaped = http_escape(text);
	assert_string_equal(escaped, "a%2Fb%20c%3Fd%26e%3Df%2B%25%C3%A9~._-");
	_cleanup_free_ char *target = xasprintf("/%s?%s=%s", escaped, escaped, escaped);
	struct uri *uri;
	parse(target, &uri);
	assert_int_equal(uri->count, 1);
	assert_string_equal(uri->segments[0], text);
	assert_string_equal(uri_query(uri, text), text);
	uri_free(uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments), cmocka_unit_test(test_absolute_form),
		cmocka_unit_test(test_queries),	 cmocka_unit_test(test_as_many_as_allowed),
		cmocka_unit_test(test_refused),	 cmocka_unit_test(test_escape_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
