/* Trees by directory descriptors, one level at a time, never through a symbolic link. */
#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fdutil.h"
#include "base/strutil.h"
#include "base/ulid.h"

#define MAX_LEVELS 128

static void closedir_p(DIR **folder)
{
	if (*folder)
		closedir(*folder);
}

#define _cleanup_closedir_ _cleanup_(closedir_p)

/* NULL with errno on failure; ELOOP or ENOTDIR for what is no folder. */
static DIR *open_folder(int dirfd, const char *name)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	DIR *folder = fdopendir(fd);
	if (folder)
		TAKE_FD(fd);
	return folder;
}

/* The same for a folder that is to go, which may have to be made readable. */
static DIR *open_doomed(int dirfd, const char *name)
{
	DIR *folder = open_folder(dirfd, name);
	if (!folder && errno == EACCES && fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		folder = open_folder(dirfd, name);
	return folder;
}

/* The next entry but for "." and ".."; NULL at the end and, with *ret < 0, on failure. */
static struct dirent *next_entry(DIR *folder, int *ret)
{
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(folder);
		if (!entry)
			*ret = -errno;
		if (!entry || (!streq(entry->d_name, ".") && !streq(entry->d_name, "..")))
			return entry;
	}
}

struct removal {
	int top_fd;   /* where too deep folders are moved, to be removed next */
	bool hoisted; /* something was */
	int first_error;
};

static void removal_failed(struct removal *removal, int error)
{
	if (removal->first_error == 0)
		removal->first_error = error;
}

static void remove_children(struct removal *removal, DIR *folder, int level);

static void remove_entry(struct removal *removal, int dirfd, const char *name, int level)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return;
	int unlink_error = -errno;

	if (level > MAX_LEVELS) {
		char unique[ULID_SIZE];
		ulid_new(unique);
		/* Moving a folder writes its "..", which takes permission. */
		if (fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0 &&
		    renameat(dirfd, name, removal->top_fd, unique) == 0)
			removal->hoisted = true;
		else
			removal_failed(removal, -errno);
		return;
	}

	_cleanup_closedir_ DIR *folder = open_doomed(dirfd, name);
	if (!folder) {
		bool no_folder = errno == ENOTDIR || errno == ELOOP;
		removal_failed(removal, no_folder ? unlink_error : -errno);
		return;
	}
	remove_children(removal, folder, level);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		removal_failed(removal, -errno);
}

static void remove_children(struct removal *removal, DIR *folder, int level)
{
	/* Entries of a read-only folder cannot be removed; this one is going anyway. */
	struct stat st;
	if (fstat(dirfd(folder), &st) == 0 && (st.st_mode & 0300) != 0300)
		fchmod(dirfd(folder), 0700);

	int r = 0;
	struct dirent *entry;
	while ((entry = next_entry(folder, &r)))
		remove_entry(removal, dirfd(folder), entry->d_name, level + 1);
	if (r < 0)
		removal_failed(removal, r);
}

