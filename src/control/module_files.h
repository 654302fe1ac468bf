/* The files of an IaC module: read, digested, packed. Private to control/. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/alloc.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/strbuf.h"

struct module_file {
	char *path;    /* relative to the module */
	mode_t mode;   /* 0644, 0755, or 0777 of a symbolic link */
	char *content; /* of a link its target */
	size_t size;
};

struct module_files {
	struct module_file *items; /* in byte order of path */
	size_t count;
	uint64_t bytes;
};

void module_files_release(struct module_files *files);
#define _cleanup_module_files_ _cleanup_(module_files_release)

/*
 * Everything below the folder but folders whose name begins with a dot. Refused: symbolic links
 * that lead outside or nowhere, anything else than files, folders and links, and more than
 * MODULE_MAX_BYTES or MODULE_MAX_FILES.
 */
int module_files_read(const char *directory, struct module_files *ret, struct error **err);
/* Of paths, modes and contents. */
void module_files_digest(const struct module_files *files, char ret[DIGEST_HEX_SIZE]);
/* Appends a tar that depends on nothing but the files. */
int module_files_pack(const struct module_files *files, struct strbuf *tar, struct error **err);
