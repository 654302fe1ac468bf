#include "testing.h"

#include <stdio.h>
#include <unistd.h>

#include "base/strutil.h"
#include "runner/evidence.h"

static void hook(FILE *file, const char *type, int number, const char *action, const char *id)
{
	fprintf(file,
		"{\"@level\":\"info\",\"@message\":\"m\",\"type\":\"%s\",\"hook\":{\"resource\":{"
		"\"addr\":\"a.b[%d]\",\"resource_type\":\"a\",\"resource_name\":\"b\","
		"\"implied_provider\":\"p\"},\"action\":\"%s\"%s%s%s}}\n",
		type, number, action, id ? ",\"id_key\":\"id\",\"id_value\":\"" : "", id ? id : "",
		id ? "\"" : "");
}

static json_t *journal_of(FILE *file)
{
	_cleanup_masker_ struct masker *masker = masker_new();
	masker_finish(masker);
	assert_int_equal(fflush(file), 0);
	json_t *entries = evidence_journal(&tofu_engine, masker, fileno(file));
	fclose(file);
	return entries;
}

static const char *text(const json_t *entries, size_t index, const char *key)
{
	const char *value = json_string_value(json_object_get(json_array_get(entries, index), key));
	return value ? value : "";
}

static void the_newest_of_each_address(void **state)
{
	(void)state;
	FILE *file = tmpfile();
	hook(file, "apply_start", 1, "delete", "old");
	hook(file, "apply_start", 2, "create", NULL);
	hook(file, "apply_complete", 1, "delete", NULL);
	hook(file, "apply_start", 1, "create", NULL);
	fputs("not of the journal\n", file);
	hook(file, "apply_complete", 1, "create", "new");
	hook(file, "apply_start", 3, "update", "third");
	hook(file, "apply_errored", 3, "update", NULL);
	hook(file, "apply_start", 4, "create", NULL);
	hook(file, "apply_complete", 4, "create", "fourth");
	hook(file, "apply_start", 4, "delete", "replaced");
	hook(file, "apply_complete", 4, "delete", NULL);
	json_t *entries = journal_of(file);
	assert_int_equal(json_array_size(entries), 4);
	assert_string_equal(text(entries, 3, "action"), "create");
	assert_string_equal(text(entries, 3, "idValue"), "fourth");
	assert_string_equal(text(entries, 0, "address"), "a.b[2]");
	assert_string_equal(text(entries, 0, "phase"), "started");
	assert_string_equal(text(entries, 1, "address"), "a.b[1]");
	assert_string_equal(text(entries, 1, "action"), "create");
	assert_string_equal(text(entries, 1, "phase"), "done");
	assert_string_equal(text(entries, 1, "idValue"), "new");
	/* What only an earlier entry says is kept. */
	assert_string_equal(text(entries, 2, "phase"), "failed");
	assert_string_equal(text(entries, 2, "idValue"), "third");
	json_decref(entries);
}

static void more_addresses_than_the_limit(void **state)
{
	(void)state;
	enum { COUNT = EVIDENCE_MAX_ADDRESSES + 500 };
	FILE *file = tmpfile();
	for (int i = 0; i < COUNT; i++) {
		hook(file, "apply_start", i, "create", NULL);
		hook(file, "apply_complete", i, "create", "x");
	}
	hook(file, "apply_start", 600, "update", NULL);
	json_t *entries = journal_of(file);
	assert_int_equal(json_array_size(entries), EVIDENCE_MAX_ADDRESSES);
	assert_string_equal(text(entries, 0, "address"), "a.b[500]");
	_cleanup_free_ char *last = xasprintf("a.b[%d]", COUNT - 1);
	assert_string_equal(text(entries, EVIDENCE_MAX_ADDRESSES - 2, "address"), last);
	assert_string_equal(text(entries, EVIDENCE_MAX_ADDRESSES - 2, "phase"), "done");
	assert_string_equal(text(entries, EVIDENCE_MAX_ADDRESSES - 1, "address"), "a.b[600]");
	json_decref(entries);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newest_of_each_address),
		cmocka_unit_test(more_addresses_than_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
