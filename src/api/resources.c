/* Organizations, environments, connections and cloud resources: apply, look at, delete. */
#include <string.h>

#include "api/exchange.h"
#include "base/strutil.h"
#include "control/jobs.h"
#include "control/resources.h"
#include "model/json.h"
#include "model/manifest.h"

/* The envelope around a manifest needs some room of its own. */
#define APPLY_MAX (MANIFEST_MAX_SIZE + API_BODY_MAX)

static struct scope query_scope(struct exchange *x)
{
	return (struct scope){
		.org = http_request_query(x->request, "org"),
		.env = http_request_query(x->request, "env"),
	};
}

static int resolve(struct exchange *x, struct resource_row *ret, struct error **err)
{
	struct scope scope = query_scope(x);
	return resource_resolve(x->work, (enum resource_type)x->route->argument,
				http_request_param(x->request, "ref"), &scope, ret, err);
}

static int set_job(struct exchange *x, const struct job_row *job, struct error **err)
{
	json_t *rendered;
	int r = job_render(x->work, job, false, &rendered, err);
	if (r >= 0)
		json_set_value(x->answer, "stackJob", rendered);
	return r;
}

static int wants_job(struct exchange *x, bool *ret, struct error **err)
{
	const char *operation;
	int r = exchange_string(x, "operation", &operation, err);
	if (r < 0)
		return r;
	if (operation && !streq(operation, "update") && !streq(operation, "none"))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "operation",
				       "operation is neither update nor none: %s", operation);
	*ret = !operation || streq(operation, "update");
	return 0;
}

