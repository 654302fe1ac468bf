/* Names of resources, and how collections are shown. */
#include "cli/resource.h"

#include <assert.h>
#include <string.h>

#include "base/strutil.h"
#include "base/ulid.h"
#include "model/json.h"

static const struct column organization_columns[] = {
	{"SLUG", .path = ".metadata.slug"},
	{"NAME", .path = ".metadata.name"},
	{"DESCRIPTION", .path = ".spec.description"},
	{"ID", ".metadata.id", .wide = true},
	{"AGE", ".status.audit.specAudit.createdAt", .type = COLUMN_AGE},
	{0},
};
static const struct column environment_columns[] = {
	{"SLUG", .path = ".metadata.slug"},
	{"ORG", .path = ".metadata.org"},
	{"DESCRIPTION", .path = ".spec.description"},
	{"ID", ".metadata.id", .wide = true},
	{"AGE", ".status.audit.specAudit.createdAt", .type = COLUMN_AGE},
	{0},
};
static const struct column connection_columns[] = {
	{"SLUG", .path = ".metadata.slug"},
	{"PROVIDER", .path = ".spec.provider"},
	{"DEFAULT", .path = ".spec.default"},
	{"ORG", ".metadata.org", .wide = true},
	{"ID", ".metadata.id", .wide = true},
	{"AGE", ".status.audit.specAudit.createdAt", .type = COLUMN_AGE},
	{0},
};
static const struct column cloud_resource_columns[] = {
	{"KIND", .path = ".kind"},
	{"SLUG", .path = ".metadata.slug"},
	{"ENV", .path = ".metadata.env"},
	{"LAST JOB", ".status.lastJob.operation", .wide = true},
	{"RESULT", ".status.lastJob", .type = COLUMN_LAST_JOB},
	{"ID", .path = ".metadata.id"},
	{"AGE", ".status.audit.specAudit.createdAt", .type = COLUMN_AGE},
	{"VERSION", ".metadata.version.id", .wide = true},
	{0},
};
static const struct column job_columns[] = {
	{"ID", .path = ".metadata.id"},
	{"KIND", .path = ".spec.kind"},
	{"SLUG", .path = ".spec.slug"},
	{"ENV", ".spec.env", .wide = true},
	{"OPERATION", .path = ".spec.operation"},
	{"STATUS", ".status.status", .type = COLUMN_STATUS},
	{"RESULT", ".status.result", .type = COLUMN_STATUS},
	{"CHANGES", ".status.summary", .type = COLUMN_CHANGES},
	{"AGE", ".status.createdAt", .type = COLUMN_AGE},
	{"BY", ".status.actor.name|.status.actor", .wide = true},
	{"RERUN OF", ".spec.rerunOf", .wide = true},
	{"MESSAGE", .path = ".spec.message"},
	{0},
};
static const struct column kind_columns[] = {
	{"NAME", .path = ".name"},
	{"PROVIDER", .path = ".provider"},
	{"API VERSION", ".apiVersion", .wide = true},
	{"DESCRIPTION", .path = ".description"},
	{0},
};
static const struct column runner_columns[] = {
	{"ID", .path = ".id"},
	{"NAME", .path = ".name"},
	{"STATE", ".state", .type = COLUMN_STATUS},
	{"JOBS", .path = ".jobs"},
	{"CAPACITY", .path = ".capacity"},
	{"VERSION", .path = ".version"},
	{"LAST SEEN", ".lastSeenAt", .type = COLUMN_AGE},
	{"PROBLEM", .path = ".problem"},
	{0},
};
static const struct column module_columns[] = {
	{"ID", .path = ".id"},
	{"KIND", .path = ".kind"},
	{"PROVISIONER", .path = ".provisioner"},
	{"SCOPE", .path = ".scope"},
	{"DIGEST", ".digest", .wide = true},
	{0},
};
static const struct column provider_columns[] = {
	{"NAME", .path = ".name"},
	{"FIELDS", ".fields[*].name", .wide = true},
	{"DESCRIPTION", .path = ".description"},
	{0},
};

