/* Whole files and paths. Functions return -errno. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "base/strbuf.h"

/*
 * The whole file, with a NUL after it; caller frees. -EFBIG when it is longer
 * than max bytes. Works for files without a size (proc, pipes). ret_size may be NULL.
 */
int read_file(const char *path, size_t max, char **ret, size_t *ret_size);
int read_file_at(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size);
/*
 * For folders that others write in: opens the regular file root/path. Below root
 * nothing is followed that leads elsewhere (-ELOOP or -ENOTDIR for a symbolic
 * link, -EINVAL for a path that is not safe), what is no regular file is -EINVAL
 * or -ENXIO, and nothing blocks. flags as of open(); CLOEXEC, mode 0600. The
 * caller closes what it returns.
 */
int open_beneath(const char *root, const char *path, int flags);
int read_file_beneath(const char *root, const char *path, size_t max, char **ret, size_t *ret_size);
/* Appends to the buffer, which is unchanged on failure. */
int read_fd(int fd, size_t max, struct strbuf *buffer);

/*
 * Afterwards path holds either the old content or all of the new, also after
 * a power cut: temporary file, fsync, rename, fsync of the folder.
 */
int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode);
int write_file_atomic_at(int dirfd, const char *name, const void *data, size_t size, mode_t mode);

/* The same, but never replaces: -EEXIST. */
int write_file_exclusive(const char *path, const void *data, size_t size, mode_t mode);

/* Makes every missing folder of path with this mode; 0 when it is there already. */
int mkdir_p(const char *path, mode_t mode);
/* fsync of a folder, so that a rename in it survives a power cut. */
int fsync_directory(const char *path);

/* Joins with single slashes; ends with NULL. Caller frees. */
char *path_join(const char *first, ...) __attribute__((sentinel));
/* Relative, not empty, no "." or ".." component, no empty component: stays below its root. */
bool path_is_safe_relative(const char *path);
