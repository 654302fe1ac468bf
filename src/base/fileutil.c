/* Reading and replacing whole files; paths. */
#include "base/fileutil.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/ulid.h"

int read_fd(int fd, size_t max, struct strbuf *buffer)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;

	size_t before = buffer->size;
	size_t expected = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 4096;
	size_t limit = max < SIZE_MAX ? max + 1 : max;
	for (;;) {
		size_t done = buffer->size - before;
		size_t chunk =
			MIN(done < expected ? expected - done + 1 : (size_t)65536, limit - done);
		strbuf_grow(buffer, chunk);
		ssize_t got = read_full(fd, buffer->data + buffer->size, chunk);
		if (got < 0) {
			strbuf_set_size(buffer, before);
			return (int)got;
		}
		strbuf_set_size(buffer, buffer->size + (size_t)got);
		if (buffer->size - before > max) {
			strbuf_set_size(buffer, before);
			return -EFBIG;
		}
		if ((size_t)got < chunk)
			return 0;
	}
}

static int read_opened(int fd, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_strbuf_ struct strbuf content = STRBUF_INIT;
	int r = read_fd(fd, max, &content);
	if (r < 0)
		return r;
	*ret = strbuf_detach(&content, ret_size);
	return 0;
}

int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : read_opened(fd, max, ret, ret_size);
}

/* Folder by folder: openat2() would do it at once, but not on every kernel. */
int open_beneath(const char *root, const char *path, int flags)
{
	if (!path_is_safe_relative(path))
		return -EINVAL;
	_cleanup_close_ int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (const char *slash; folder >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		_cleanup_free_ char *name = xstrndup(path, (size_t)(slash - path));
		int below = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		safe_close(folder);
		folder = below;
	}
	if (folder < 0)
		return -errno;

	_cleanup_close_ int fd =
		openat(folder, path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

int read_file_beneath(const char *root, const char *path, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open_beneath(root, path, O_RDONLY);
	return fd < 0 ? fd : read_opened(fd, max, ret, ret_size);
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_size)
{
	return read_file_at(AT_FDCWD, path, max, ret, ret_size);
}

static int fsync_eintr(int fd)
{
	while (fsync(fd) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int fsync_directory(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fsync_eintr(fd);
}

static int write_file(int dirfd, const char *name, const void *data, size_t size, mode_t mode,
		      bool replace)
{
	const char *slash = strrchr(name, '/');
	_cleanup_free_ char *folder =
		slash ? xstrndup(name, slash == name ? 1 : (size_t)(slash - name)) : xstrdup(".");
	const char *base = slash ? slash + 1 : name;
	if (!*base)
		return -EISDIR;

	_cleanup_close_ int folder_fd = openat(dirfd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder_fd < 0)
		return -errno;

	char unique[ULID_SIZE];
	ulid_new(unique);
	_cleanup_free_ char *temporary = xasprintf(".tmp-%s", unique);
	_cleanup_close_ int fd = openat(folder_fd, temporary,
					O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;

	int r = write_all(fd, data, size);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0)
		r = fsync_eintr(fd);
	if (r == 0 && replace && renameat(folder_fd, temporary, folder_fd, base) < 0)
		r = -errno;
	if (r == 0 && !replace && linkat(folder_fd, temporary, folder_fd, base, 0) < 0)
		r = -errno;
	if (r < 0 || !replace)
		unlinkat(folder_fd, temporary, 0);
	return r < 0 ? r : fsync_eintr(folder_fd);
}

int write_file_atomic_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode)
{
	return write_file(dirfd, name, data, size, mode, true);
}

int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode)
{
	return write_file(AT_FDCWD, path, data, size, mode, true);
}

int write_file_exclusive(const char *path, const void *data, size_t size, mode_t mode)
{
	return write_file(AT_FDCWD, path, data, size, mode, false);
}

static int make_folder(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return 0;
	int r = -errno;
	struct stat st;
	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	return r;
}

int mkdir_p(const char *path, mode_t mode)
{
	if (!*path)
		return -EINVAL;
	_cleanup_free_ char *copy = xstrdup(path);
	for (char *slash = copy; (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		int r = make_folder(copy, mode);
		if (r < 0)
			return r;
		*slash = '/';
	}
	return make_folder(copy, mode);
}

char *path_join(const char *first, ...)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	strbuf_addstr(&path, first);
	va_list arguments;
	va_start(arguments, first);
	for (const char *part; (part = va_arg(arguments, const char *));) {
		while (path.size > 0 && path.data[path.size - 1] == '/')
			strbuf_set_size(&path, path.size - 1);
		strbuf_addch(&path, '/');
		strbuf_addstr(&path, part + strspn(part, "/"));
	}
	va_end(arguments);
	return strbuf_detach(&path, NULL);
}

bool path_is_safe_relative(const char *path)
{
	if (strlen(path) >= PATH_MAX)
		return false;
	for (;;) {
		size_t length = strcspn(path, "/");
		if (length == 0 || (length == 1 && path[0] == '.') ||
		    (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
		if (!*path)
			return true;
		path++;
	}
}
