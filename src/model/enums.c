/* One table of words for each enum. */
#include "model/enums.h"

#include <stddef.h>
#include <string.h>

#define DEFINE_WORDS(type, max, ...)                                                \
	static const char *const type##_words[max] = {__VA_ARGS__};                 \
                                                                                    \
	const char *type##_to_string(enum type value)                               \
	{                                                                           \
		return (int)value >= 0 && value < max ? type##_words[value] : NULL; \
	}                                                                           \
                                                                                    \
	enum type type##_from_string(const char *word)                              \
	{                                                                           \
		for (int i = 0; word && i < max; i++)                               \
			if (strcmp(type##_words[i], word) == 0)                     \
				return (enum type)i;                                \
		return (enum type) - 1;                                             \
	}                                                                           \
	struct type##_semicolon

DEFINE_WORDS(status, _STATUS_MAX, [STATUS_QUEUED] = "queued", [STATUS_RUNNING] = "running",
	     [STATUS_AWAITING_APPROVAL] = "awaiting_approval", [STATUS_COMPLETED] = "completed");

DEFINE_WORDS(
	result, _RESULT_MAX, [RESULT_TBD] = "tbd", [RESULT_SUCCEEDED] = "succeeded",
	[RESULT_FAILED] = "failed", [RESULT_CANCELLED] = "cancelled", [RESULT_SKIPPED] = "skipped");

DEFINE_WORDS(job_operation, _JOB_OPERATION_MAX, [JOB_REFRESH] = "refresh",
	     [JOB_PREVIEW] = "preview", [JOB_UPDATE] = "update", [JOB_DESTROY] = "destroy");

DEFINE_WORDS(operation, _OPERATION_MAX, [OPERATION_INIT] = "init", [OPERATION_REFRESH] = "refresh",
	     [OPERATION_PREVIEW] = "preview", [OPERATION_APPLY] = "apply",
	     [OPERATION_DESTROY] = "destroy");

DEFINE_WORDS(event_type, _EVENT_TYPE_MAX, [EVENT_JOB_STATUS] = "job_status",
	     [EVENT_OPERATION_STATUS] = "operation_status", [EVENT_LOG] = "log",
	     [EVENT_RESOURCE] = "resource", [EVENT_DIAGNOSTIC] = "diagnostic",
	     [EVENT_DIFF] = "diff", [EVENT_OUTPUTS] = "outputs");

DEFINE_WORDS(provisioner, _PROVISIONER_MAX, [PROVISIONER_TOFU] = "tofu",
	     [PROVISIONER_TERRAFORM] = "terraform", [PROVISIONER_PULUMI] = "pulumi");

DEFINE_WORDS(resource_type, _RESOURCE_TYPE_MAX, [RESOURCE_ORGANIZATION] = "Organization",
	     [RESOURCE_ENVIRONMENT] = "Environment", [RESOURCE_CONNECTION] = "Connection",
	     [RESOURCE_CLOUD_RESOURCE] = "CloudResource");

const char *resource_type_prefix(enum resource_type type)
{
	static const char *const prefixes[_RESOURCE_TYPE_MAX] = {
		[RESOURCE_ORGANIZATION] = "org",
		[RESOURCE_ENVIRONMENT] = "env",
		[RESOURCE_CONNECTION] = "conn",
		[RESOURCE_CLOUD_RESOURCE] = "cr",
	};
	return (int)type >= 0 && type < _RESOURCE_TYPE_MAX ? prefixes[type] : NULL;
}