int rm_rf_at(int dirfd_, const char *name)
{
	if (unlinkat(dirfd_, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;

	_cleanup_closedir_ DIR *folder = open_doomed(dirfd_, name);
	if (!folder)
		return -errno;

	struct removal removal = {.top_fd = dirfd(folder)};
	do {
		removal.hoisted = false;
		rewinddir(folder);
		remove_children(&removal, folder, 0);
	} while (removal.hoisted && removal.first_error == 0);
	if (removal.first_error < 0)
		return removal.first_error;
	return unlinkat(dirfd_, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int rm_rf(const char *path)
{
	return rm_rf_at(AT_FDCWD, path);
}

struct copy {
	const struct copy_options *options;
	uint64_t bytes;
};

static int count_bytes(struct copy *copy, uint64_t more)
{
	copy->bytes += more;
	return copy->options->max_bytes && copy->bytes > copy->options->max_bytes ? -EFBIG : 0;
}

static int copy_by_reading(struct copy *copy, int source, int destination)
{
	enum { CHUNK = 65536 };
	_cleanup_free_ char *chunk = xmalloc(CHUNK);
	for (;;) {
		ssize_t got = read_full(source, chunk, CHUNK);
		if (got <= 0)
			return (int)got;
		int r = count_bytes(copy, (uint64_t)got);
		if (r == 0)
			r = write_all(destination, chunk, (size_t)got);
		if (r < 0)
			return r;
	}
}

/* The kernel copies, or shares the blocks, where the file systems can. */
static int copy_content(struct copy *copy, int source, int destination)
{
	for (;;) {
		ssize_t got = copy_file_range(source, NULL, destination, NULL, 1 << 20, 0);
		if (got == 0)
			return 0;
		if (got < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EXDEV || errno == EINVAL || errno == ENOSYS ||
			    errno == EOPNOTSUPP || errno == EPERM)
				return copy_by_reading(copy, source, destination);
			return -errno;
		}
		int r = count_bytes(copy, (uint64_t)got);
		if (r < 0)
			return r;
	}
}

static int keep_mode_and_time(int fd, const struct stat *st)
{
	const struct timespec times[2] = {st->st_atim, st->st_mtim};
	if (fchmod(fd, st->st_mode & 0777) < 0 || futimens(fd, times) < 0)
		return -errno;
	return 0;
}

static int copy_file(struct copy *copy, int from, int to, const char *name)
{
	_cleanup_close_ int source =
		openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (source < 0)
		return -errno;
	struct stat st;
	if (fstat(source, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	_cleanup_close_ int destination =
		openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (destination < 0)
		return -errno;
	int r = copy_content(copy, source, destination);
	return r < 0 ? r : keep_mode_and_time(destination, &st);
}

static int copy_symlink(int from, int to, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from, name, target, sizeof(target));
	if (length < 0)
		return -errno;
	if ((size_t)length >= sizeof(target))
		return -ENAMETOOLONG;
	target[length] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_folder(struct copy *copy, int from, int to, const char *name, const char *path,
		       const char *to_name, int level);

static int copy_entry(struct copy *copy, int from, int to, const char *name, const char *path,
		      int level)
{
	const struct copy_options *options = copy->options;
	struct stat st;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (options->include && !options->include(path, &st, options->userdata))
		return 0;
	if (S_ISDIR(st.st_mode))
		return level < MAX_LEVELS ? copy_folder(copy, from, to, name, path, name, level + 1)
					  : -ELOOP;

	if (unlinkat(to, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return copy_symlink(from, to, name);
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (options->hardlink && options->hardlink(path, &st, options->userdata) &&
	    linkat(from, name, to, name, 0) == 0)
		return 0;
	return copy_file(copy, from, to, name);
}

static int copy_folder(struct copy *copy, int from, int to, const char *name, const char *path,
		       const char *to_name, int level)
{
	_cleanup_closedir_ DIR *source = open_folder(from, name);
	if (!source)
		return -errno;
	struct stat st;
	if (fstat(dirfd(source), &st) < 0)
		return -errno;
	if (mkdirat(to, to_name, 0700) < 0 && errno != EEXIST)
		return -errno;
	_cleanup_close_ int destination =
		openat(to, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (destination < 0)
		return -errno;

	int r = 0;
	struct dirent *entry;
	while ((entry = next_entry(source, &r))) {
		_cleanup_free_ char *below =
			*path ? xasprintf("%s/%s", path, entry->d_name) : xstrdup(entry->d_name);
		r = copy_entry(copy, dirfd(source), destination, entry->d_name, below, level);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : keep_mode_and_time(destination, &st);
}

int copy_tree(const char *source, const char *destination, const struct copy_options *options)
{
	static const struct copy_options everything;
	struct copy copy = {.options = options ? options : &everything};
	return copy_folder(&copy, AT_FDCWD, AT_FDCWD, source, "", destination, 0);
}

static int add_sizes(DIR *folder, int level, uint64_t *total)
{
	int r = 0;
	struct dirent *entry;
	while ((entry = next_entry(folder, &r))) {
		struct stat st;
		if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			return -errno;
		}
		if (S_ISREG(st.st_mode))
			*total += (uint64_t)st.st_size;
		if (!S_ISDIR(st.st_mode))
			continue;
		if (level >= MAX_LEVELS)
			return -ELOOP;
		_cleanup_closedir_ DIR *below = open_folder(dirfd(folder), entry->d_name);
		if (!below && errno == ENOENT)
			continue;
		r = below ? add_sizes(below, level + 1, total) : -errno;
		if (r < 0)
			return r;
	}
	return r;
}

int dir_size(const char *path, uint64_t *ret)
{
	_cleanup_closedir_ DIR *folder = open_folder(AT_FDCWD, path);
	if (!folder)
		return -errno;
	uint64_t total = 0;
	int r = add_sizes(folder, 0, &total);
	if (r < 0)
		return r;
	*ret = total;
	return 0;
}
