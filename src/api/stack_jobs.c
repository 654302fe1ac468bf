/* Stack jobs: create, look at, cancel, resume, rerun; preflight checks. */
#include <string.h>

#include "api/exchange.h"
#include "base/strutil.h"
#include "control/jobs.h"
#include "model/json.h"
#include "model/manifest.h"

static const char *job_id(struct exchange *x)
{
	return http_request_param(x->request, "id");
}

static int answer_job(struct exchange *x, const struct job_row *job, int status, struct error **err)
{
	x->status = status;
	return job_render(x->work, job, false, &x->answer, err);
}

static int read_operation(struct exchange *x, enum job_operation *ret, struct error **err)
{
	const char *word;
	int r = exchange_string(x, "operation", &word, err);
	if (r < 0 || !word)
		return r;
	*ret = job_operation_from_string(word);
	if (*ret != _JOB_OPERATION_INVALID)
		return 0;
	r = error_set_field(err, ERROR_INVALID_ARGUMENT, "operation", "%s is no operation", word);
	error_hint(err, "it is one of refresh, preview, update, destroy");
	return r;
}

static int create_for_manifest(struct exchange *x, const json_t *manifest,
			       struct job_request request, struct job_row *ret, struct error **err)
{
	if (request.operation != JOB_PREVIEW)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "operation",
				       "a manifest that is not saved can only be previewed");
	_cleanup_(resource_row_release) struct resource_row normalised = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	int r = resource_check(x->work, manifest, &normalised, &existing, err);
	if (r < 0)
		return r;
	if (normalised.type != RESOURCE_CLOUD_RESOURCE)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "manifest",
				       "only cloud resources have stack jobs");
	request.unsaved = &normalised;
	request.resource = existing.id ? &existing : NULL;
	return job_create(x->work, &request, ret, err);
}

static int create_for_resource(struct exchange *x, const char *ref, struct job_request request,
			       struct job_row *ret, struct error **err)
{
	struct scope scope = {0};
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	int r = exchange_string(x, "org", &scope.org, err);
	if (r >= 0)
		r = exchange_string(x, "env", &scope.env, err);
	if (r >= 0)
		r = resource_resolve(x->work, RESOURCE_CLOUD_RESOURCE, ref, &scope, &resource, err);
	if (r < 0)
		return r;
	request.resource = &resource;
	return job_create(x->work, &request, ret, err);
}

static int create(struct exchange *x, struct error **err)
{
	struct job_request request = {.operation = JOB_PREVIEW};
	const char *ref;
	int r = exchange_string(x, "cloudResource", &ref, err);
	if (r >= 0)
		r = read_operation(x, &request.operation, err);
	if (r >= 0)
		r = exchange_string(x, "message", &request.message, err);
	if (r >= 0)
		r = exchange_strings(x, "targets", &request.targets, err);
	if (r >= 0)
		r = exchange_strings(x, "replaces", &request.replaces, err);
	if (r < 0)
		return r;

	const json_t *manifest = json_object_get(x->body, "manifest");
	if (!ref == !manifest)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "cloudResource",
				       "give either cloudResource or manifest");
	_cleanup_(job_row_release) struct job_row job = {0};
	r = ref ? create_for_resource(x, ref, request, &job, err)
		: create_for_manifest(x, manifest, request, &job, err);
	return r < 0 ? r : answer_job(x, &job, 201, err);
}

static int filter_by_resource(struct exchange *x, struct job_filter *filter, char **ret_id,
			      struct error **err)
{
	const char *ref = http_request_query(x->request, "cloudResource");
	if (!ref)
		return 0;
	struct scope scope = {.org = filter->org, .env = filter->env};
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	int r = resource_resolve_kept(x->work, RESOURCE_CLOUD_RESOURCE, ref, &scope, &resource,
				      err);
	if (r < 0)
		return r;
	filter->resource_id = *ret_id = TAKE_PTR(resource.id);
	return 0;
}

static int status_word(const char *word)
{
	return status_from_string(word);
}

static const char *status_name(int status)
{
	return status_to_string((enum status)status);
}

static int result_word(const char *word)
{
	return result_from_string(word);
}

static const char *result_name(int result)
{
	return result_to_string((enum result)result);
}

static int operation_word(const char *word)
{
	return job_operation_from_string(word);
}

static const char *operation_name(int operation)
{
	return job_operation_to_string((enum job_operation)operation);
}

static int read_filter(struct exchange *x, struct job_filter *ret, char **ret_id,
		       struct error **err)
{
	int status = _STATUS_INVALID, result = _RESULT_INVALID, operation = _JOB_OPERATION_INVALID;
	*ret = (struct job_filter){
		.org = http_request_query(x->request, "org"),
		.env = http_request_query(x->request, "env"),
		.kind = http_request_query(x->request, "kind"),
	};
	int r = exchange_query_enum(x, "status", status_word, status_name, _STATUS_MAX, &status,
				    err);
	if (r >= 0)
		r = exchange_query_enum(x, "result", result_word, result_name, _RESULT_MAX, &result,
					err);
	if (r >= 0)
		r = exchange_query_enum(x, "operation", operation_word, operation_name,
					_JOB_OPERATION_MAX, &operation, err);
	if (r >= 0)
		r = scope_check(x->work, &(struct scope){ret->org, ret->env}, err);
	ret->status = (enum status)status;
	ret->result = (enum result)result;
	ret->operation = (enum job_operation)operation;
	return r < 0 ? r : filter_by_resource(x, ret, ret_id, err);
}

