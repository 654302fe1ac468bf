/* The history of connections and cloud resources, those that are gone among them. */
#include "api/exchange.h"
#include "base/clock.h"
#include "control/resources.h"
#include "model/json.h"

static json_t *render(struct work *w, const struct resource_row *resource,
		      const struct version_row *v)
{
	char created[RFC3339_SIZE];
	rfc3339_format((uint64_t)v->created_ms, created);
	json_t *item = json_new_object();
	json_set_string(item, "id", v->id);
	json_set_string_or_null(item, "previousId", v->previous_id);
	json_set_string(item, "event", v->event);
	json_set_string(item, "actor", v->actor);
	json_set_string_or_null(item, "message", v->message);
	json_set_string_or_null(item, "stackJobId", v->stack_job_id);
	json_set_string(item, "createdAt", created);
	json_set_string(item, "diff", v->diff);

	struct resource_row then = *resource;
	then.version_id = v->id;
	then.manifest = v->manifest;
	then.status = NULL;
	json_t *manifest = resource_render(w, &then);
	json_object_del(manifest, "status");
	json_set_value(item, "manifest", manifest);
	return item;
}

static int list(struct exchange *x, struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	struct scope scope = {
		.org = http_request_query(x->request, "org"),
		.env = http_request_query(x->request, "env"),
	};
	struct page page;
	int r = exchange_page(x, &page, err);
	if (r >= 0)
		r = resource_resolve_kept(x->work, (enum resource_type)x->route->argument,
					  http_request_param(x->request, "ref"), &scope, &resource,
					  err);
	if (r < 0)
		return r;
	struct version_row *rows = NULL;
	int n = version_list(x->work->tx, resource.id, page.cursor, page.limit + 1, &rows, err);
	if (n < 0)
		return n;
	json_t *items = json_new_array();
	_cleanup_free_ char *next = NULL;
	for (int i = 0; i < n; i++) {
		if ((size_t)i < page.limit)
			json_append_value(items, render(x->work, &resource, &rows[i]));
		else
			next = xstrdup(rows[i - 1].id);
	}
	for (int i = 0; i < n; i++)
		version_row_release(&rows[i]);
	free(rows);
	exchange_answer_page(x, items, next);
	return 0;
}

const struct api_route api_version_routes[] = {
	{.method = HTTP_GET,
	 .pattern = "/api/v1/cloud-resources/{ref}/versions",
	 .name = "listCloudResourceVersions",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .query = API_NAMES("org", "env", API_PAGE_QUERY),
	 .argument = RESOURCE_CLOUD_RESOURCE,
	 .run = list},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/connections/{ref}/versions",
	 .name = "listConnectionVersions",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .query = API_NAMES("org", "env", API_PAGE_QUERY),
	 .argument = RESOURCE_CONNECTION,
	 .run = list},
	{.pattern = NULL},
};
