#include "testing.h"

#include <string.h>

#include "base/arena.h"

static void memory_is_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	_cleanup_arena_ struct arena *arena = arena_new();
	unsigned char *blocks[2000];
	for (size_t i = 0; i < 2000; i++) {
		size_t size = i % 97 + 1;
		blocks[i] = arena_alloc(arena, size);
		assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < size; j++)
			assert_int_equal(blocks[i][j], 0);
		memset(blocks[i], (int)(i & 255), size);
	}
	for (size_t i = 0; i < 2000; i++)
		assert_int_equal(blocks[i][i % 97], i & 255);
	assert_true(arena_used(arena) >= 2000);
}

static void large_blocks_fit(void **state)
{
	(void)state;
	_cleanup_arena_ struct arena *arena = arena_new();
	char *large = arena_allocarray(arena, 1000, 1000);
	memset(large, 'x', 1000000);
	assert_string_equal(arena_strdup(arena, "after"), "after");
	assert_int_equal(large[999999], 'x');
}

static void strings_are_copied(void **state)
{
	(void)state;
	_cleanup_arena_ struct arena *arena = arena_new();
	assert_string_equal(arena_strndup(arena, "abcdef", 2), "ab");
	assert_string_equal(arena_printf(arena, "%d %s", 7, "x"), "7 x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
		cmocka_unit_test(large_blocks_fit),
		cmocka_unit_test(strings_are_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
