/* File descriptors. Functions return -errno; EINTR is handled here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/alloc.h"

/* Closes fd unless it is negative; keeps errno; returns -1: `fd = safe_close(fd)`. */
int safe_close(int fd);

static inline void close_p(int *fd)
{
	safe_close(*fd);
}

#define _cleanup_close_ _cleanup_(close_p)

int fd_set_cloexec(int fd, bool on);
int fd_set_nonblock(int fd, bool on);

/* Writes everything, also to a non-blocking descriptor (by waiting for it). */
int write_all(int fd, const void *data, size_t size);
/* Reads until size bytes or the end; returns the bytes read. */
ssize_t read_full(int fd, void *data, size_t size);
ssize_t pread_full(int fd, void *data, size_t size, uint64_t offset);

/* A read-only memfd (sealed against change) at offset 0, CLOEXEC. The caller closes it. */
int memfd_with_content(const char *name, const void *data, size_t size);

/* Locks belong to the open file description: children that inherit fd hold it, too. */
/* -EWOULDBLOCK when another holds it. */
int flock_try_exclusive(int fd);
/*
 * Does anyone hold an exclusive lock on this file? 1 yes, 0 no, -ENOENT when
 * there is no file. For an instant the probe holds a shared lock itself:
 * whoever takes the lock at startup should try more than once.
 */
int flock_probe(int dirfd, const char *path);
