#include "testing.h"

#include "runner/batch.h"

static void lines_join_one_event(void **state)
{
	(void)state;
	struct batch batch;
	batch_init(&batch);
	assert_true(batch_is_empty(&batch));
	batch_add_line(&batch, OPERATION_APPLY, "stdout", "a", 1, false);
	batch_add_line(&batch, OPERATION_APPLY, "stdout", "", 0, false);
	batch_add_line(&batch, OPERATION_APPLY, "stdout", "bc", 2, true);
	batch_add_line(&batch, OPERATION_APPLY, "stderr", "d", 1, false);
	batch_add_event(&batch, EVENT_RESOURCE, OPERATION_APPLY, json("{'address':'x'}"));
	batch_add_line(&batch, OPERATION_APPLY, "stderr", "e", 1, false);
	assert_string_equal(batch.bytes.data, "abcde");
	assert_int_equal(json_array_size(batch.events), 4);
	json_t *lengths = json("[1,0,2]"), *cut = json("[2]");
	assert_true(
		json_equal(json_object_get(json_array_get(batch.events, 0), "lengths"), lengths));
	assert_true(json_equal(json_object_get(json_array_get(batch.events, 0), "cut"), cut));
	assert_null(json_object_get(json_array_get(batch.events, 1), "cut"));
	json_decref(lengths);
	json_decref(cut);
	batch_reset(&batch);
	assert_true(batch_is_empty(&batch));
	assert_int_equal(batch.bytes.size, 0);
	batch_release(&batch);
}

static void limits(void **state)
{
	(void)state;
	struct batch batch;
	batch_init(&batch);
	for (int i = 0; i < BATCH_MAX_LINES; i++) {
		assert_false(batch_is_full(&batch));
		batch_add_line(&batch, OPERATION_INIT, "stdout", "x", 1, false);
	}
	assert_true(batch_is_full(&batch));
	batch_reset(&batch);
	char *big = xmalloc(BATCH_MAX_BYTES);
	memset(big, 'x', BATCH_MAX_BYTES);
	batch_add_line(&batch, OPERATION_INIT, "stdout", big, BATCH_MAX_BYTES, false);
	assert_true(batch_is_full(&batch));
	batch_reset(&batch);
	assert_false(batch_is_full(&batch));
	json_t *payload = json_pack("{s:s%}", "x", big, BATCH_MAX_BYTES);
	batch_add_event(&batch, EVENT_DIFF, OPERATION_PREVIEW, payload);
	assert_true(batch_is_full(&batch));
	free(big);
	batch_release(&batch);
}

static json_t *nested(int levels)
{
	json_t *value = json_true();
	while (levels-- > 0)
		value = json_pack("{s:o}", "x", value);
	return value;
}

/* The server refuses a report that is nested more than 64 levels deep, with all that is in it. */
static void what_is_nested_too_deeply_is_left_out(void **state)
{
	(void)state;
	struct batch batch;
	batch_init(&batch);
	json_t *payload = json_pack("{s:s s:o s:o}", "address", "x", "before", nested(56), "after",
				    nested(57));
	batch_add_event(&batch, EVENT_DIFF, OPERATION_PREVIEW, payload);
	const json_t *sent = json_object_get(json_array_get(batch.events, 0), "payload");
	assert_true(json_is_object(json_object_get(sent, "before")));
	assert_string_equal(json_string_value(json_object_get(sent, "after")),
			    "(nested too deeply to be shown)");
	assert_string_equal(json_string_value(json_object_get(sent, "address")), "x");
	batch_release(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_join_one_event),
		cmocka_unit_test(limits),
		cmocka_unit_test(what_is_nested_too_deeply_is_left_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
