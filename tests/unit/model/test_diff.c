#include "testing.h"

#include "model/diff.h"

static void assert_diff(const char *a, const char *b, const char *expected)
{
	_cleanup_free_ char *diff = diff_unified(a, b, "old", "new");
	assert_string_equal(diff, expected);
}

static void small_texts(void **state)
{
	(void)state;
	assert_diff("", "", "");
	assert_diff("a\nb\n", "a\nb\n", "");
	assert_diff("", "a\n", "--- old\n+++ new\n@@ -0,0 +1 @@\n+a\n");
	assert_diff("a\n", "", "--- old\n+++ new\n@@ -1 +0,0 @@\n-a\n");
	assert_diff("a\nb\nc\n", "a\nx\nc\n",
		    "--- old\n+++ new\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n");
	assert_diff("a", "a\n",
		    "--- old\n+++ new\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n");
	assert_diff(
		"a\nb", "c\nb",
		"--- old\n+++ new\n@@ -1,2 +1,2 @@\n-a\n+c\n b\n\\ No newline at end of file\n");
}

static void shortest_script(void **state)
{
	(void)state;
	assert_diff("a\nb\nc\na\nb\nb\na\n", "c\nb\na\nb\na\nc\n",
		    "--- old\n+++ new\n@@ -1,7 +1,6 @@\n-a\n-b\n c\n+b\n a\n b\n-b\n a\n+c\n");
}

static void hunks(void **state)
{
	(void)state;
	const char *a = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n";
	/* Six lines between two edits are one hunk, seven are two. */
	assert_diff(a, "1\n2\nx\n4\n5\n6\n7\n8\n9\ny\n11\n12\n13\n",
		    "--- old\n+++ new\n@@ -1,13 +1,13 @@\n 1\n 2\n-3\n+x\n 4\n 5\n 6\n 7\n 8\n "
		    "9\n-10\n+y\n 11\n 12\n 13\n");
	assert_diff(a, "1\n2\nx\n4\n5\n6\n7\n8\n9\n10\ny\n12\n13\n",
		    "--- old\n+++ new\n@@ -1,6 +1,6 @@\n 1\n 2\n-3\n+x\n 4\n 5\n 6\n@@ -8,6 +8,6 "
		    "@@\n 8\n 9\n 10\n-11\n+y\n 12\n 13\n");
}

/* Applies a unified diff of a; fails the test where a context or removed line is not a's. */
static char *patch(const char *a, const char *diff)
{
	_cleanup_strbuf_ struct strbuf result = STRBUF_INIT;
	const char *at = a;
	size_t line = 1;
	while (*diff) {
		const char *end = strchr(diff, '\n') + 1;
		size_t length = (size_t)(end - diff) - 1;
		if (strncmp(diff, "@@ -", 4) == 0) {
			char *after;
			size_t start = strtoul(diff + 4, &after, 10);
			if (strncmp(after, ",0 ", 3) == 0)
				start++;
			for (; line < start; line++) {
				const char *next = strchr(at, '\n') + 1;
				strbuf_add(&result, at, (size_t)(next - at));
				at = next;
			}
		} else if (strncmp(diff, "--- ", 4) != 0 && strncmp(diff, "+++ ", 4) != 0) {
			if (*diff != '+') {
				assert_int_equal(strncmp(at, diff + 1, length), 0);
				at += length;
				line++;
			}
			if (*diff != '-')
				strbuf_add(&result, diff + 1, length);
		}
		diff = end;
	}
	strbuf_addstr(&result, at);
	return strbuf_detach(&result, NULL);
}

static char *random_text(unsigned *seed, unsigned lines, unsigned alphabet)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	for (unsigned i = 0; i < lines; i++) {
		*seed = *seed * 1103515245 + 12345;
		strbuf_addf(&text, "%u\n", (*seed >> 16) % alphabet);
	}
	return strbuf_detach(&text, NULL);
}

static void diffs_make_b_of_a(void **state)
{
	(void)state;
	unsigned seed = 7;
	for (unsigned i = 0; i < 600; i++) {
		_cleanup_free_ char *a = random_text(&seed, i % 40, 1 + i % 5);
		_cleanup_free_ char *b = random_text(&seed, (i * 7) % 37, 1 + i % 5);
		_cleanup_free_ char *diff = diff_unified(a, b, "a", "b");
		_cleanup_free_ char *patched = patch(a, diff);
		assert_string_equal(patched, b);
	}
}

static void large_differences_are_bounded(void **state)
{
	(void)state;
	unsigned seed = 3;
	_cleanup_free_ char *a = random_text(&seed, 60000, 50000);
	_cleanup_free_ char *b = random_text(&seed, 60000, 50000);
	_cleanup_free_ char *diff = diff_unified(a, b, "a", "b");
	_cleanup_free_ char *patched = patch(a, diff);
	assert_string_equal(patched, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_texts),
		cmocka_unit_test(shortest_script),
		cmocka_unit_test(hunks),
		cmocka_unit_test(diffs_make_b_of_a),
		cmocka_unit_test(large_differences_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
