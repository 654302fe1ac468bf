/* What the files of resources.h share. */
#pragma once

#include <jansson.h>

#include "control/resources.h"
#include "model/manifest.h"

/* Bytes of a manifest as it is kept, sealed, and of a status document. */
#define RESOURCE_STORED_MAX ((size_t)4 << 20)
/* Levels of a manifest as it is kept: it travels inside other documents, which have
 * JSON_MAX_NESTING. */
#define RESOURCE_MAX_NESTING 48
#define RESOURCE_PAGE	     200

/* 1 and *ret, or 0 when there is none. env and kind are those of cloud resources, else NULL. */
int resource_find(struct work *w, enum resource_type type, const char *org, const char *env,
		  const char *kind, const char *slug, struct resource_row *ret, struct error **err);
/*
 * Everything before writing: the manifest checked and completed, with its secrets in the clear;
 * ret_existing->id is NULL when it is a new one's.
 */
int resource_prepare(struct work *w, const json_t *document, struct manifest *ret,
		     struct resource_row *ret_existing, struct error **err);
/* The row that a prepared manifest becomes, its secrets sealed. ERROR_TOO_LARGE. */
int resource_build_row(struct work *w, const struct manifest *m,
		       const struct resource_row *existing, struct resource_row *ret,
		       struct error **err);
/* Its manifest with its secrets in the clear. */
int resource_open(struct work *w, const struct resource_row *row, json_t **ret, struct error **err);

int resource_check_if_match(const struct resource_row *existing, const char *if_match,
			    struct error **err);
/* old NULL: created; new NULL: deleted. */
int resource_append_version(struct work *w, const struct resource_row *old,
			    const struct resource_row *new, const char *message, const char *job_id,
			    struct error **err);

/* Calls fn for each resource that the filter meets, page by page, until it returns other than 0,
 * which is returned. */
int resource_each(struct work *w, const struct resource_filter *filter,
		  int (*fn)(const struct resource_row *row, void *ctx, struct error **err),
		  void *ctx, struct error **err);
