#include "testing.h"

#include "cli/jsonpath.h"

static const char document[] = "{'a':{'b':[{'c':1},{'c':'two'}],'x.y':true},'items':[{'n':'p'},{'n'"
			       ":'q'}],'none':null,'f':0.1}";

static void gives(const char *template, const char *expected)
{
	_cleanup_json_ json_t *value = json(document);
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	assert_int_equal(jsonpath_write(&out, template, value, NULL), 0);
	assert_string_equal(out.data, expected);
}

static void paths(void **state)
{
	(void)state;
	gives("{.a.b[0].c}", "1");
	gives("{.a.b[-1].c}", "two");
	gives("{.items[*].n}", "p q");
	gives("{$.items[1]}", "{\"n\":\"q\"}");
	gives("{.a['x.y']}", "true");
	gives(".f", "0.1");
	gives("{.none}", "");
	gives("{.missing[3].deep}", "");
	gives("id={.a.b[0].c}{\"\\n\"}{.items[0].n}", "id=1\np");
}

static void mistakes(void **state)
{
	(void)state;
	static const char *const templates[] = {"{.a", "{.a[0}", "{\"open}"};
	for (size_t i = 0; i < ARRAY_SIZE(templates); i++) {
		_cleanup_json_ json_t *value = json(document);
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
		_cleanup_error_ struct error *e = NULL;
		assert_true(jsonpath_write(&out, templates[i], value, &e) < 0);
		assert_int_equal(e->code, ERROR_INVALID_ARGUMENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(paths), cmocka_unit_test(mistakes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
