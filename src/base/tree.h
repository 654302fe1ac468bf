/*
 * Directory trees. Nothing here follows a symbolic link inside the tree, so a
 * hostile tree cannot lead out of itself. Functions return -errno; those that
 * copy or measure answer -ELOOP past 128 levels, removal has no such limit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Removes a file or a whole tree. 0 when there is none. Goes on after a failure; returns the first.
 */
int rm_rf(const char *path);
int rm_rf_at(int dirfd, const char *name);

struct copy_options {
	/*
	 * True: hard-link this regular file instead of copying it (falls back to
	 * a copy when the file system refuses). path is relative to the tree.
	 * NULL copies everything.
	 */
	bool (*hardlink)(const char *path, const struct stat *st, void *userdata);
	/* False: leave this entry (and all below it) out. NULL takes everything. */
	bool (*include)(const char *path, const struct stat *st, void *userdata);
	void *userdata;
	uint64_t max_bytes; /* of copied content, 0 for no limit; -EFBIG past it */
};

/*
 * Copies folder source to folder destination, which is made if it is missing.
 * Keeps modes, symbolic links and modification times; -EINVAL for devices, sockets
 * and pipes. Files that exist are replaced. options may be NULL. A failure
 * leaves a partial copy.
 */
int copy_tree(const char *source, const char *destination, const struct copy_options *options);

/* Bytes of all regular files; one with several names counts once per name. */
int dir_size(const char *path, uint64_t *ret);