static int apply(struct exchange *x, struct error **err)
{
	static const char *const outcomes[] = {
		[APPLY_CREATED] = "created",
		[APPLY_UPDATED] = "updated",
		[APPLY_UNCHANGED] = "unchanged",
	};
	const json_t *manifest;
	struct apply_options options = {0};
	int r = exchange_object_required(x, "manifest", &manifest, err);
	if (r >= 0)
		r = exchange_string(x, "message", &options.message, err);
	if (r >= 0)
		r = wants_job(x, &options.create_job, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *if_match = exchange_if_match(x);
	options.if_match = if_match;

	_cleanup_(apply_result_release) struct apply_result result = {0};
	r = resource_apply(x->work, manifest, &options, &result, err);
	if (r < 0)
		return r;
	x->status = result.outcome == APPLY_CREATED ? 201 : 200;
	x->answer = json_new_object();
	json_set_value(x->answer, "resource", resource_render(x->work, &result.resource));
	json_set_string(x->answer, "outcome", outcomes[result.outcome]);
	json_set_string_or_null(x->answer, "reason", result.reason);
	exchange_etag(x, result.resource.version_id);
	if (result.job.id)
		return set_job(x, &result.job, err);
	json_set_string_or_null(x->answer, "stackJob", NULL);
	return 0;
}

static json_t *render_findings(const struct error *e)
{
	json_t *findings = json_new_array();
	for (size_t i = 0; i < e->n_details; i++) {
		json_t *finding = json_new_object();
		json_set_string(finding, "field", e->details[i].field);
		json_set_string(finding, "message", e->details[i].message);
		json_append_value(findings, finding);
	}
	if (e->n_details == 0) {
		_cleanup_free_ char *message = error_describe(e);
		json_t *finding = json_new_object();
		json_set_string(finding, "field", e->field);
		json_set_string(finding, "message", message);
		json_append_value(findings, finding);
	}
	return findings;
}

static int validate(struct exchange *x, struct error **err)
{
	const json_t *manifest;
	int r = exchange_object_required(x, "manifest", &manifest, err);
	if (r < 0)
		return r;
	_cleanup_(resource_row_release) struct resource_row normalised = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	_cleanup_error_ struct error *finding = NULL;
	r = resource_check(x->work, manifest, &normalised, &existing, &finding);
	if (r < 0 && error_code_http_status(finding->code) >= 500)
		return error_move(err, &finding);
	x->answer = json_new_object();
	json_set_bool(x->answer, "valid", r >= 0);
	json_set_value(x->answer, "errors", r < 0 ? render_findings(finding) : json_new_array());
	return 0;
}

static int diff(struct exchange *x, struct error **err)
{
	const json_t *manifest;
	int r = exchange_object_required(x, "manifest", &manifest, err);
	if (r < 0)
		return r;
	_cleanup_(resource_row_release) struct resource_row normalised = {0};
	_cleanup_(resource_row_release) struct resource_row existing = {0};
	r = resource_check(x->work, manifest, &normalised, &existing, err);
	if (r < 0)
		return r;

	bool same = false;
	const char *kind =
		normalised.kind ? normalised.kind : resource_type_to_string(normalised.type);
	_cleanup_free_ char *stored = xasprintf("%s/%s stored", kind, normalised.slug);
	_cleanup_free_ char *given = xasprintf("%s/%s given", kind, normalised.slug);
	_cleanup_free_ char *text = NULL;
	if (existing.id)
		r = resource_same(x->work, &existing, &normalised, &same, err);
	if (r >= 0)
		r = resource_render_diff(x->work, existing.id ? &existing : NULL, &normalised,
					 stored, given, &text, err);
	if (r < 0)
		return r;
	x->answer = json_new_object();
	json_set_bool(x->answer, "same", same);
	json_set_string(x->answer, "diff", same ? "" : text);
	return 0;
}

static int list(struct exchange *x, struct error **err)
{
	struct resource_filter filter = {
		.type = (enum resource_type)x->route->argument,
		.org = http_request_query(x->request, "org"),
		.env = http_request_query(x->request, "env"),
		.kind = http_request_query(x->request, "kind"),
		.slug = http_request_query(x->request, "slug"),
	};
	const struct scope scope = {filter.org, filter.env};
	struct page page;
	int r = exchange_page(x, &page, err);
	if (r >= 0)
		r = scope_check(x->work, &scope, err);
	if (r < 0)
		return r;
	struct resource_row *rows = NULL;
	int n = resource_list(x->work->tx, &filter, page.cursor, page.limit + 1, &rows, err);
	if (n == 0)
		r = exchange_query_kind(x, err);
	if (n < 0 || r < 0)
		return MIN(n, r);
	json_t *items = json_new_array();
	_cleanup_free_ char *next = NULL;
	for (int i = 0; i < n; i++) {
		if ((size_t)i < page.limit)
			json_append_value(items, resource_render(x->work, &rows[i]));
		else
			next = xstrdup(rows[i - 1].id);
	}
	for (int i = 0; i < n; i++)
		resource_row_release(&rows[i]);
	free(rows);
	exchange_answer_page(x, items, next);
	return 0;
}

static int get(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	int r = resolve(x, &row, err);
	if (r < 0)
		return r;
	x->answer = resource_render(x->work, &row);
	exchange_etag(x, row.version_id);
	return 0;
}

static int delete (struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_free_ char *if_match = exchange_if_match(x);
	struct delete_options options = {
		.reason = http_request_query(x->request, "reason"),
		.if_match = if_match,
	};
	int r = exchange_query_bool(x, "abandon", &options.abandon, err);
	if (r >= 0)
		r = resolve(x, &row, err);
	if (r < 0)
		return r;
	x->answer = json_new_object();
	json_set_value(x->answer, "resource", resource_render(x->work, &row));
	return resource_delete_checked(x->work, &row, &options, err);
}

static int outputs(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	bool show = false;
	json_t *found;
	int r = exchange_query_bool(x, "showSensitive", &show, err);
	if (r >= 0)
		r = resolve(x, &row, err);
	if (r >= 0)
		r = resource_outputs(x->work, &row, show, &found, err);
	if (r < 0)
		return r;
	x->answer = json_new_object();
	json_set_value(x->answer, "outputs", found);
	return 0;
}

/* What may be deleted as it is has nothing to destroy, and needs no job. */
static int purge(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_(job_row_release) struct job_row job = {0};
	_cleanup_error_ struct error *why = NULL;
	struct job_request request = {.resource = &row, .operation = JOB_DESTROY, .purge = true};
	int r = exchange_string(x, "message", &request.message, err);
	if (r >= 0)
		r = resolve(x, &row, err);
	if (r < 0)
		return r;
	const struct delete_options options = {.reason =
						       request.message ? request.message : "purge"};
	x->answer = json_new_object();
	r = resource_delete_checked(x->work, &row, &options, &why);
	if (r >= 0) {
		json_set_string_or_null(x->answer, "stackJob", NULL);
		return 0;
	}
	if (why->code != ERROR_CONFLICT)
		return error_move(err, &why);
	r = job_create(x->work, &request, &job, err);
	x->status = 201;
	return r < 0 ? r : set_job(x, &job, err);
}

#define SCOPE_QUERY API_NAMES("org", "env")
#define LIST_ROUTE(path_, name_, type_, ...)                                                    \
	{                                                                                       \
		.method = HTTP_GET, .pattern = "/api/v1/" path_, .name = "list" name_,          \
		.audience = API_ADMIN, .access = API_READ,                                      \
		.query = API_NAMES(__VA_ARGS__, API_PAGE_QUERY), .argument = type_, .run = list \
	}
#define GET_ROUTE(path_, name_, type_)                                                         \
	{                                                                                      \
		.method = HTTP_GET, .pattern = "/api/v1/" path_ "/{ref}", .name = "get" name_, \
		.audience = API_ADMIN, .access = API_READ, .query = SCOPE_QUERY,               \
		.argument = type_, .run = get                                                  \
	}
#define DELETE_ROUTE(path_, name_, type_, ...)                                                    \
	{                                                                                         \
		.method = HTTP_DELETE, .pattern = "/api/v1/" path_ "/{ref}",                      \
		.name = "delete" name_, .audience = API_ADMIN, .access = API_WRITE,               \
		.query = API_NAMES("org", "env", ##__VA_ARGS__), .argument = type_, .run = delete \
	}

const struct api_route api_resource_routes[] = {
	{.method = HTTP_POST,
	 .pattern = "/api/v1/apply",
	 .name = "apply",
	 .audience = API_ADMIN,
	 .access = API_WRITE,
	 .input = API_JSON,
	 .max_body = APPLY_MAX,
	 .fields = API_NAMES("manifest", "message", "operation"),
	 .run = apply},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/validate",
	 .name = "validate",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .input = API_JSON,
	 .max_body = APPLY_MAX,
	 .fields = API_NAMES("manifest"),
	 .run = validate},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/diff",
	 .name = "diff",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .input = API_JSON,
	 .max_body = APPLY_MAX,
	 .fields = API_NAMES("manifest"),
	 .run = diff},

	LIST_ROUTE("organizations", "Organizations", RESOURCE_ORGANIZATION, "slug"),
	LIST_ROUTE("environments", "Environments", RESOURCE_ENVIRONMENT, "org", "slug"),
	LIST_ROUTE("connections", "Connections", RESOURCE_CONNECTION, "org", "env", "slug"),
	LIST_ROUTE("cloud-resources", "CloudResources", RESOURCE_CLOUD_RESOURCE, "org", "env",
		   "kind", "slug"),
	GET_ROUTE("organizations", "Organization", RESOURCE_ORGANIZATION),
	GET_ROUTE("environments", "Environment", RESOURCE_ENVIRONMENT),
	GET_ROUTE("connections", "Connection", RESOURCE_CONNECTION),
	GET_ROUTE("cloud-resources", "CloudResource", RESOURCE_CLOUD_RESOURCE),
	DELETE_ROUTE("organizations", "Organization", RESOURCE_ORGANIZATION),
	DELETE_ROUTE("environments", "Environment", RESOURCE_ENVIRONMENT),
	DELETE_ROUTE("connections", "Connection", RESOURCE_CONNECTION),
	DELETE_ROUTE("cloud-resources", "CloudResource", RESOURCE_CLOUD_RESOURCE, "abandon",
		     "reason"),

	{.method = HTTP_GET,
	 .pattern = "/api/v1/cloud-resources/{ref}/outputs",
	 .name = "getCloudResourceOutputs",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .query = API_NAMES("org", "env", "showSensitive"),
	 .argument = RESOURCE_CLOUD_RESOURCE,
	 .run = outputs},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/cloud-resources/{ref}/purge",
	 .name = "purgeCloudResource",
	 .audience = API_ADMIN,
	 .access = API_WRITE,
	 .input = API_JSON_OPTIONAL,
	 .max_body = API_BODY_MAX,
	 .query = SCOPE_QUERY,
	 .fields = API_NAMES("message"),
	 .argument = RESOURCE_CLOUD_RESOURCE,
	 .run = purge},
	{.pattern = NULL},
};
