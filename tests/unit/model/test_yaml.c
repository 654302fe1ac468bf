#include "testing.h"

#include "model/yaml.h"

static void assert_yaml(const char *text, const char *expected)
{
	_cleanup_json_ json_t *value = NULL;
	_cleanup_error_ struct error *err = NULL;
	if (yaml_parse_one(text, strlen(text), &value, &err) < 0)
		fail_msg("%s: %s", text, err->message);
	assert_json(value, expected);
}

static void assert_refused_sized(const char *text, size_t size, enum error_code code,
				 const char *message)
{
	struct yaml_text *yaml = NULL;
	_cleanup_error_ struct error *err = NULL;
	assert_int_equal(yaml_parse(text, size, &yaml, &err), -(int)code);
	assert_null(yaml);
	if (!strstr(err->message, message))
		fail_msg("\"%s\" says nothing of \"%s\"", err->message, message);
}

static void assert_refused(const char *text, const char *message)
{
	assert_refused_sized(text, strlen(text), ERROR_INVALID_ARGUMENT, message);
}

static void scalars(void **state)
{
	(void)state;
	assert_yaml("[no, yes, on, off, y, NO]", "['no','yes','on','off','y','NO']");
	assert_yaml("[true, True, FALSE, null, ~, ]", "[true,true,false,null,null]");
	assert_yaml("[1, -1, +1, 0, 0x1F, 0o17, -0]", "[1,-1,1,0,31,15,0]");
	assert_yaml("[0123, 00, -01, 00.5, 0644]", "['0123','00','-01','00.5','0644']");
	assert_yaml("[1.5, .5, 1e3, -1.25E-2, 1., 0.1]", "[1.5,0.5,1000.0,-0.0125,1.0,0.1]");
	assert_yaml("[1_000, 12:30:45, 2026-11-01, 1.2.3, 0x, 0o8, 1e, '.', +, -x]",
		    "['1_000','12:30:45','2026-11-01','1.2.3','0x','0o8','1e','.','+','-x']");
	assert_yaml("['1', \"true\", '', \"null\"]", "['1','true','','null']");
	assert_yaml("[!!str 1, !!float 1, !!int \"7\", ! 5, !!bool 'true']",
		    "['1',1.0,7,'5',true]");
	assert_yaml("a: |\n  x\n  y\nb: >-\n  x\n  y\n", "{'a':'x\\ny\\n','b':'x y'}");
	assert_yaml("9223372036854775807", "9223372036854775807");
	assert_yaml("\xef\xbb\xbf"
		    "a: b",
		    "{'a':'b'}");
	assert_yaml("{1: a, true: b, null: c, 0x1: d}",
		    "{'1':'a','true':'b','null':'c','0x1':'d'}");
}

static void refused_values(void **state)
{
	(void)state;
	assert_refused("a: 9223372036854775808", "quote it");
	assert_refused("a:\n  b: .inf", "line 2, column 6");
	assert_refused("a: .NaN", "quote it");
	assert_refused("a: 1e999", "quote it");
	assert_refused("a: !!int x", "no !!int");
	assert_refused("a: !python/object x", "not supported");
	assert_refused("a: !!binary aGVsbG8=", "not supported");
	assert_refused("a: !!set {x, y}", "not supported");
	assert_refused("a: \"x\\0y\"", "NUL");
	assert_refused("\"x\\0y\": 1", "NUL");
	assert_refused("a: 1\nb: 2\na: 3", "line 3, column 1: duplicate key \"a\"");
	assert_refused("{\"a\": 1, \"a\": 2}", "duplicate key");
	assert_refused("[a]: b", "key must be a plain value");
	assert_refused("? {a: b}\n: c", "key must be a plain value");
	assert_refused("x: &x y\n*x : b", "alias");
	assert_refused("? \n: b", "key is missing");
	assert_refused("base: &b {x: 1}\nd:\n  <<: *b", "line 3, column 3: merge keys");
	assert_refused("a: *nothing", "no anchor");
	assert_refused("a: &a [*a]", "no anchor");
	assert_refused("a:\n\t- b", "line 2");
	assert_refused("a: [1, 2", "line");
	assert_refused("a: b: c", "line 1");
	assert_refused("%YAML 3.0\n---\na", "line 1");
}

