#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "base/hashmap.h"

static void behaves_like_an_array(void **state)
{
	(void)state;
	enum { KEYS = 500 };
	_cleanup_hashmap_ struct hashmap *map = hashmap_new(NULL);
	bool present[KEYS] = {false};
	size_t count = 0;
	unsigned int random = 1;
	for (int step = 0; step < 20000; step++) {
		random = random * 1103515245 + 12345;
		size_t i = (random >> 8) % KEYS;
		char key[16];
		snprintf(key, sizeof(key), "key-%zu", i);
		if (random & 0x40000000) {
			assert_int_equal(hashmap_put(map, key, &present[i]), !present[i]);
			count += !present[i];
			present[i] = true;
		} else {
			assert_int_equal(hashmap_remove(map, key), present[i]);
			count -= present[i];
			present[i] = false;
		}
		assert_int_equal(hashmap_count(map), count);
	}
	for (size_t i = 0; i < KEYS; i++) {
		char key[16];
		snprintf(key, sizeof(key), "key-%zu", i);
		assert_ptr_equal(hashmap_get(map, key), present[i] ? &present[i] : NULL);
		assert_int_equal(hashmap_contains(map, key), present[i]);
	}

	const char *key;
	void *value;
	size_t seen = 0;
	for (size_t i = 0; hashmap_next(map, &i, &key, &value);) {
		assert_ptr_equal(hashmap_get(map, key), value);
		seen++;
	}
	assert_int_equal(seen, count);
}

static void values_are_freed_once(void **state)
{
	(void)state;
	_cleanup_hashmap_ struct hashmap *map = hashmap_new(free);
	assert_true(hashmap_put(map, "a", xstrdup("1")));
	assert_false(hashmap_put(map, "a", xstrdup("2")));
	assert_string_equal(hashmap_get(map, "a"), "2");
	assert_false(hashmap_put(map, "a", hashmap_get(map, "a")));
	assert_true(hashmap_put(map, "b", xstrdup("3")));
	_cleanup_free_ char *stolen = hashmap_steal(map, "a");
	assert_string_equal(stolen, "2");
	assert_null(hashmap_steal(map, "a"));
	assert_true(hashmap_remove(map, "b"));
	assert_false(hashmap_remove(map, "b"));
	hashmap_put(map, "left", xstrdup("4"));
}

static void null_values_are_values(void **state)
{
	(void)state;
	_cleanup_hashmap_ struct hashmap *map = hashmap_new(NULL);
	hashmap_put(map, "", NULL);
	assert_true(hashmap_contains(map, ""));
	assert_null(hashmap_get(map, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behaves_like_an_array),
		cmocka_unit_test(values_are_freed_once),
		cmocka_unit_test(null_values_are_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
