/* What people see of a cloud resource's state. */
#include "control/states.h"
#include "api/exchange.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "control/resources.h"
#include "model/json.h"

/* What only reads finds by id also what is kept of a resource that is gone. */
static int resolve(struct exchange *x, struct resource_row *ret, struct error **err)
{
	struct scope scope = {
		.org = http_request_query(x->request, "org"),
		.env = http_request_query(x->request, "env"),
	};
	const char *ref = http_request_param(x->request, "ref");
	if (x->route->access == API_READ)
		return resource_resolve_kept(x->work, RESOURCE_CLOUD_RESOURCE, ref, &scope, ret,
					     err);
	return resource_resolve(x->work, RESOURCE_CLOUD_RESOURCE, ref, &scope, ret, err);
}

/* The id of the newest version; NULL when there is none. */
static int newest_version(struct exchange *x, const char *state_id, char **ret, struct error **err)
{
	struct state_version_row *rows = NULL;
	int n = state_version_list(x->work->tx, state_id, NULL, 1, &rows, err);
	if (n < 0)
		return n;
	*ret = n > 0 ? xstrdup(rows[0].id) : NULL;
	for (int i = 0; i < n; i++)
		state_version_row_release(&rows[i]);
	free(rows);
	return 0;
}

static int list(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_free_ char *newest = NULL, *next = NULL;
	struct page page;
	int r = exchange_page(x, &page, err);
	if (r >= 0)
		r = resolve(x, &resource, err);
	if (r >= 0)
		r = newest_version(x, resource.id, &newest, err);
	if (r < 0)
		return r;
	struct state_version_row *rows = NULL;
	int n = state_version_list(x->work->tx, resource.id, page.cursor, page.limit + 1, &rows,
				   err);
	if (n < 0)
		return n;
	json_t *items = json_new_array();
	for (int i = 0; i < n; i++) {
		if ((size_t)i < page.limit)
			json_append_value(items, state_version_render(
							 &rows[i], streq_null(rows[i].id, newest)));
		else
			next = xstrdup(rows[i - 1].id);
	}
	for (int i = 0; i < n; i++)
		state_version_row_release(&rows[i]);
	free(rows);
	exchange_answer_page(x, items, next);
	return 0;
}

static int get(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	const char *version = http_request_param(x->request, "version");
	bool current = streq(version, "current");
	char *bytes = NULL;
	size_t size = 0;
	int r = resolve(x, &resource, err);
	if (r >= 0)
		r = state_read(x->work, resource.id, current ? NULL : version, &bytes, &size, err);
	if (r < 0)
		return r;
	if (!bytes)
		return error_set(err, ERROR_NOT_FOUND, "%s/%s has no state", resource.kind,
				 resource.slug);
	strbuf_add(&x->bytes, bytes, size);
	secure_wipe(bytes, size);
	free(bytes);
	x->content_type = "application/json";
	return 0;
}

static int get_lock(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	int r = resolve(x, &resource, err);
	return r < 0 ? r : state_lock_render(x->work, resource.id, &x->answer, err);
}

static int rollback(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_(state_version_row_release) struct state_version_row version = {0};
	const char *to, *reason;
	int r = exchange_string_required(x, "version", &to, err);
	if (r >= 0)
		r = exchange_string_required(x, "reason", &reason, err);
	if (r >= 0)
		r = resolve(x, &resource, err);
	if (r >= 0)
		r = state_rollback(x->work, resource.id, to, reason, &version, err);
	if (r < 0)
		return r;
	x->status = 201;
	x->answer = state_version_render(&version, true);
	return 0;
}

#define STATE_ROUTE(method_, path_, name_)                                                   \
	.method = method_, .pattern = "/api/v1/cloud-resources/{ref}/" path_, .name = name_, \
	.audience = API_ADMIN

const struct api_route api_state_routes[] = {
	{STATE_ROUTE(HTTP_GET, "state-versions", "listStateVersions"), .access = API_READ,
	 .query = API_NAMES("org", "env", API_PAGE_QUERY), .run = list},
	{STATE_ROUTE(HTTP_GET, "state-versions/{version}", "getStateVersion"), .access = API_READ,
	 .query = API_NAMES("org", "env"), .run = get},
	{STATE_ROUTE(HTTP_GET, "state-lock", "getStateLock"), .access = API_READ,
	 .query = API_NAMES("org", "env"), .run = get_lock},
	{STATE_ROUTE(HTTP_POST, "state-rollback", "rollbackState"), .access = API_WRITE,
	 .input = API_JSON, .max_body = API_BODY_MAX, .query = API_NAMES("org", "env"),
	 .fields = API_NAMES("version", "reason"), .run = rollback},
	{.pattern = NULL},
};
