/*
 * Landlock by system call: the engine may write below some paths, read and run
 * below others, and reach nothing else; on newer kernels it can also signal only
 * what it started itself. One that is root loses what would lead around that.
 */
#pragma once

#include "base/error.h"

/* The kernel's version of Landlock; 0 when there is none. */
int sandbox_abi(void);

/*
 * Makes a ruleset for sandbox_enter(); the caller closes *ret_fd (-1: this
 * kernel has no Landlock, or there are no paths at all). Paths that do not exist
 * are left out.
 */
int sandbox_prepare(char *const *read_paths, char *const *write_paths, int *ret_fd,
		    struct error **err);

/* Async-signal-safe, for the child between vfork and exec. Returns -errno. -1 only sets
 * no_new_privs and drops capabilities. */
int sandbox_enter(int ruleset_fd);
