#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"

static void written_is_read(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(scratch, "file", NULL);
	_cleanup_free_ char *text = NULL;
	size_t size;
	assert_int_equal(write_file_atomic(path, "a\0b", 3, 0640), 0);
	assert_int_equal(write_file_atomic(path, "c\0de", 4, 0640), 0);
	assert_int_equal(read_file(path, 4, &text, &size), 0);
	assert_int_equal(size, 4);
	assert_memory_equal(text, "c\0de", 5);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void limits_hold(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(scratch, "limited", NULL);
	char *text = NULL;
	assert_int_equal(write_file_atomic(path, "12345", 5, 0600), 0);
	assert_int_equal(read_file(path, 4, &text, NULL), -EFBIG);
	assert_int_equal(read_file("/dev/zero", 100000, &text, NULL), -EFBIG);
	assert_int_equal(read_file("/no/such/file", 10, &text, NULL), -ENOENT);
	assert_null(text);
}

static void files_without_size_are_read(void **state)
{
	(void)state;
	_cleanup_free_ char *text = NULL;
	size_t size;
	assert_int_equal(read_file("/proc/self/status", 1 << 20, &text, &size), 0);
	assert_true(size > 100);
	assert_memory_equal(text, "Name:", 5);

	_cleanup_strbuf_ struct strbuf buffer = STRBUF_INIT;
	strbuf_addstr(&buffer, "kept");
	_cleanup_close_ int fd = memfd_with_content("x", "12345", 5);
	assert_int_equal(read_fd(fd, 4, &buffer), -EFBIG);
	assert_string_equal(buffer.data, "kept");
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(read_fd(fd, 5, &buffer), 0);
	assert_string_equal(buffer.data, "kept12345");
}

static void failures_leave_nothing(void **state)
{
	(void)state;
	_cleanup_free_ char *folder = path_join(scratch, "folder", NULL);
	_cleanup_free_ char *target = path_join(folder, "is-a-folder", NULL);
	assert_int_equal(mkdir_p(target, 0700), 0);
	assert_true(write_file_atomic(target, "x", 1, 0600) < 0);
	assert_int_equal(rmdir(target), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void exclusive_never_replaces(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(scratch, "once", NULL);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(write_file_exclusive(path, "1", 1, 0600), 0);
	assert_int_equal(write_file_exclusive(path, "2", 1, 0600), -EEXIST);
	assert_int_equal(read_file(path, 10, &text, NULL), 0);
	assert_string_equal(text, "1");
}

static void folders_are_made(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(scratch, "a/b", "c", NULL);
	_cleanup_free_ char *file = path_join(scratch, "plain", NULL);
	_cleanup_free_ char *below = path_join(file, "x", NULL);
	assert_int_equal(mkdir_p(path, 0700), 0);
	assert_int_equal(mkdir_p(path, 0700), 0);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(write_file_atomic(file, "", 0, 0600), 0);
	assert_int_equal(mkdir_p(below, 0700), -ENOTDIR);
	assert_int_equal(mkdir_p("", 0700), -EINVAL);
	assert_int_equal(mkdir_p("/", 0700), 0);
}

static void paths(void **state)
{
	(void)state;
	_cleanup_free_ char *joined = path_join("/a//", "/b", "c", NULL);
	assert_string_equal(joined, "/a/b/c");
	_cleanup_free_ char *root = path_join("/", "b", NULL);
	assert_string_equal(root, "/b");
	assert_true(path_is_safe_relative("a/b.c/..d"));
	assert_false(path_is_safe_relative(""));
	assert_false(path_is_safe_relative("/a"));
	assert_false(path_is_safe_relative("a/../b"));
	assert_false(path_is_safe_relative(".."));
	assert_false(path_is_safe_relative("./a"));
	assert_false(path_is_safe_relative("a//b"));
	assert_false(path_is_safe_relative("a/"));
}

/* What somebody may leave in a folder of theirs for us to trip over. */
static void nothing_leads_out_from_beneath(void **state)
{
	(void)state;
	_cleanup_free_ char *root = path_join(scratch, "beneath", NULL);
	_cleanup_free_ char *folder = path_join(root, "folder", NULL);
	_cleanup_free_ char *file = path_join(folder, "file", NULL);
	_cleanup_free_ char *link = path_join(folder, "link", NULL);
	_cleanup_free_ char *inner = path_join(folder, "inner", NULL);
	_cleanup_free_ char *folder_link = path_join(root, "folder-link", NULL);
	_cleanup_free_ char *fifo = path_join(folder, "fifo", NULL);
	_cleanup_free_ char *root_link = path_join(scratch, "beneath-link", NULL);
	_cleanup_free_ char *text = NULL, *again = NULL;
	char *none = NULL;
	assert_int_equal(mkdir_p(folder, 0700), 0);
	assert_int_equal(write_file_atomic(file, "content", 7, 0600), 0);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(symlink("file", inner), 0);
	assert_int_equal(symlink("folder", folder_link), 0);
	assert_int_equal(symlink(root, root_link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);

	assert_int_equal(read_file_beneath(root, "folder/file", 7, &text, NULL), 0);
	assert_string_equal(text, "content");
	/* The root itself is the caller's word. */
	assert_int_equal(read_file_beneath(root_link, "folder/file", 7, &again, NULL), 0);
	assert_int_equal(read_file_beneath(root, "folder/file", 6, &none, NULL), -EFBIG);
	assert_int_equal(read_file_beneath(root, "folder/link", 1 << 20, &none, NULL), -ELOOP);
	assert_int_equal(read_file_beneath(root, "folder/inner", 1 << 20, &none, NULL), -ELOOP);
	assert_int_equal(read_file_beneath(root, "folder-link/file", 1 << 20, &none, NULL),
			 -ENOTDIR);
	assert_int_equal(read_file_beneath(root, "folder/fifo", 1 << 20, &none, NULL), -EINVAL);
	assert_int_equal(read_file_beneath(root, "folder", 1 << 20, &none, NULL), -EINVAL);
	assert_int_equal(read_file_beneath(root, "../beneath/folder/file", 100, &none, NULL),
			 -EINVAL);
	assert_int_equal(read_file_beneath(root, "/etc/passwd", 1 << 20, &none, NULL), -EINVAL);
	assert_int_equal(read_file_beneath(root, "folder/none", 100, &none, NULL), -ENOENT);
	assert_int_equal(read_file_beneath(root, "none/file", 100, &none, NULL), -ENOENT);
	assert_null(none);

	assert_int_equal(open_beneath(root, "folder/fifo", O_WRONLY | O_CREAT | O_TRUNC), -ENXIO);
	assert_int_equal(open_beneath(root, "folder/link", O_WRONLY | O_CREAT | O_TRUNC), -ELOOP);
	assert_int_equal(open_beneath(root, "folder/file", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
	_cleanup_close_ int fd = open_beneath(root, "folder/new", O_WRONLY | O_CREAT | O_EXCL);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_is_read),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(files_without_size_are_read),
		cmocka_unit_test(failures_leave_nothing),
		cmocka_unit_test(exclusive_never_replaces),
		cmocka_unit_test(folders_are_made),
		cmocka_unit_test(paths),
		cmocka_unit_test(nothing_leads_out_from_beneath),
	};
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
