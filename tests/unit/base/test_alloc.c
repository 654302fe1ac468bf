#include "testing.h"

#include <string.h>

#include "base/alloc.h"

static void min_and_max_evaluate_once(void **state)
{
	(void)state;
	int a = 1;
	int b = 5;
	assert_int_equal(MIN(a++, b), 1);
	assert_int_equal(a, 2);
	assert_int_equal(MAX(a, MAX(b, 3)), 5);
}

static void take_leaves_nothing(void **state)
{
	(void)state;
	char *original = xstrdup("x");
	char *pointer = original;
	_cleanup_free_ char *taken = TAKE_PTR(pointer);
	assert_null(pointer);
	assert_ptr_equal(taken, original);
	int fd = 7;
	assert_int_equal(TAKE_FD(fd), 7);
	assert_int_equal(fd, -1);
}

static void copies_are_terminated(void **state)
{
	(void)state;
	_cleanup_free_ char *cut = xstrndup("abcdef", 3);
	assert_string_equal(cut, "abc");
	_cleanup_free_ char *bytes = xmemdup("a\0b", 3);
	assert_memory_equal(bytes, "a\0b", 4);
	assert_null(xstrdup_null(NULL));
	_cleanup_free_ char *text = xasprintf("%s-%d", "a", 5);
	assert_string_equal(text, "a-5");
	replace_string(&text, "new");
	assert_string_equal(text, "new");
	replace_string(&text, text + 1);
	assert_string_equal(text, "ew");
	replace_string(&text, NULL);
	assert_null(text);
}

static void empty_allocations_are_pointers(void **state)
{
	(void)state;
	_cleanup_free_ void *a = xmalloc(0);
	_cleanup_free_ void *b = xcalloc(0, 8);
	_cleanup_free_ void *c = xrealloc(NULL, 0);
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
}

struct outer {
	int first;
	int inner;
};

static void container_is_found(void **state)
{
	(void)state;
	struct outer outer = {1, 2};
	assert_ptr_equal(container_of(&outer.inner, struct outer, inner), &outer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(min_and_max_evaluate_once),
		cmocka_unit_test(take_leaves_nothing),
		cmocka_unit_test(copies_are_terminated),
		cmocka_unit_test(empty_allocations_are_pointers),
		cmocka_unit_test(container_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