static void bytes_that_are_no_text(void **state)
{
	(void)state;
	assert_refused_sized("a: 1\nb\0c", 8, ERROR_INVALID_ARGUMENT, "line 2: NUL");
	assert_refused_sized("a: 1\n\nb: \xc3\x28", 11, ERROR_INVALID_ARGUMENT,
			     "line 3: invalid UTF-8");
	assert_refused_sized("\xff\xfe"
			     "a\0",
			     4, ERROR_INVALID_ARGUMENT, "NUL");
	assert_refused_sized("\xed\xa0\x80", 3, ERROR_INVALID_ARGUMENT, "invalid UTF-8");
	assert_refused_sized("a: \x01", 4, ERROR_INVALID_ARGUMENT, "control characters");
}

static void sizes(void **state)
{
	(void)state;
	size_t size = (size_t)5 << 20;
	_cleanup_free_ char *large = xmalloc(size);
	memset(large, 'a', size);
	assert_refused_sized(large, size, ERROR_TOO_LARGE, "limit is 4194304");

	_cleanup_json_ json_t *value = NULL;
	assert_int_equal(yaml_parse_one(large, YAML_MAX_SIZE, &value, NULL), 0);
	assert_int_equal(json_string_length(value), YAML_MAX_SIZE);

	memset(large, '[', size);
	assert_refused_sized(large, YAML_MAX_SIZE, ERROR_TOO_LARGE,
			     "nested deeper than the limit of 64");

	_cleanup_strbuf_ struct strbuf many = STRBUF_INIT;
	for (int i = 0; i <= YAML_MAX_VALUES; i++)
		strbuf_addstr(&many, "- 1\n");
	assert_refused_sized(many.data, many.size, ERROR_TOO_LARGE, "more than 100000 values");

	strbuf_reset(&many);
	for (int i = 0; i <= YAML_MAX_DOCUMENTS; i++)
		strbuf_addstr(&many, "--- a\n");
	assert_refused_sized(many.data, many.size, ERROR_TOO_LARGE, "more than 1000 documents");
}

static void nesting_limit_is_exact(void **state)
{
	(void)state;
	char deep[2 * (YAML_MAX_NESTING + 1) + 1] = {0};
	memset(deep, '[', YAML_MAX_NESTING + 1);
	memset(deep + YAML_MAX_NESTING + 1, ']', YAML_MAX_NESTING + 1);
	assert_refused_sized(deep, sizeof(deep) - 1, ERROR_TOO_LARGE, "limit of 64 levels");
	_cleanup_json_ json_t *value = NULL;
	assert_int_equal(yaml_parse_one(deep + 1, sizeof(deep) - 3, &value, NULL), 0);
	assert_int_equal(json_nesting(value), YAML_MAX_NESTING);
}

static void aliases(void **state)
{
	(void)state;
	assert_yaml("a: &x {k: [1]}\nb: *x\nc: &s text\nd: *s",
		    "{'a':{'k':[1]},'b':{'k':[1]},'c':'text','d':'text'}");
	assert_yaml("a: &x 1\nb: &x 2\nc: *x", "{'a':1,'b':2,'c':2}");
	assert_refused("--- &x a\n--- *x\n", "no anchor");

	/* Copies are copies. */
	_cleanup_json_ json_t *value = NULL;
	const char *text = "a: &x {k: 1}\nb: *x";
	assert_int_equal(yaml_parse_one(text, strlen(text), &value, NULL), 0);
	json_set_int(json_object_get(value, "a"), "k", 2);
	assert_json(value, "{'a':{'k':2},'b':{'k':1}}");
}

