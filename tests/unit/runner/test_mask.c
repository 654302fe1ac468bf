#include "testing.h"

#include "runner/mask.h"

static struct masker *masker_of(const char *const *secrets)
{
	struct masker *masker = masker_new();
	for (; *secrets; secrets++)
		masker_add(masker, *secrets);
	masker_finish(masker);
	return masker;
}

#define MASKER(...) masker_of((const char *const[]){__VA_ARGS__, NULL})

/* However the text is cut into pieces, the result is the same. */
static void masks(const struct masker *masker, const char *text, const char *expected)
{
	size_t size = strlen(text);

	for (size_t cut = 0; cut <= size; cut++)
		for (size_t second = cut; second <= size; second++) {
			_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
			struct mask_stream stream;
			mask_stream_init(&stream, masker);
			mask_stream_feed(&stream, text, cut, &out);
			mask_stream_feed(&stream, text + cut, second - cut, &out);
			mask_stream_feed(&stream, text + second, size - second, &out);
			mask_stream_end(&stream, false, &out);
			mask_stream_release(&stream);
			if (strcmp(out.data, expected) != 0)
				fail_msg("\"%s\" cut at %zu and %zu became \"%s\", not \"%s\"",
					 text, cut, second, out.data, expected);
		}
	_cleanup_strbuf_ struct strbuf whole = STRBUF_INIT;
	masker_apply(masker, text, size, &whole);
	assert_string_equal(whole.data, expected);
}

static void exact_values(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = MASKER("hunter2", "sekret");
	masks(masker, "", "");
	masks(masker, "nothing here", "nothing here");
	masks(masker, "hunter2", "(sensitive)");
	masks(masker, "a hunter2 b sekret c", "a (sensitive) b (sensitive) c");
	masks(masker, "hunterhunter2hunter", "hunter(sensitive)hunter");
	masks(masker, "hunter2sekret", "(sensitive)(sensitive)");
	masks(masker, "hunter sekre", "hunter sekre");
}

static void overlapping_values(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = MASKER("abcd", "cdef", "abcdefgh", "aaaa");
	masks(masker, "xabcdefx", "x(sensitive)x");
	masks(masker, "xabcdefghx", "x(sensitive)x");
	masks(masker, "abcdefgx", "(sensitive)gx");
	masks(masker, "aaaaaaa", "(sensitive)");
	masks(masker, "aaa", "aaa");
}

static void one_within_another(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = MASKER("password-of-db", "word", "of-d");
	masks(masker, "my password-of-db!", "my (sensitive)!");
	masks(masker, "my password-of-dx", "my pass(sensitive)-(sensitive)x");
	masks(masker, "sword", "s(sensitive)");
}

static void short_values_are_left(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = MASKER("abc", "");
	masks(masker, "abc", "abc");
}

static void other_forms(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = MASKER("a\"b\\c<d>", "p@ss/word");
	masks(masker, "{\"x\":\"a\\\"b\\\\c<d>\"}", "{\"x\":\"(sensitive)\"}");
	masks(masker, "{\"x\":\"a\\\"b\\\\c\\u003cd\\u003e\"}", "{\"x\":\"(sensitive)\"}");
	masks(masker, "base64 cEBzcy93b3Jk.", "base64 (sensitive).");
	masks(masker, "postgres://u:p%40ss%2Fword@h", "postgres://u:(sensitive)@h");
}

static void lines_of_a_value(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker =
		MASKER("-----BEGIN KEY-----\n  MIIBaaaa\nMIIBbbbb\r\n}\n");
	masks(masker, "x MIIBaaaa y", "x (sensitive) y");
	masks(masker, "MIIBbbbb", "(sensitive)");
	masks(masker, "}", "}");
	masks(masker, "-----BEGIN KEY-----\\n  MIIBaaaa\\nMIIBbbbb\\r\\n}\\n", "(sensitive)");
}

static void bytes_of_any_value(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = MASKER("\xff\xfe\xfd\xfc");
	masks(masker, "a\xff\xfe\xfd\xfcz", "a(sensitive)z");
	masks(masker, "a\xff\xfe\xfdz", "a\xff\xfe\xfdz");
}

static void text_that_was_cut(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = MASKER("0123456789");
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	masker_apply_cut(masker, "line 0123456", 12, &out);
	assert_string_equal(out.data, "line (sensitive)");
	strbuf_reset(&out);
	masker_apply_cut(masker, "line 012", 8, &out);
	assert_string_equal(out.data, "line 012");
}

static void json_values(void **state)
{
	(void)state;
	_cleanup_masker_ struct masker *masker = masker_new();
	json_t *secrets = json("['first-secret',{'k':['second-secret',1,null]}]");
	masker_add_json(masker, secrets);
	json_decref(secrets);
	masker_finish(masker);
	json_t *value = json(
		"{'a':'x first-secret','second-secret':[1,true,'second-secret'],'b':{'c':null}}");
	json_t *masked = masker_apply_json(masker, value);
	json_t *expected =
		json("{'a':'x (sensitive)','(sensitive)':[1,true,'(sensitive)'],'b':{'c':null}}");
	assert_true(json_equal(masked, expected));
	json_decref(value);
	json_decref(masked);
	json_decref(expected);
}

/* Against the obvious way, on texts of few letters, where everything overlaps. */
static void as_the_obvious_way_does(void **state)
{
	(void)state;
	unsigned seed = 1;
	for (int round = 0; round < 2000; round++) {
		char secrets[3][10], text[40];
		const char *list[4] = {secrets[0], secrets[1], secrets[2], NULL};
		for (int i = 0; i < 3; i++) {
			size_t size = 4 + (size_t)(rand_r(&seed) % 5);
			for (size_t j = 0; j < size; j++)
				secrets[i][j] = (char)('a' + rand_r(&seed) % 2);
			secrets[i][size] = '\0';
		}
		for (size_t j = 0; j < sizeof(text) - 1; j++)
			text[j] = (char)('a' + rand_r(&seed) % 2);
		text[sizeof(text) - 1] = '\0';

		bool hidden[sizeof(text)] = {false}, joined[sizeof(text)] = {false};
		for (int i = 0; i < 3; i++)
			for (const char *at = text; (at = strstr(at, secrets[i])); at++)
				for (size_t j = 0; j < strlen(secrets[i]); j++) {
					hidden[at - text + (long)j] = true;
					if (j > 0)
						joined[at - text + (long)j] = true;
				}
		_cleanup_strbuf_ struct strbuf expected = STRBUF_INIT, out = STRBUF_INIT;
		for (size_t j = 0; j < sizeof(text) - 1; j++) {
			if (!hidden[j])
				strbuf_addch(&expected, text[j]);
			else if (!joined[j])
				strbuf_addstr(&expected, MASK_TEXT);
		}
		_cleanup_masker_ struct masker *masker = masker_of(list);
		masker_apply(masker, text, strlen(text), &out);
		if (strcmp(out.data, expected.data) != 0)
			fail_msg("%s without %s, %s, %s: %s, not %s", text, secrets[0], secrets[1],
				 secrets[2], out.data, expected.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_values),	      cmocka_unit_test(overlapping_values),
		cmocka_unit_test(one_within_another), cmocka_unit_test(short_values_are_left),
		cmocka_unit_test(other_forms),	      cmocka_unit_test(lines_of_a_value),
		cmocka_unit_test(bytes_of_any_value), cmocka_unit_test(text_that_was_cut),
		cmocka_unit_test(json_values),	      cmocka_unit_test(as_the_obvious_way_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
