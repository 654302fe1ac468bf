/*
 * The catalogue on disk: <dir>/<Kind>/kind.yaml with its modules beside it,
 * <dir>/providers/<provider>.yaml. It is read once; afterwards everything here is immutable and may
 * be used by any thread, but for the tars, which are built on first use under a lock. Kinds and
 * providers of later folders replace those of earlier ones with the same name.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/enums.h"
#include "model/kind.h"

#define MODULE_MAX_BYTES ((uint64_t)16 << 20)
#define MODULE_MAX_FILES 2000

struct catalog_module {
	char *digest;	 /* BLAKE2b, hex, over paths, modes and contents */
	char *directory; /* where it was read */
	uint64_t bytes;
	size_t files;
};

struct catalog;

/* Errors name file and line. The caller frees. */
int catalog_load(char *const *directories, size_t count, struct catalog **ret, struct error **err);
void catalog_free(struct catalog *catalog);

DEFINE_CLEANUP(struct catalog *, catalog_free);
#define _cleanup_catalog_ _cleanup_(catalog_free_p)

/* Borrowed. ERROR_NOT_FOUND suggests what was meant; names are case-sensitive. */
int catalog_kind_find(const struct catalog *catalog, const char *name,
		      const struct cloud_resource_kind **ret, struct error **err);
int catalog_provider_find(const struct catalog *catalog, const char *name,
			  const struct provider_type **ret, struct error **err);
/* In order of name, borrowed. */
size_t catalog_kind_list(const struct catalog *catalog,
			 const struct cloud_resource_kind *const **ret);
size_t catalog_provider_list(const struct catalog *catalog,
			     const struct provider_type *const **ret);

/* The module of that kind for that provisioner, borrowed; NULL when the catalogue has none. */
const struct catalog_module *catalog_module_find(const struct catalog *catalog, const char *kind,
						 enum provisioner provisioner);

/*
 * The module's files as an uncompressed tar: sorted, times 0, owners 0, modes 0644 or 0755; the
 * same bytes for the same digest always. Borrowed from the catalogue. ERROR_NOT_FOUND for a digest
 * that it does not have; ERROR_CONFLICT when the folder was changed since it was read.
 */
int catalog_module_tar(struct catalog *catalog, const char *digest, const void **ret_bytes,
		       size_t *ret_size, struct error **err);