static void billion_laughs(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	strbuf_addstr(&text, "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
	for (int i = 1; i < 10; i++) {
		strbuf_addf(&text, "a%d: &a%d [", i, i);
		for (int j = 0; j < 9; j++)
			strbuf_addf(&text, "%s*a%d", j > 0 ? ", " : "", i - 1);
		strbuf_addstr(&text, "]\n");
	}
	assert_refused_sized(text.data, text.size, ERROR_TOO_LARGE, "more than 100000 values");

	strbuf_reset(&text);
	strbuf_addstr(&text, "a: &a ");
	for (int i = 0; i < 1 << 20; i++)
		strbuf_addch(&text, 'x');
	strbuf_addstr(&text, "\nb: [");
	for (int i = 0; i < 100; i++)
		strbuf_addstr(&text, "*a, ");
	strbuf_addstr(&text, "]\n");
	assert_refused_sized(text.data, text.size, ERROR_TOO_LARGE, "bytes of text");

	strbuf_reset(&text);
	strbuf_addstr(&text, "a0: &a0 [x]\n");
	for (int i = 1; i <= YAML_MAX_NESTING; i++)
		strbuf_addf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	assert_refused_sized(text.data, text.size, ERROR_TOO_LARGE, "aliases nest deeper");
}

static void documents(void **state)
{
	(void)state;
	const char *text = "---\na: 1\n---\n# nothing\n---\nb: 2\n...\n";
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	assert_int_equal(yaml_parse(text, strlen(text), &yaml, NULL), 0);
	assert_int_equal(yaml_count(yaml), 2);
	assert_json(yaml_root(yaml, 1), "{'b':2}");
	assert_int_equal(yaml_position(yaml, 1, "/b", NULL), 6);

	_cleanup_yaml_text_ struct yaml_text *empty = NULL;
	assert_int_equal(yaml_parse("# only this\n", 12, &empty, NULL), 0);
	assert_int_equal(yaml_count(empty), 0);

	json_t *value = NULL;
	_cleanup_error_ struct error *err = NULL;
	assert_int_equal(yaml_parse_one(text, strlen(text), &value, &err), -ERROR_INVALID_ARGUMENT);
	assert_string_equal(err->message, "one document expected, not 2");
}

static void assert_position(const struct yaml_text *yaml, const char *pointer, unsigned line,
			    unsigned column)
{
	unsigned got;
	assert_int_equal(yaml_position(yaml, 0, pointer, &got), line);
	assert_int_equal(got, column);
}

static void positions(void **state)
{
	(void)state;
	const char *text =
		"kind: A\nmetadata:\n  name: x\nspec:\n  max_size: 3\n  list:\n    - a\n    - b: "
		"1\n      c: [5,\n          6]\n  al: &al\n    z: 1\n  other: *al\n";
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	assert_int_equal(yaml_parse(text, strlen(text), &yaml, NULL), 0);
	assert_position(yaml, "", 1, 1);
	assert_position(yaml, "/metadata/name", 3, 3);
	assert_position(yaml, "/metadata/slug", 2, 1);
	assert_position(yaml, "/spec/maxSize", 5, 3);
	assert_position(yaml, "/spec/list/1/c/1", 10, 11);
	assert_position(yaml, "/spec/list/1/b", 8, 7);
	assert_position(yaml, "/spec/list/7", 6, 3);
	assert_position(yaml, "/spec/other/z", 13, 3);
	assert_position(yaml, "no pointer", 1, 1);
}

static void json_text(void **state)
{
	(void)state;
	assert_yaml("{\"a\":\"\\ud83d\\ude00\",\n\t\"b\":[1,2.5,null]}",
		    "{'a':'\xf0\x9f\x98\x80','b':[1,2.5,null]}");
	assert_yaml("{\"a\\/b\": \"x\\ty\"}", "{'a/b':'x\\ty'}");
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	strbuf_addstr(&text, "{\"");
	for (int i = 0; i < 3000; i++)
		strbuf_addch(&text, 'k');
	strbuf_addstr(&text, "\": 1}");
	_cleanup_json_ json_t *value = NULL;
	assert_int_equal(yaml_parse_one(text.data, text.size, &value, NULL), 0);
	assert_int_equal(json_object_size(value), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(refused_values),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(sizes),
		cmocka_unit_test(nesting_limit_is_exact),
		cmocka_unit_test(aliases),
		cmocka_unit_test(billion_laughs),
		cmocka_unit_test(documents),
		cmocka_unit_test(positions),
		cmocka_unit_test(json_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
