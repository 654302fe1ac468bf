/* Reading state files: a real one, of OpenTofu, and what is none. */
#include "documents.h"

#include <stdlib.h>

#include "base/fileutil.h"
#include "base/strbuf.h"

static void read_real(char **ret, size_t *ret_size)
{
	assert_int_equal(read_file(REAL_STATE, STATE_MAX_BYTES, ret, ret_size), 0);
}

static void a_real_state(void **state)
{
	(void)state;
	_cleanup_free_ char *bytes = NULL, *lineage = NULL;
	size_t size;
	int64_t serial, resources;
	read_real(&bytes, &size);
	OK(state_parse(bytes, size, &serial, &lineage, &resources, ERR));
	assert_int_equal(serial, 1);
	assert_string_equal(lineage, "0e5de5dc-dc30-9d97-2f26-637749ab12e9");
	assert_int_equal(resources, 11);

	_cleanup_json_ json_t *outputs = NULL;
	OK(state_outputs(bytes, size, &outputs, ERR));
	assert_string_equal(json_get_str(outputs, "plain.value"), "hello");
	assert_string_equal(json_get_str(outputs, "secret.value"), "state-s3cret");
	assert_true(json_get_bool(outputs, "secret.sensitive", false));
	assert_string_equal(json_get_str(outputs, "object.value.b"), "c");
	assert_null(json_get(outputs, "huge_number.value"));
	assert_non_null(strstr(json_get_str(outputs, "huge_number.omitted"), "too large"));
	assert_string_equal(json_get_str(outputs, "huge_number.type"), "number");
}

/* As `tofu state list` printed them. */
static void addresses_are_those_of_the_engine(void **state)
{
	(void)state;
	static const char *const expected[] = {
		"data.terraform_remote_state.none",
		"terraform_data.counted[0]",
		"terraform_data.counted[1]",
		"terraform_data.keyed[\"$${not} %%{template}\"]",
		"terraform_data.keyed[\"a \\\"quoted\\\" key\"]",
		"terraform_data.keyed[\"a<b>&c\"]",
		"terraform_data.keyed[\"new\\nline\"]",
		"terraform_data.keyed[\"plain\"]",
		"terraform_data.keyed[\"schlüssel\"]",
		"terraform_data.one",
		"module.m[\"dot.ted\"].terraform_data.inner[0]",
		"module.m[\"k1\"].terraform_data.inner[0]",
	};
	_cleanup_free_ char *bytes = NULL;
	size_t size;
	_cleanup_json_ json_t *addresses = NULL;
	read_real(&bytes, &size);
	OK(state_addresses(bytes, size, &addresses, ERR));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (!json_object_get(addresses, expected[i]))
			fail_msg("%s is missing", expected[i]);
	assert_int_equal(json_object_size(addresses), ARRAY_SIZE(expected));
}

static void another_serial_and_nothing_else(void **state)
{
	(void)state;
	_cleanup_free_ char *bytes = NULL;
	size_t size;
	read_real(&bytes, &size);
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT, back = STRBUF_INIT;
	OK(state_with_serial(bytes, size, 4711, &out, ERR));
	assert_int_equal(out.size, size + 3);
	assert_non_null(strstr(out.data, "\"serial\": 4711,"));
	assert_non_null(strstr(out.data, "123456789012345678901234567890"));
	OK(state_with_serial(out.data, out.size, 1, &back, ERR));
	assert_int_equal(back.size, size);
	assert_memory_equal(back.data, bytes, size);
}

static int parse(const char *text, char **ret_lineage)
{
	int64_t serial, resources;
	return state_parse(text, strlen(text), &serial, ret_lineage, &resources, ERR);
}

