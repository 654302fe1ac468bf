/*
 * One grant of the server's (docs/protocol.md): the lease of one attempt, and all
 * that it needs. Immutable once parsed.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/seal.h"
#include "model/enums.h"

struct grant {
	json_t *json;	 /* as it came: secrets sealed; what is stored */
	json_t *secrets; /* unsealed */

	/* Borrowed from json. */
	const char *job_id;
	enum job_operation job_operation;
	enum operation operations[_OPERATION_MAX];
	size_t n_operations;
	bool pause_before_change, interrupt;
	int64_t epoch;
	enum operation operation;
	int attempt;
	const json_t *previous; /* facts, or NULL */
	const char *module_digest;
	enum provisioner provisioner;
	const char *state_path, *state_username;
	const char *plan_digest;   /* of the plan that was shown, or NULL */
	const char *plan_artifact; /* where a paused job's pack is, or NULL */
	uint64_t timeout_ms, job_deadline_ms;
	char **targets, **replaces;
};

/* Takes no reference away from the caller. */
int grant_parse(json_t *json, const struct key_pair *keys, struct grant **ret, struct error **err);
void grant_free(struct grant *grant);

DEFINE_CLEANUP(struct grant *, grant_free);
#define _cleanup_grant_ _cleanup_(grant_free_p)

bool grant_includes(const struct grant *grant, enum operation operation);
/* The manifest with its sealed values in place; secret. The caller decrefs. */
json_t *grant_manifest(const struct grant *grant);
const char *grant_state_password(const struct grant *grant);
/* 32 bytes; false when the grant has none. */
bool grant_artifact_key(const struct grant *grant, uint8_t ret[32]);
