#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"

static void close_keeps_errno(void **state)
{
	(void)state;
	errno = EXDEV;
	assert_int_equal(safe_close(-1), -1);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	errno = EXDEV;
	assert_int_equal(safe_close(fd), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void flags(void **state)
{
	(void)state;
	_cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_set_cloexec(fd, false), 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	assert_int_equal(fd_set_cloexec(fd, true), 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fd_set_nonblock(fd, true), 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fd_set_nonblock(-1, true), -EBADF);
}

static void *drain(void *argument)
{
	const int *fd = argument;
	size_t total = 0;
	char chunk[4096];
	ssize_t got;
	while ((got = read_full(*fd, chunk, sizeof(chunk))) > 0)
		total += (size_t)got;
	return (void *)total;
}

static void write_all_waits_for_room(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20 };
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fd_set_nonblock(ends[1], true), 0);
	pthread_t reader;
	assert_int_equal(pthread_create(&reader, NULL, drain, &ends[0]), 0);
	_cleanup_free_ char *data = xcalloc(1, SIZE);
	assert_int_equal(write_all(ends[1], data, SIZE), 0);
	safe_close(ends[1]);
	void *total;
	pthread_join(reader, &total);
	assert_int_equal((size_t)total, SIZE);
	safe_close(ends[0]);
}

static void memfds_are_sealed(void **state)
{
	(void)state;
	char text[10];
	_cleanup_close_ int fd = memfd_with_content("x", "hello", 5);
	assert_true(fd >= 0);
	assert_int_equal(read_full(fd, text, sizeof(text)), 5);
	assert_memory_equal(text, "hello", 5);
	assert_int_equal(pread_full(fd, text, 3, 2), 3);
	assert_memory_equal(text, "llo", 3);
	assert_int_equal(pread_full(fd, text, 3, 5), 0);
	assert_int_equal(write_all(fd, "y", 1), -EPERM);
}

static void locks_are_seen_by_others(void **state)
{
	(void)state;
	_cleanup_free_ char *path = path_join(scratch, "lock", NULL);
	assert_int_equal(flock_probe(AT_FDCWD, path), -ENOENT);
	_cleanup_close_ int first = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	_cleanup_close_ int second = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock_probe(AT_FDCWD, path), 0);
	assert_int_equal(flock_try_exclusive(first), 0);
	assert_int_equal(flock_probe(AT_FDCWD, path), 1);
	assert_int_equal(flock_try_exclusive(second), -EWOULDBLOCK);

	int inherited = fcntl(first, F_DUPFD_CLOEXEC, 0);
	first = safe_close(first);
	assert_int_equal(flock_probe(AT_FDCWD, path), 1);
	safe_close(inherited);
	assert_int_equal(flock_probe(AT_FDCWD, path), 0);
	assert_int_equal(flock_try_exclusive(second), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(close_keeps_errno),	    cmocka_unit_test(flags),
		cmocka_unit_test(write_all_waits_for_room), cmocka_unit_test(memfds_are_sealed),
		cmocka_unit_test(locks_are_seen_by_others),
	};
	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