const struct collection collections[] = {
	{"/cloud-resources", "cloud-resources", "cloud-resource", NULL, "cr_", true, true,
	 cloud_resource_columns, ".metadata.id"},
	{"/organizations", "organizations", "organization", "Organization", "org_", false, false,
	 organization_columns, ".metadata.slug"},
	{"/environments", "environments", "environment", "Environment", "env_", true, false,
	 environment_columns, ".metadata.slug"},
	{"/connections", "connections", "connection", "Connection", "conn_", true, false,
	 connection_columns, ".metadata.slug"},
	{"/stack-jobs", "stack-jobs", "stack-job", "StackJob", "sj_", true, true, job_columns,
	 ".metadata.id"},
	{"/runners", "runners", "runner", "Runner", "rnr_", false, false, runner_columns, ".id"},
	{"/cloud-resource-kinds", "kinds", "kind", "CloudResourceKind", NULL, false, false,
	 kind_columns, ".name"},
	{"/iac-modules", "modules", "module", "IacModule", "iacmod_", false, false, module_columns,
	 ".id"},
	{"/provider-types", "provider-types", "provider-type", "ProviderType", NULL, false, false,
	 provider_columns, ".name"},
	{0},
};

const char *const collection_words[] = {
	"cloud-resources", "organizations", "environments", "connections",    "stack-jobs",
	"runners",	   "kinds",	    "modules",	    "provider-types", NULL};

const struct collection *collection_by_word(const char *word)
{
	for (const struct collection *c = collections; c->path; c++)
		if (streq(c->word, word) || streq(c->singular, word) || streq_null(c->kind, word))
			return c;
	return NULL;
}

const struct collection *collection_by_path(const char *path)
{
	for (const struct collection *c = collections; c->path; c++)
		if (streq(c->path, path))
			return c;
	assert(!"a collection that is not in the table");
	return NULL;
}

static bool is_id(const char *text)
{
	for (const struct collection *c = collections; c->path; c++) {
		const char *rest = c->id_prefix ? startswith(text, c->id_prefix) : NULL;
		if (rest && ulid_is_valid(rest))
			return true;
	}
	return false;
}

void resource_parse(const char *text, struct resource *ret)
{
	const char *slash = strchr(text, '/');
	for (const struct collection *c = collections; c->path; c++) {
		const char *rest = c->id_prefix ? startswith(text, c->id_prefix) : NULL;
		if (rest && ulid_is_valid(rest)) {
			*ret = (struct resource){c, xstrdup(text)};
			return;
		}
		size_t kind = c->kind && slash ? strlen(c->kind) : 0;
		if (kind && (size_t)(slash - text) == kind && strncmp(text, c->kind, kind) == 0) {
			*ret = (struct resource){c, xstrdup(slash + 1)};
			return;
		}
	}
	*ret = (struct resource){&collections[0], xstrdup(text)};
}

void resource_release(struct resource *r)
{
	free(r->ref);
}

void resource_path(const struct cli *cli, const struct resource *r, const char *suffix,
		   struct strbuf *out)
{
	path_add(out, r->collection->path, r->ref);
	strbuf_addstr(out, suffix);
	if (is_id(r->ref) || streq(r->collection->path, "/stack-jobs"))
		return;
	if (r->collection->by_org)
		query_add(out, "org", cli->settings.org);
	if (r->collection->by_env)
		query_add(out, "env", cli->settings.env);
}

int resource_fetch(struct cli *cli, const char *text, json_t **ret, struct error **err)
{
	_cleanup_resource_ struct resource r = {0};
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	resource_parse(text, &r);
	resource_path(cli, &r, "", &path);
	return api_get(cli, path.data, ret, err);
}

void resource_scope(const struct cli *cli, const char *text, json_t *body)
{
	if (is_id(text))
		return;
	json_set_string(body, "org", cli->settings.org);
	json_set_string(body, "env", cli->settings.env);
}
