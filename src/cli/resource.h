/* What a RESOURCE on the command line means, and the tables that show each collection. */
#pragma once

#include <stdbool.h>

#include "cli/output.h"
#include "cli/session.h"

struct collection {
	const char *path;      /* "/cloud-resources" */
	const char *word;      /* "cloud-resources", as in `planton list` */
	const char *singular;  /* "cloud-resource" */
	const char *kind;      /* the manifest's, where it is fixed */
	const char *id_prefix; /* "cr_" */
	bool by_org, by_env;   /* takes ?org= and ?env= */
	const struct column *columns;
	const char *name; /* the path of -o name */
};

extern const struct collection collections[]; /* ends with a NULL path */
extern const char *const collection_words[];

const struct collection *collection_by_word(const char *word); /* plural or singular; NULL */
const struct collection *collection_by_path(const char *path); /* must exist */

struct resource {
	const struct collection *collection;
	char *ref; /* without the kind where that only named the collection */
};

/* An id, Kind/slug or a slug, which is a cloud resource's. */
void resource_parse(const char *text, struct resource *ret);
void resource_release(struct resource *r);
#define _cleanup_resource_ _cleanup_(resource_release)

/* "/cloud-resources/<ref><suffix>?org=…&env=…" for the session's org and env. Caller releases out.
 */
void resource_path(const struct cli *cli, const struct resource *r, const char *suffix,
		   struct strbuf *out);
/* GET of it. */
int resource_fetch(struct cli *cli, const char *text, json_t **ret, struct error **err);
/* Adds org and env to a request's body unless the resource is named by id. */
void resource_scope(const struct cli *cli, const char *text, json_t *body);