static void garbage(void **state)
{
	(void)state;
	static const struct {
		const char *text, *field, *message;
	} cases[] = {
		{"", NULL, "it is empty"},
		{"   ", NULL, "it is no JSON"},
		{"[1]", NULL, "no JSON object"},
		{"\"a secret text\"", NULL, "no JSON object"},
		{"{\"a\": \"a secret text", NULL, "it is no JSON"},
		{"{\"version\": 4, }", NULL, "it is no JSON"},
		{"{\"version\": 4} x", NULL, "something follows"},
		{"{\"version\": 04}", NULL, "it is no JSON"},
		{"{\"version\": 4, \"a\": tru}", NULL, "it is no JSON"},
		{"{\"version\": 4, \"a\": 1.}", NULL, "it is no JSON"},
		{"{\"version\": 4, \"a\": 1e}", NULL, "it is no JSON"},
		{"{\"version\": 4, \"a\": \"\\x\"}", NULL, "it is no JSON"},
		{"{\"version\": 4, \"a\": \"\n\"}", NULL, "it is no JSON"},
		{"{\"version\": 4, \"a\": [1 2]}", NULL, "it is no JSON"},
		{"{\"version\": 4, \"a\" 1}", NULL, "it is no JSON"},
		{"{}", "/version", "version 4"},
		{"{\"version\": 3}", "/version", "version 4"},
		{"{\"version\": 4, \"lineage\": \"l\"}", "/serial", "no usable serial"},
		{"{\"version\": 4, \"lineage\": \"l\", \"serial\": -1}", "/serial", ""},
		{"{\"version\": 4, \"lineage\": \"l\", \"serial\": 1.0}", "/serial", ""},
		{"{\"version\": 4, \"lineage\": \"l\", \"serial\": \"1\"}", "/serial", ""},
		{"{\"version\": 4, \"lineage\": \"l\", \"serial\": 9223372036854775808}", "/serial",
		 ""},
		{"{\"version\": 4, \"serial\": 1}", "/lineage", "no lineage"},
		{"{\"version\": 4, \"serial\": 1, \"lineage\": \"\"}", "/lineage", ""},
		{"{\"version\": 4, \"serial\": 1, \"lineage\": 5}", "/lineage", ""},
		{"{\"version\": 4, \"serial\": 1, \"lineage\": \"\xff\"}", "/lineage", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *lineage = NULL;
		int r = parse(cases[i].text, &lineage);
		assert_null(lineage);
		assert_null(test_error && strstr(test_error->message, "secret") ? test_error
										: NULL);
		assert_error(r, ERROR_UNPROCESSABLE, cases[i].field, cases[i].message);
	}
}

static void unusual_but_valid(void **state)
{
	(void)state;
	_cleanup_free_ char *lineage = NULL;
	OK(parse(" { \"serial\" "
		 ":0,\"lineage\":\"l\",\"x\":{\"a\":[[],{},[{}],-0.5e+3]},\"version\":4}\n",
		 &lineage));
	assert_string_equal(lineage, "l");
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	for (int levels = 500; levels <= 100000; levels *= 200) {
		_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
		_cleanup_free_ char *lineage = NULL;
		strbuf_addstr(&text, "{\"version\":4,\"serial\":1,\"lineage\":\"l\",\"deep\":");
		for (int i = 0; i < levels; i++)
			strbuf_addch(&text, '[');
		for (int i = 0; i < levels; i++)
			strbuf_addch(&text, ']');
		strbuf_addch(&text, '}');
		int r = parse(text.data, &lineage);
		if (levels == 500)
			OK(r);
		else
			assert_error(r, ERROR_UNPROCESSABLE, NULL, "deeper than 512 levels");
	}
}

static void outputs_have_limits(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	_cleanup_free_ char *large = xcalloc(1, STATE_OUTPUT_MAX_BYTES + 1);
	memset(large, 'x', STATE_OUTPUT_MAX_BYTES - 2);
	strbuf_addstr(&text, "{\"version\":4,\"serial\":1,\"lineage\":\"l\",\"outputs\":{");
	strbuf_addf(&text, "\"over\":{\"value\":\"%s,\",\"sensitive\":true}", large);
	for (int i = 0; i < 6; i++)
		strbuf_addf(&text, ",\"o%d\":{\"value\":\"%s\"}", i, large);
	for (int i = 0; i < 2000; i++)
		strbuf_addf(&text, ",\"s%d\":{\"value\":null}", i);
	strbuf_addstr(&text, "}}");
	_cleanup_json_ json_t *outputs = NULL;
	OK(state_outputs(text.data, text.size, &outputs, ERR));
	assert_int_equal(json_object_size(outputs), STATE_OUTPUTS_MAX);
	assert_non_null(strstr(json_get_str(outputs, "over.omitted"),
			       "has 262145 bytes; the limit is 262144"));
	assert_true(json_get_bool(outputs, "over.sensitive", false));
	assert_non_null(json_get_str(outputs, "o3.value"));
	assert_non_null(json_get_str(outputs, "o4.omitted"));
	assert_true(json_is_null(json_get(outputs, "s0.value")) || json_get(outputs, "s0.omitted"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_real_state),
		cmocka_unit_test(addresses_are_those_of_the_engine),
		cmocka_unit_test(another_serial_and_nothing_else),
		cmocka_unit_test(garbage),
		cmocka_unit_test(unusual_but_valid),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(outputs_have_limits),
	};
	return cmocka_run_group_tests_name("state file", tests, NULL, NULL);
}
