#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/strutil.h"
#include "base/tree.h"

static void put(const char *folder, const char *name, const char *content)
{
	_cleanup_free_ char *path = path_join(folder, name, NULL);
	assert_int_equal(write_file_atomic(path, content, strlen(content), 0640), 0);
}

static void put_link(const char *folder, const char *name, const char *target)
{
	_cleanup_free_ char *path = path_join(folder, name, NULL);
	assert_int_equal(symlink(target, path), 0);
}

static char *folder(const char *name)
{
	char *path = path_join(scratch, name, NULL);
	assert_int_equal(mkdir_p(path, 0700), 0);
	return path;
}

static void removal_stays_inside(void **state)
{
	(void)state;
	_cleanup_free_ char *outside = folder("outside");
	_cleanup_free_ char *tree = folder("tree");
	_cleanup_free_ char *locked = folder("tree/locked");
	put(outside, "kept", "x");
	put(tree, "file", "x");
	put(locked, "file", "x");
	put_link(tree, "link", outside);
	put_link(tree, "dangling", "/no/such/place");
	assert_int_equal(chmod(locked, 0500), 0);

	assert_int_equal(rm_rf(tree), 0);
	assert_int_equal(access(tree, F_OK), -1);
	assert_int_equal(rm_rf(tree), 0);

	_cleanup_free_ char *link = path_join(scratch, "to-outside", NULL);
	put_link(scratch, "to-outside", outside);
	assert_int_equal(rm_rf(link), 0);
	_cleanup_free_ char *kept = path_join(outside, "kept", NULL);
	assert_int_equal(access(kept, F_OK), 0);
}

/* A chain of folders too deep for a path, and for one descriptor per level. */
static void make_chain(const char *top, int levels)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (int i = 0; i < levels; i++) {
		assert_int_equal(mkdirat(fd, "d", 0700), 0);
		int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		safe_close(fd);
		fd = next;
	}
	safe_close(fd);
}

static void deep_trees(void **state)
{
	(void)state;
	_cleanup_free_ char *deep = folder("deep");
	_cleanup_free_ char *copy = path_join(scratch, "deep-copy", NULL);
	make_chain(deep, 3000);
	uint64_t size = 0;
	assert_int_equal(dir_size(deep, &size), -ELOOP);
	assert_int_equal(copy_tree(deep, copy, NULL), -ELOOP);
	assert_int_equal(rm_rf(deep), 0);
	assert_int_equal(access(deep, F_OK), -1);
}

static bool links_big_ones(const char *path, const struct stat *st, void *userdata)
{
	(void)userdata;
	return st->st_size > 5 && endswith(path, "big");
}

static bool without_cache(const char *path, const struct stat *st, void *userdata)
{
	(void)st;
	(void)userdata;
	return !streq(path, "sub/cache");
}

static void copying(void **state)
{
	(void)state;
	_cleanup_free_ char *source = folder("source");
	_cleanup_free_ char *sub = folder("source/sub");
	_cleanup_free_ char *cache = folder("source/sub/cache");
	_cleanup_free_ char *copy = path_join(scratch, "copy", NULL);
	put(source, "small", "tiny");
	put(sub, "big", "rather large");
	put(cache, "left-out", "x");
	put_link(sub, "link", "../small");
	assert_int_equal(chmod(sub, 0750), 0);

	struct copy_options options = {.hardlink = links_big_ones, .include = without_cache};
	assert_int_equal(copy_tree(source, copy, &options), 0);
	assert_int_equal(copy_tree(source, copy, &options), 0);

	struct stat st;
	_cleanup_free_ char *small = path_join(copy, "small", NULL);
	_cleanup_free_ char *small_source = path_join(source, "small", NULL);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(read_file(small, 100, &text, NULL), 0);
	assert_string_equal(text, "tiny");
	struct stat st_source;
	assert_int_equal(stat(small, &st), 0);
	assert_int_equal(stat(small_source, &st_source), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_not_equal(st.st_ino, st_source.st_ino);
	assert_int_equal(st.st_mtim.tv_nsec, st_source.st_mtim.tv_nsec);

	_cleanup_free_ char *big = path_join(copy, "sub/big", NULL);
	assert_int_equal(stat(big, &st), 0);
	assert_int_equal(st.st_nlink, 2);
	_cleanup_free_ char *link = path_join(copy, "sub/link", NULL);
	char target[16] = "";
	assert_int_equal(readlink(link, target, sizeof(target) - 1), 8);
	assert_string_equal(target, "../small");
	_cleanup_free_ char *left_out = path_join(copy, "sub/cache", NULL);
	assert_int_equal(access(left_out, F_OK), -1);
	_cleanup_free_ char *copied_sub = path_join(copy, "sub", NULL);
	assert_int_equal(stat(copied_sub, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0750);
}

static void copying_has_limits(void **state)
{
	(void)state;
	_cleanup_free_ char *source = folder("limited");
	_cleanup_free_ char *copy = path_join(scratch, "limited-copy", NULL);
	put(source, "a", "12345");
	put(source, "b", "12345");
	struct copy_options options = {.max_bytes = 9};
	assert_int_equal(copy_tree(source, copy, &options), -EFBIG);
	options.max_bytes = 10;
	assert_int_equal(copy_tree(source, copy, &options), 0);

	_cleanup_free_ char *fifo = path_join(source, "fifo", NULL);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(copy_tree(source, copy, NULL), -EINVAL);
	assert_int_equal(copy_tree("/no/such/tree", copy, NULL), -ENOENT);
}

static void destination_links_are_not_followed(void **state)
{
	(void)state;
	_cleanup_free_ char *source = folder("honest");
	_cleanup_free_ char *victim = folder("victim");
	_cleanup_free_ char *copy = folder("trap");
	put(source, "file", "new");
	put(victim, "file", "old");
	_cleanup_free_ char *victim_file = path_join(victim, "file", NULL);
	put_link(copy, "file", victim_file);
	assert_int_equal(copy_tree(source, copy, NULL), 0);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(read_file(victim_file, 10, &text, NULL), 0);
	assert_string_equal(text, "old");
}

static void sizes(void **state)
{
	(void)state;
	_cleanup_free_ char *top = folder("sized");
	_cleanup_free_ char *sub = folder("sized/sub");
	put(top, "a", "123");
	put(sub, "b", "4567");
	put_link(sub, "c", "/bin/sh");
	uint64_t size = 99;
	assert_int_equal(dir_size(top, &size), 0);
	assert_int_equal(size, 7);
	assert_int_equal(dir_size("/no/such/tree", &size), -ENOENT);
	assert_int_equal(size, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removal_stays_inside),
		cmocka_unit_test(deep_trees),
		cmocka_unit_test(copying),
		cmocka_unit_test(copying_has_limits),
		cmocka_unit_test(destination_links_are_not_followed),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