static int list(struct exchange *x, struct error **err)
{
	struct job_filter filter;
	_cleanup_free_ char *resource_id = NULL, *next = NULL;
	struct page page;
	int r = exchange_page(x, &page, err);
	if (r >= 0)
		r = read_filter(x, &filter, &resource_id, err);
	if (r < 0)
		return r;
	struct job_row *rows = NULL;
	int n = job_list(x->work->tx, &filter, page.cursor, page.limit + 1, &rows, err);
	if (n == 0)
		r = exchange_query_kind(x, err);
	if (n < 0 || r < 0)
		return MIN(n, r);
	json_t *items = json_new_array();
	r = 0;
	for (int i = 0; i < n; i++) {
		json_t *item = NULL;
		if ((size_t)i == page.limit)
			next = xasprintf("%lld", (long long)rows[i - 1].number);
		else if (r >= 0)
			r = job_render(x->work, &rows[i], true, &item, err);
		if (item)
			json_append_value(items, item);
	}
	for (int i = 0; i < n; i++)
		job_row_release(&rows[i]);
	free(rows);
	exchange_answer_page(x, items, next);
	return r;
}

static int get(struct exchange *x, struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	int r = job_get(x->work->tx, job_id(x), &job, err);
	return r < 0 ? r : answer_job(x, &job, 200, err);
}

static int cancel(struct exchange *x, struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	const char *reason;
	bool force;
	int r = exchange_string(x, "reason", &reason, err);
	if (r >= 0)
		r = exchange_bool(x, "force", &force, err);
	if (r >= 0)
		r = job_cancel(x->work, job_id(x), reason, force, &job, err);
	return r < 0 ? r : answer_job(x, &job, 200, err);
}

static int resume(struct exchange *x, struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	const char *comment, *plan_digest;
	int r = exchange_string(x, "comment", &comment, err);
	if (r >= 0)
		r = exchange_string(x, "planDigest", &plan_digest, err);
	if (r >= 0)
		r = job_resume(x->work, job_id(x), comment, plan_digest, &job, err);
	return r < 0 ? r : answer_job(x, &job, 200, err);
}

static int rerun(struct exchange *x, struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	const char *message;
	bool older;
	int r = exchange_string(x, "message", &message, err);
	if (r >= 0)
		r = exchange_bool(x, "allowOlderVersion", &older, err);
	if (r >= 0)
		r = job_rerun(x->work, job_id(x), message, older, &job, err);
	return r < 0 ? r : answer_job(x, &job, 201, err);
}

static int stack_input(struct exchange *x, struct error **err)
{
	return job_stack_input(x->work, job_id(x), &x->answer, err);
}

static int preflight(struct exchange *x, struct error **err)
{
	struct scope scope = {0};
	const char *kind, *connection;
	int r = exchange_string_required(x, "cloudResourceKind", &kind, err);
	if (r >= 0)
		r = exchange_string(x, "org", &scope.org, err);
	if (r >= 0)
		r = exchange_string(x, "env", &scope.env, err);
	if (r >= 0)
		r = exchange_string(x, "connection", &connection, err);
	return r < 0 ? r : preflight_report(x->work, kind, &scope, connection, &x->answer, err);
}

const struct api_route api_stack_job_routes[] = {
	{.method = HTTP_POST,
	 .pattern = "/api/v1/stack-jobs",
	 .name = "createStackJob",
	 .audience = API_ADMIN,
	 .access = API_WRITE,
	 .input = API_JSON,
	 .max_body = MANIFEST_MAX_SIZE + API_BODY_MAX,
	 .fields = API_NAMES("cloudResource", "org", "env", "manifest", "operation", "message",
			     "targets", "replaces"),
	 .run = create},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/stack-jobs",
	 .name = "listStackJobs",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .query = API_NAMES("cloudResource", "org", "env", "kind", "status", "result", "operation",
			    API_PAGE_QUERY),
	 .run = list},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/stack-jobs/{id}",
	 .name = "getStackJob",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .run = get},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/stack-jobs/{id}/cancel",
	 .name = "cancelStackJob",
	 .audience = API_ADMIN,
	 .access = API_WRITE,
	 .input = API_JSON_OPTIONAL,
	 .max_body = API_BODY_MAX,
	 .fields = API_NAMES("reason", "force"),
	 .run = cancel},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/stack-jobs/{id}/resume",
	 .name = "resumeStackJob",
	 .audience = API_ADMIN,
	 .access = API_WRITE,
	 .input = API_JSON_OPTIONAL,
	 .max_body = API_BODY_MAX,
	 .fields = API_NAMES("comment", "planDigest"),
	 .run = resume},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/stack-jobs/{id}/rerun",
	 .name = "rerunStackJob",
	 .audience = API_ADMIN,
	 .access = API_WRITE,
	 .input = API_JSON_OPTIONAL,
	 .max_body = API_BODY_MAX,
	 .fields = API_NAMES("message", "allowOlderVersion"),
	 .run = rerun},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/stack-jobs/{id}/stack-input",
	 .name = "getStackInput",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .run = stack_input},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/preflight-checks",
	 .name = "checkPreflight",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .input = API_JSON,
	 .max_body = API_BODY_MAX,
	 .fields = API_NAMES("cloudResourceKind", "org", "env", "connection"),
	 .run = preflight},
	{.pattern = NULL},
};
