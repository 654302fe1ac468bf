/*
 * The envelope of what users write: apiVersion, kind, metadata, placement (cloud resources), spec.
 * Keys of the envelope are read in camelCase or snake_case and kept in camelCase; labels,
 * annotations and a cloud resource's spec are left as they are (the kind's schema knows its keys:
 * schema_normalise()).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/enums.h"
#include "model/issue.h"

#define MANIFEST_API_VERSION	"planton.dev/v1"  /* of Organization, Environment and Connection */
#define MANIFEST_MAX_SIZE	((size_t)1 << 20) /* bytes of its JSON */

#define MANIFEST_MAX_NAME	63  /* bytes */
#define MANIFEST_MAX_LABELS	64  /* labels, annotations: each */
#define MANIFEST_MAX_LABEL_KEY	253 /* bytes */
#define MANIFEST_MAX_LABEL	256 /* bytes of a label's value */
#define MANIFEST_MAX_ANNOTATION 8192
#define MANIFEST_MAX_TAGS	64
#define MANIFEST_MAX_RELATIONS	64
#define MANIFEST_MAX_MESSAGE	2000

#define LABEL_PROVISIONER	"planton.dev/provisioner"

/* The five booleans; a field that was left out has its default. */
struct flow_control {
	bool is_manual;
	bool disable_on_lifecycle_events;
	bool skip_refresh;
	bool preview_before_update_or_destroy;
	bool pause_between_preview_and_update_or_destroy;
};
extern const struct flow_control flow_control_default;

/* Reads {"isManual": ...}; unknown keys, wrong types and a pause without a preview are issues under
 * pointer. */
void flow_control_parse(const json_t *object, const char *pointer, struct flow_control *ret,
			struct issues *issues);
json_t *flow_control_to_json(const struct flow_control *flow);

struct manifest {
	enum resource_type type;
	char *api_version;
	char *kind; /* "Connection"; of a cloud resource the name of its kind */
	char *name;
	char *slug;			/* from metadata.slug, else from the name; never NULL */
	char *id, *org, *env, *message; /* NULL when absent; message is metadata.version.message */

	char *connection, *runner, *iac_module; /* placement; NULL when absent */
	enum provisioner provisioner;		/* of the label; _PROVISIONER_INVALID when absent */
	bool has_flow_control;
	struct flow_control flow_control;

	json_t *doc; /* owned: {apiVersion, kind, metadata, placement?, spec}, no status */
	json_t *metadata, *placement, *spec; /* in doc; placement may be NULL, the others only when
						the manifest is refused */
};

void manifest_release(struct manifest *manifest);
#define _cleanup_manifest_ _cleanup_(manifest_release)

/*
 * document is not kept. Everything that is wrong goes to issues; then a negative number with
 * ERROR_UNPROCESSABLE, and *ret is what could be read, for further checks alone. A kind that is
 * none of the built-in ones is a cloud resource's: whether that kind exists, and its spec, are for
 * the caller to check. metadata.id, metadata.version.id and status, as printed by `get`, are
 * accepted.
 */
int manifest_parse(const json_t *document, struct manifest *ret, struct issues *issues,
		   struct error **err);

/* Puts another spec (stolen) in the place of the manifest's. */
void manifest_set_spec(struct manifest *manifest, json_t *spec);
/* Sets metadata.org, .env, .id, .slug in struct and document alike; NULL leaves one as it is. */
void manifest_set_identity(struct manifest *manifest, const char *id, const char *slug,
			   const char *org, const char *env);
