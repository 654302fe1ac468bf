/* The four essentials of one job or of a question about one, from the catalogue and the stored
 * connections. Private to control/. */
#pragma once

#include <jansson.h>

#include "control/jobs.h"
#include "lifecycle/essentials.h"

struct preflight_subject {
	const char *kind, *org, *env;
	const char *connection, *iac_module; /* as placement names them, or NULL */
	enum provisioner provisioner;	     /* of the label, or _PROVISIONER_INVALID */
	const json_t *flow_control;	     /* inline, or NULL */
	const json_t *pinned;		     /* of the resource's status, or NULL */
	const char *state_id;
};

struct preflight {
	struct essentials_report report;
	json_t *essentials; /* {iacModule, providerCredentials, stateBackend, flowControlPolicy};
			       NULL when there are gaps */
};
void preflight_release(struct preflight *p);
#define _cleanup_preflight_ _cleanup_(preflight_release)

int preflight_resolve(struct work *w, const struct preflight_subject *subject,
		      struct preflight *ret, struct error **err);
/* For a job, from its snapshot. */
int preflight_of_job(struct work *w, const struct job_row *job, struct preflight *ret,
		     struct error **err);
