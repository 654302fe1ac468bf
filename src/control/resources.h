/*
 * Organizations, environments, connections and cloud resources: apply, look up, version, delete.
 * Sensitive values (a connection's sensitive fields, the spec fields that a kind declares
 * sensitive, sensitive outputs) are sealed before they reach a row and are opened only by
 * resource_open_*().
 */
#pragma once

#include <jansson.h>

#include "control/work.h"

#define DEFAULT_ORGANIZATION "default"

/* Seeds a new database: organization "default", environment "dev". Idempotent. */
int resources_bootstrap(struct work *w, struct error **err);

struct scope {
	const char *org,
		*env; /* slugs; NULL: any (look-ups) or the default organization (writes) */
};

/* NOT_FOUND, with the field, when there is no such organization or environment. */
int scope_check(struct work *w, const struct scope *scope, struct error **err);
/* id, "<Kind>/<slug>" or bare slug. NOT_FOUND (with a suggestion; of one that was deleted it says
 * so), ERROR_AMBIGUOUS (the candidates are its details). */
int resource_resolve(struct work *w, enum resource_type type, const char *ref,
		     const struct scope *scope, struct resource_row *ret, struct error **err);
/* To read what is kept: an id also finds one that is gone, as its last version has it and without a
 * status. */
int resource_resolve_kept(struct work *w, enum resource_type type, const char *ref,
			  const struct scope *scope, struct resource_row *ret, struct error **err);

enum apply_outcome { APPLY_CREATED, APPLY_UPDATED, APPLY_UNCHANGED };
struct apply_options {
	const char *if_match; /* version id without quotes, or NULL */
	const char *message;
	bool create_job; /* a lifecycle event: an update job for a created or updated cloud resource
			  */
};
struct apply_result {
	enum apply_outcome outcome;
	struct resource_row resource;
	struct job_row job; /* job.id NULL: none was created */
	const char *reason; /* why one was created although nothing is new, for people; else NULL */
};
void apply_result_release(struct apply_result *r);
/*
 * Any manifest. Errors: ERROR_UNPROCESSABLE with every finding in details. With metadata.id it is
 * that resource, which may get another name; else it is the one of that slug (of metadata.slug, or
 * made of the name). A sensitive value that is the mask which people are shown stands for the value
 * that is there. What is unchanged gets a job, too, unless its newest change brought this version
 * or still may (docs/decisions/0010).
 */
int resource_apply(struct work *w, const json_t *manifest, const struct apply_options *o,
		   struct apply_result *ret, struct error **err);

/* Validated and normalised as apply would, nothing written. *ret_existing.id NULL when there is
 * none. */
int resource_check(struct work *w, const json_t *manifest, struct resource_row *ret_normalised,
		   struct resource_row *ret_existing, struct error **err);

/* Are the two the same but for what the platform adds? Sealed values are compared opened. */
int resource_same(struct work *w, const struct resource_row *a, const struct resource_row *b,
		  bool *ret, struct error **err);

/* KRM document for people: manifest (sealed values as "(sensitive)"), metadata with id, slug,
 * version; status with audit, outputs (sensitive ones hidden), last job, held. */
json_t *resource_render(struct work *w, const struct resource_row *r);
/* What changed between two manifests of one resource (either may be NULL), as a unified diff of
 * their YAML; a secret that changed is "(sensitive, changed)" in the later. Caller frees. */
int resource_render_diff(struct work *w, const struct resource_row *before,
			 const struct resource_row *after, const char *before_name,
			 const char *after_name, char **ret, struct error **err);

struct delete_options {
	bool abandon;
	const char *reason;
	const char *if_match;
};
int resource_delete_checked(struct work *w, const struct resource_row *r,
			    const struct delete_options *o, struct error **err);

/*
 * The manifest for an engine: references resolved, then each secret value as the marker {"$sealed":
 * n} of an index into *ret_values (an array; the caller sends it sealed, and drops it). A reference
 * that cannot be resolved is ERROR_UNPROCESSABLE naming the field.
 */
int resource_manifest_for_engine(struct work *w, const struct job_row *job, json_t **ret_manifest,
				 json_t **ret_values, struct error **err);
/* {id: what people call it} of the resources whose outputs a job's manifest refers to; those that
 * do not exist are left out. */
int resource_sources(struct work *w, const struct job_row *job, json_t **ret, struct error **err);
/* Environment and files of a connection: {"env":{…},"files":[{"env","name","content"}]}. Caller
 * wipes. */
int connection_open(struct work *w, const struct resource_row *connection, json_t **ret,
		    struct error **err);

/* Outputs as state_outputs() gives them; sensitive values sealed in the row. */
int resource_set_outputs(struct work *w, const char *resource_id, const json_t *outputs,
			 struct error **err);
int resource_outputs(struct work *w, const struct resource_row *r, bool show_sensitive,
		     json_t **ret, struct error **err);

/* Reads, changes and writes one key of the row's status document. value is stolen; NULL removes. */
int resource_status_set(struct work *w, const char *resource_id, const char *key, json_t *value,
			struct error **err);
