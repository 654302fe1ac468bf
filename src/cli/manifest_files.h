/* Manifests as users keep them: files, folders, stdin; several documents in one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"

struct manifest_file {
	json_t *document; /* owned */
	char *source;	  /* "db.yaml" or "db.yaml (document 2)" */
};

struct manifest_files {
	struct manifest_file *items;
	size_t count;
};

void manifest_files_release(struct manifest_files *files);

/*
 * path: a file, "-" for stdin, or a folder whose *.yaml, *.yml and *.json are read in the order of
 * their names. A document must be an object with kind and metadata.name. org and env (may be NULL)
 * are filled in where a manifest has none.
 */
int manifest_files_load(struct manifest_files *files, const char *path, const char *org,
			const char *env, struct error **err);
/* Organizations, environments, connections, then cloud resources, each after those that it refers
 * to; otherwise the order stays. A circle of references is an error that names its members. */
int manifest_files_order(struct manifest_files *files, struct error **err);
/* Does another of the manifests bring what the server misses at this field (a JSON pointer) of the
 * document: its organization, its environment, the place of the default connection? */
bool manifest_files_settle(const struct manifest_files *files, const json_t *document,
			   const char *field);
/* Puts values in the place of a connection's {valueFromEnv: NAME} and {valueFromFile: PATH}.
 * Relative paths are those of the working folder. */
int manifest_resolve_fields(json_t *document, struct error **err);
/* "Kind/slug"; caller frees. */
char *manifest_label(const json_t *document);
