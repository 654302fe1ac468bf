#include "testing.h"

#include <string.h>

#include "base/strbuf.h"

static void an_empty_one_is_a_string(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	assert_string_equal(buffer.data, "");
	strbuf_add(&buffer, NULL, 0);
	strbuf_reset(&buffer);
	strbuf_consume(&buffer, 0);
	_cleanup_free_ char *detached = strbuf_detach(&buffer, NULL);
	assert_string_equal(detached, "");
	assert_ptr_not_equal(detached, strbuf_empty);
}

static void adding(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	strbuf_addstr(&buffer, "ab");
	strbuf_addch(&buffer, '\0');
	strbuf_addf(&buffer, "%d-%s", 42, "x");
	assert_int_equal(buffer.size, 7);
	assert_memory_equal(buffer.data,
			    "ab\0"
			    "42-x",
			    8);
	strbuf_consume(&buffer, 3);
	assert_string_equal(buffer.data, "42-x");
	strbuf_reset(&buffer);
	assert_string_equal(buffer.data, "");
	assert_true(buffer.capacity > 0);
}

static void formatting_across_the_capacity(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	for (int i = 0; i < 1000; i++)
		strbuf_addf(&buffer, "%03d", i);
	assert_int_equal(buffer.size, 3000);
	assert_int_equal(strlen(buffer.data), 3000);
	assert_memory_equal(buffer.data + 2997, "999", 4);
	char large[5000];
	memset(large, 'y', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	strbuf_addf(&buffer, "%s", large);
	assert_int_equal(strlen(buffer.data), 7999);
}

static void growing_keeps_data_in_place(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	strbuf_grow(&buffer, 10000);
	const char *place = buffer.data;
	for (int i = 0; i < 10000; i++)
		strbuf_addch(&buffer, 'x');
	assert_ptr_equal(buffer.data, place);
}

static void detaching_empties(void **state)
{
	(void)state;
	_cleanup_strbuf_secret_ struct strbuf buffer = STRBUF_INIT;
	strbuf_addstr(&buffer, "text");
	size_t size;
	_cleanup_free_ char *text = strbuf_detach(&buffer, &size);
	assert_string_equal(text, "text");
	assert_int_equal(size, 4);
	assert_int_equal(buffer.size, 0);
	strbuf_addstr(&buffer, "again");
	assert_string_equal(buffer.data, "again");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_is_a_string),
		cmocka_unit_test(adding),
		cmocka_unit_test(formatting_across_the_capacity),
		cmocka_unit_test(growing_keeps_data_in_place),
		cmocka_unit_test(detaching_empties),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
