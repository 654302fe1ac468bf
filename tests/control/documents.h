/* Manifests in one line each, and what is expected of applying them. */
#pragma once

#include "fixture.h"

/* JSON with ' for "; the caller drops it. */
json_t *document(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A Vault in default/dev with this spec. */
json_t *vault(const char *name, const char *spec);
/* An Organization, Environment (of organization default) or Connection. */
json_t *plain(const char *kind, const char *name, const char *spec);

/* Steals manifest; commits, or rolls back when it fails. options may be NULL. */
int try_apply(struct fixture *f, json_t *manifest, const struct apply_options *options,
	      struct apply_result *ret, struct error **err);
/* Expects that outcome; *ret (may be NULL) is the caller's to release. */
void applied(struct fixture *f, json_t *manifest, enum apply_outcome outcome,
	     struct resource_row *ret);
/* Expects that error, of that field (NULL: any), with that in its message. */
void refused(struct fixture *f, json_t *manifest, enum error_code code, const char *field,
	     const char *message);
/* The same of any call that fills test_error. */
void assert_error(int r, enum error_code code, const char *field, const char *message);

int try_delete(struct fixture *f, const char *id, const struct delete_options *options,
	       struct error **err);
struct resource_row stored(struct fixture *f, const char *id);
/* Are these bytes anywhere in the folder of the database? */
bool on_disk(struct fixture *f, const char *secret);

#define _cleanup_resource_ _cleanup_(resource_row_release)
