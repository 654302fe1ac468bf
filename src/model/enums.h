/*
 * The domain's closed vocabularies and their spelling on the wire, in the database and on screen.
 * Every enum has _MAX and _INVALID; x_to_string() never returns NULL for a valid value,
 * x_from_string() returns _INVALID for a word that it does not know.
 */
#pragma once

/* Where a job or an operation is. Why it ended is enum result: the two are never one. */
enum status {
	STATUS_QUEUED,
	STATUS_RUNNING,
	STATUS_AWAITING_APPROVAL,
	STATUS_COMPLETED,
	_STATUS_MAX,
	_STATUS_INVALID = -1,
};

/* Why it ended; RESULT_TBD until then. RESULT_SKIPPED is for operations only. */
enum result {
	RESULT_TBD,
	RESULT_SUCCEEDED,
	RESULT_FAILED,
	RESULT_CANCELLED,
	RESULT_SKIPPED,
	_RESULT_MAX,
	_RESULT_INVALID = -1,
};

/* What a job is asked to do: --operation. */
enum job_operation {
	JOB_REFRESH,
	JOB_PREVIEW,
	JOB_UPDATE,
	JOB_DESTROY,
	_JOB_OPERATION_MAX,
	_JOB_OPERATION_INVALID = -1,
};

/* What an engine does for a job, in the order in which a job may do it. */
enum operation {
	OPERATION_INIT,
	OPERATION_REFRESH,
	OPERATION_PREVIEW,
	OPERATION_APPLY,
	OPERATION_DESTROY,
	_OPERATION_MAX,
	_OPERATION_INVALID = -1,
};

enum event_type {
	EVENT_JOB_STATUS,
	EVENT_OPERATION_STATUS,
	EVENT_LOG,
	EVENT_RESOURCE,
	EVENT_DIAGNOSTIC,
	EVENT_DIFF,
	EVENT_OUTPUTS,
	_EVENT_TYPE_MAX,
	_EVENT_TYPE_INVALID = -1,
};

enum provisioner {
	PROVISIONER_TOFU,
	PROVISIONER_TERRAFORM,
	PROVISIONER_PULUMI,
	_PROVISIONER_MAX,
	_PROVISIONER_INVALID = -1,
};

/* API resource types; the string is the manifest's kind for all but RESOURCE_CLOUD_RESOURCE,
 * whose manifests carry the name of their cloud resource kind. */
enum resource_type {
	RESOURCE_ORGANIZATION,
	RESOURCE_ENVIRONMENT,
	RESOURCE_CONNECTION,
	RESOURCE_CLOUD_RESOURCE,
	_RESOURCE_TYPE_MAX,
	_RESOURCE_TYPE_INVALID = -1,
};

const char *status_to_string(enum status s);
enum status status_from_string(const char *s);
const char *result_to_string(enum result r);
enum result result_from_string(const char *s);
const char *job_operation_to_string(enum job_operation o);
enum job_operation job_operation_from_string(const char *s);
const char *operation_to_string(enum operation o);
enum operation operation_from_string(const char *s);
const char *event_type_to_string(enum event_type t);
enum event_type event_type_from_string(const char *s);
const char *provisioner_to_string(enum provisioner p);
enum provisioner provisioner_from_string(const char *s);
const char *resource_type_to_string(enum resource_type t);
enum resource_type resource_type_from_string(const char *s);
/* The id prefix: "org", "env", "conn", "cr". */
const char *resource_type_prefix(enum resource_type t);
