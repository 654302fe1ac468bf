/*
 * Stack jobs as people see them: create, look at, cancel, resume, rerun.
 */
#pragma once

#include <jansson.h>

#include "control/resources.h"

struct job_request {
	const struct resource_row *resource; /* NULL: it is not saved at all */
	/* As resource_check() normalised it: a manifest that is not saved, to be previewed only. */
	const struct resource_row *unsaved;
	enum job_operation operation;
	const char *message;
	const json_t *targets, *replaces; /* arrays of addresses, or NULL */
	bool purge;
	const char *rerun_of;
};
int job_create(struct work *w, const struct job_request *q, struct job_row *ret,
	       struct error **err);

/* One JSON document, docs/protocol.md "GET /stack-jobs/{id}"; brief leaves out attempts, essentials
 * and preflight (lists). */
int job_render(struct work *w, const struct job_row *j, bool brief, json_t **ret,
	       struct error **err);

/* Accepted also in the last operation, which it changes nothing of. Of several requests the row
 * keeps the newest that gives a reason, else the newest; the stream has them all. */
int job_cancel(struct work *w, const char *id, const char *reason, bool force, struct job_row *ret,
	       struct error **err);
int job_resume(struct work *w, const char *id, const char *comment, const char *plan_digest,
	       struct job_row *ret, struct error **err);
int job_rerun(struct work *w, const char *id, const char *message, bool allow_older_version,
	      struct job_row *ret, struct error **err);
/* {target, providerConfig, iac}; no secret values. */
int job_stack_input(struct work *w, const char *id, json_t **ret, struct error **err);

/* The four essentials for a kind in a scope, as a job would resolve them: {ok, rows:[{essential,
 * ok, rule, detail, missing[]}]}. */
int preflight_report(struct work *w, const char *kind, const struct scope *scope,
		     const char *connection, json_t **ret, struct error **err);
