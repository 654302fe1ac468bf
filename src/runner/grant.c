/* Reads grants and opens what is sealed in them. */
#include "runner/grant.h"

#include <string.h>

#include "base/encoding.h"
#include "base/fileutil.h"
#include "base/strutil.h"
#include "base/strv.h"

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));
	return value > 0 ? (uint64_t)value : 0;
}

static char **strings(const json_t *array)
{
	char **vector = NULL;
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item) if (json_is_string(item))
		strv_add(&vector, json_string_value(item));
	return vector;
}

static int unseal(struct grant *grant, const struct key_pair *keys, struct error **err)
{
	const char *sealed = text(grant->json, "sealed");
	_cleanup_strbuf_secret_ struct strbuf clear = STRBUF_INIT;
	_cleanup_free_ uint8_t *box = NULL;
	size_t size;

	if (isempty(sealed)) {
		grant->secrets = json_object();
		return 0;
	}
	int r = base64_decode(sealed, strlen(sealed), &box, &size);
	if (r == 0)
		r = box_open(keys, box, size, &clear);
	if (r < 0)
		return error_set_errno(
			err, ERROR_UNPROCESSABLE, r,
			"the secrets of job %s cannot be opened with this runner's key",
			grant->job_id);
	grant->secrets = json_loadb(clear.data, clear.size, 0, NULL);
	if (!json_is_object(grant->secrets))
		return error_set(err, ERROR_UNPROCESSABLE, "the secrets of job %s are no JSON",
				 grant->job_id);
	return 0;
}

static int read_operations(struct grant *grant, struct error **err)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(grant->json, "operations"), i, item)
	{
		const char *name = json_string_value(item);
		enum operation operation = name ? operation_from_string(name) : _OPERATION_INVALID;
		if (operation == _OPERATION_INVALID || grant->n_operations == _OPERATION_MAX)
			return error_set(err, ERROR_UNPROCESSABLE,
					 "the grant names an unknown operation");
		grant->operations[grant->n_operations++] = operation;
	}
	return 0;
}

static int read_fields(struct grant *grant, struct error **err)
{
	const json_t *json = grant->json;
	const json_t *job = json_object_get(json, "job");
	const json_t *attempt = json_object_get(json, "attempt");
	const json_t *module = json_object_get(json, "module");
	const json_t *state = json_object_get(json, "state");
	const json_t *plan = json_object_get(json, "plan");
	const json_t *options = json_object_get(job, "options");
	const char *operation = text(attempt, "operation");
	const char *job_operation = text(job, "operation");
	const char *provisioner = text(module, "provisioner");

	grant->job_id = text(job, "id");
	grant->epoch = (int64_t)number(json, "epoch");
	grant->attempt = (int)number(attempt, "number");
	grant->operation = operation ? operation_from_string(operation) : _OPERATION_INVALID;
	grant->job_operation =
		job_operation ? job_operation_from_string(job_operation) : _JOB_OPERATION_INVALID;
	grant->provisioner =
		provisioner ? provisioner_from_string(provisioner) : _PROVISIONER_INVALID;
	grant->module_digest = text(module, "digest");
	grant->pause_before_change = json_is_true(json_object_get(json, "pauseBeforeChange"));
	grant->interrupt = json_is_true(json_object_get(json, "interrupt"));
	grant->previous = json_is_object(json_object_get(attempt, "previous"))
				  ? json_object_get(attempt, "previous")
				  : NULL;
	grant->state_path = text(state, "address");
	grant->state_username = text(state, "username");
	grant->plan_digest = text(plan, "digest");
	grant->plan_artifact = text(plan, "artifact");
	grant->timeout_ms = number(json, "timeoutSeconds") * 1000;
	grant->job_deadline_ms = number(json, "jobDeadlineMs");
	grant->targets = strings(json_object_get(options, "targets"));
	grant->replaces = strings(json_object_get(options, "replaces"));

	if (!grant->job_id || strchr(grant->job_id, '/') || !path_is_safe_relative(grant->job_id) ||
	    grant->epoch < 1 || grant->attempt < 1 || grant->operation == _OPERATION_INVALID ||
	    grant->job_operation == _JOB_OPERATION_INVALID)
		return error_set(err, ERROR_UNPROCESSABLE,
				 "the grant lacks a job, an epoch or an operation");
	if (!grant->module_digest || strchr(grant->module_digest, '/') ||
	    !path_is_safe_relative(grant->module_digest))
		return error_set(err, ERROR_UNPROCESSABLE, "the grant names no module");
	return read_operations(grant, err);
}

int grant_parse(json_t *json, const struct key_pair *keys, struct grant **ret, struct error **err)
{
	_cleanup_grant_ struct grant *grant = xcalloc(1, sizeof(*grant));

	grant->json = json_incref(json);
	int r = read_fields(grant, err);
	if (r == 0)
		r = unseal(grant, keys, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(grant);
	return 0;
}

void grant_free(struct grant *grant)
{
	if (!grant)
		return;
	json_decref(grant->json);
	json_decref(grant->secrets);
	strv_free(grant->targets);
	strv_free(grant->replaces);
	free(grant);
}

bool grant_includes(const struct grant *grant, enum operation operation)
{
	for (size_t i = 0; i < grant->n_operations; i++)
		if (grant->operations[i] == operation)
			return true;
	return false;
}

static json_t *put_values(json_t *value, const json_t *values)
{
	const json_t *sealed = json_object_get(value, "$sealed");
	const char *key;
	size_t i;
	json_t *item;

	if (json_is_integer(sealed)) {
		json_t *clear = json_array_get(values, (size_t)json_integer_value(sealed));
		return clear ? json_incref(clear) : json_null();
	}
	if (json_is_object(value)) {
		json_t *copy = json_object();
		json_object_foreach(value, key, item)
			json_object_set_new(copy, key, put_values(item, values));
		return copy;
	}
	if (json_is_array(value)) {
		json_t *copy = json_array();
		json_array_foreach(value, i, item)
			json_array_append_new(copy, put_values(item, values));
		return copy;
	}
	return json_incref(value);
}

json_t *grant_manifest(const struct grant *grant)
{
	json_t *manifest = json_object_get(grant->json, "manifest");
	return manifest ? put_values(manifest, json_object_get(grant->secrets, "values"))
			: json_object();
}

const char *grant_state_password(const struct grant *grant)
{
	return text(grant->secrets, "statePassword");
}

bool grant_artifact_key(const struct grant *grant, uint8_t ret[32])
{
	const char *key = text(grant->secrets, "artifactKey");
	_cleanup_free_ uint8_t *raw = NULL;
	size_t size;

	if (!key)
		return false;
	if (strlen(key) == 64)
		return hex_decode(key, ret, 32) == 0;
	if (base64_decode(key, strlen(key), &raw, &size) < 0 || size != 32)
		return false;
	memcpy(ret, raw, 32);
	secure_wipe(raw, size);
	return true;
}
