#include "testing.h"

#include "model/yaml.h"

static void assert_written(const char *value_text, const char *expected)
{
	_cleanup_json_ json_t *value = json(value_text);
	_cleanup_free_ char *text = yaml_to_text(value);
	assert_string_equal(text, expected);
}

static void shapes(void **state)
{
	(void)state;
	assert_written("{'kind':'A','spec':{'list':[1,{'a':1,'b':[]},[2,[3]]],'empty':{}}}",
		       "kind: A\nspec:\n  list:\n    - 1\n    - a: 1\n      b: []\n    -\n      - "
		       "2\n      -\n        - 3\n  empty: {}\n");
	assert_written("[]", "[]\n");
	assert_written("null", "null\n");
	assert_written("'x'", "\"x\"\n");
	assert_written("{'r':1.0e+20,'m':-0.5}", "r: 1.0e+20\nm: -0.5\n");
}

static void quotes_only_where_needed(void **state)
{
	(void)state;
	assert_written("['plain text','/etc/x','a:b','x#y','32Gi','v1.2','caf\xc3\xa9']",
		       "- plain text\n- /etc/x\n- a:b\n- x#y\n- 32Gi\n- v1.2\n- caf\xc3\xa9\n");
	assert_written(
		"['','no','Yes','1','0123','1e3','2026-11-01','12:30','null','~','.5','-x','true']",
		"- ''\n- 'no'\n- 'Yes'\n- '1'\n- '0123'\n- '1e3'\n- '2026-11-01'\n- '12:30'\n- "
		"'null'\n- '~'\n- '.5'\n- '-x'\n- 'true'\n");
	assert_written("['a: b','a #b','a:',' a','a ','* x','${x}','%{y}']",
		       "- 'a: b'\n- 'a #b'\n- 'a:'\n- ' a'\n- 'a '\n- '* x'\n- ${x}\n- '%{y}'\n");
	assert_written("['a\\tb','\\u0007','\\u2028','\\r']",
		       "- \"a\\tb\"\n- \"\\x07\"\n- \"\\u2028\"\n- \"\\x0d\"\n");
	assert_written("{'no':1,'a b':2,'1':3}", "'no': 1\na b: 2\n'1': 3\n");
}

static void blocks(void **state)
{
	(void)state;
	assert_written("{'a':'x\\ny','b':'x\\n','c':'x\\n\\n','d':' x\\ny\\n'}",
		       "a: |-\n  x\n  y\nb: |\n  x\nc: |+\n  x\n\nd: |2\n   x\n  y\n");
	assert_written("[{'k':'a\\nb\\n'}]", "- k: |\n    a\n    b\n");
}

static void round_trip(const json_t *value)
{
	_cleanup_free_ char *text = yaml_to_text(value);
	_cleanup_json_ json_t *again = NULL;
	_cleanup_error_ struct error *err = NULL;
	if (yaml_parse_one(text, strlen(text), &again, &err) < 0)
		fail_msg("%s\n%s", err->message, text);
	_cleanup_free_ char *a = json_to_text(value, JSON_WRITE_COMPACT);
	_cleanup_free_ char *b = json_to_text(again, JSON_WRITE_COMPACT);
	assert_string_equal(a, b);
}

/* Every string of up to four of the characters that matter, as key, value, element and document. */
static void round_trips_of_nasty_strings(void **state)
{
	(void)state;
	static const char *const pieces[] = {"a",  " ", "\n", "\t",	  ":", "#", "-", "'",
					     "\"", "1", "\\", "\xc2\x85", "[", "?", "|", "\r"};
	size_t n = ARRAY_SIZE(pieces);

	for (size_t number = 0; number < n * n * n * n; number++) {
		_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
		for (size_t rest = number; rest > 0; rest /= n)
			strbuf_addstr(&text, pieces[rest % n]);
		_cleanup_json_ json_t *value = json_new_object();
		json_set_string(value, text.data, text.data);
		json_t *list = json_new_array();
		json_append_value(list, json_new_string(text.data));
		json_set_value(value, "list", list);
		round_trip(value);
		if (number % 17 == 0)
			round_trip(json_object_get(value, "list"));
		if (number % 17 == 1 && text.size > 0)
			round_trip(json_array_get(list, 0));
	}
}

static void long_keys(void **state)
{
	(void)state;
	char key[3000];
	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	_cleanup_json_ json_t *value = json("{'in':[{}]}");
	json_set_value(json_array_get(json_object_get(value, "in"), 0), key, json("{'x':[1]}"));
	json_set_value(value, key, json("['a\\nb']"));
	round_trip(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes),    cmocka_unit_test(quotes_only_where_needed),
		cmocka_unit_test(blocks),    cmocka_unit_test(round_trips_of_nasty_strings),
		cmocka_unit_test(long_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
