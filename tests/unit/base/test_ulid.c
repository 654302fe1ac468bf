#include "testing.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/ulid.h"

enum { PER_THREAD = 5000, THREADS = 4 };

static char made[THREADS][PER_THREAD][ULID_SIZE];

static void *make_many(void *argument)
{
	char(*ulids)[ULID_SIZE] = argument;
	for (int i = 0; i < PER_THREAD; i++)
		ulid_new(ulids[i]);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void many_threads_increase_and_never_collide(void **state)
{
	(void)state;
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_many, made[i]), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < THREADS; i++)
		for (int j = 1; j < PER_THREAD; j++)
			assert_true(strcmp(made[i][j - 1], made[i][j]) < 0);
	char *all = made[0][0];
	size_t count = (size_t)THREADS * PER_THREAD;
	qsort(all, count, ULID_SIZE, compare);
	for (size_t i = 0; i < count; i++) {
		assert_true(ulid_is_valid(all + i * ULID_SIZE));
		if (i > 0)
			assert_string_not_equal(all + (i - 1) * ULID_SIZE, all + i * ULID_SIZE);
	}
}

static void validity(void **state)
{
	(void)state;
	assert_true(ulid_is_valid("01arz3ndektsv4rrffq69g5fav"));
	assert_true(ulid_is_valid("7zzzzzzzzzzzzzzzzzzzzzzzzz"));
	assert_false(ulid_is_valid("8zzzzzzzzzzzzzzzzzzzzzzzzz"));
	assert_false(ulid_is_valid("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
	assert_false(ulid_is_valid("01arz3ndektsv4rrffq69g5fa"));
	assert_false(ulid_is_valid("01arz3ndektsv4rrffq69g5favv"));
	assert_false(ulid_is_valid("01arz3ndektsv4rrffq69g5fau"));
	assert_false(ulid_is_valid(""));
}

static void ids(void **state)
{
	(void)state;
	_cleanup_free_ char *id = id_new("sj");
	assert_int_equal(strlen(id), 3 + ULID_LENGTH);
	assert_true(id_is_valid(id, "sj"));
	assert_false(id_is_valid(id, "s"));
	assert_false(id_is_valid(id, "org"));
	assert_false(id_is_valid(id + 3, "sj"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads_increase_and_never_collide),
		cmocka_unit_test(validity),
		cmocka_unit_test(ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
