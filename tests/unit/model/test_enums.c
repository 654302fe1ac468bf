#include "testing.h"

#include "model/enums.h"

#define CHECK_WORDS(type, max)                                             \
	do {                                                               \
		for (int i = 0; i < (max); i++) {                          \
			const char *word = type##_to_string((enum type)i); \
			assert_non_null(word);                             \
			assert_int_equal(type##_from_string(word), i);     \
		}                                                          \
		assert_null(type##_to_string((enum type)(max)));           \
		assert_null(type##_to_string((enum type) - 1));            \
		assert_int_equal(type##_from_string("no such word"), -1);  \
		assert_int_equal(type##_from_string(NULL), -1);            \
	} while (0)

static void every_word_goes_both_ways(void **state)
{
	(void)state;
	CHECK_WORDS(status, _STATUS_MAX);
	CHECK_WORDS(result, _RESULT_MAX);
	CHECK_WORDS(job_operation, _JOB_OPERATION_MAX);
	CHECK_WORDS(operation, _OPERATION_MAX);
	CHECK_WORDS(event_type, _EVENT_TYPE_MAX);
	CHECK_WORDS(provisioner, _PROVISIONER_MAX);
	CHECK_WORDS(resource_type, _RESOURCE_TYPE_MAX);
}

static void words_of_the_wire(void **state)
{
	(void)state;
	assert_string_equal(status_to_string(STATUS_AWAITING_APPROVAL), "awaiting_approval");
	assert_string_equal(event_type_to_string(EVENT_OPERATION_STATUS), "operation_status");
	assert_string_equal(resource_type_to_string(RESOURCE_CLOUD_RESOURCE), "CloudResource");
	assert_string_equal(resource_type_prefix(RESOURCE_CLOUD_RESOURCE), "cr");
	assert_string_equal(resource_type_prefix(RESOURCE_CONNECTION), "conn");
	assert_null(resource_type_prefix(_RESOURCE_TYPE_INVALID));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_goes_both_ways),
		cmocka_unit_test(words_of_the_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
