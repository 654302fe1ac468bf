/* Organizations, environments and connections: create, list, get, delete. */
#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "cli/commands.h"
#include "cli/manifest_files.h"
#include "cli/output.h"
#include "cli/resource.h"
#include "cli/term.h"
#include "model/json.h"
#include "model/manifest.h"

static const struct option describe_table[] = {
	{"description", 0, OPTION_TEXT, "TEXT", .help = "what it is for"},
	{"version-message", 'm', OPTION_TEXT, "TEXT", .help = "why, like a commit message"},
	{0},
};
static const struct option connection_table[] = {
	{"provider", 0, OPTION_TEXT, "PROVIDER",
	 .help = "the provider type; planton list provider-types shows them"},
	{"field", 0, OPTION_LIST, "NAME=VALUE", .help = "a field that is not sensitive"},
	{"field-env", 0, OPTION_LIST, "NAME=VARIABLE",
	 .help = "a field's value from an environment variable"},
	{"field-file", 0, OPTION_LIST, "NAME=PATH", .help = "a field's value from a file"},
	{"default", .type = OPTION_FLAG,
	 .help = "make it the provider's default in the organization"},
	{"version-message", 'm', OPTION_TEXT, "TEXT", .help = "why, like a commit message"},
	{0},
};
static const struct option limit_table[] = {
	{"limit", 0, OPTION_NUMBER, "COUNT", .help = "at most this many; all unless given"},
	{0},
};
static const struct option *const describe_options[] = {describe_table, NULL};
static const struct option *const create_connection_options[] = {connection_table, NULL};
static const struct option *const limit_options[] = {limit_table, NULL};

static json_t *manifest_new(const struct cli *cli, enum resource_type type, const char *name)
{
	json_t *manifest = json_new_object(), *metadata = json_new_object();
	json_set_string(manifest, "apiVersion", MANIFEST_API_VERSION);
	json_set_string(manifest, "kind", resource_type_to_string(type));
	json_set_string(metadata, "name", name);
	if (type != RESOURCE_ORGANIZATION)
		json_set_string(metadata, "org", cli->settings.org);
	json_set_value(manifest, "metadata", metadata);
	json_set_value(manifest, "spec", json_new_object());
	return manifest;
}

/* Steals manifest. */
static int apply(struct cli *cli, const struct arguments *a, json_t *manifest)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_free_ char *label = manifest_label(manifest);
	json_t *body = json_new_object();
	json_set_value(body, "manifest", manifest);
	json_set_string(body, "message", argument_text(a, "version-message"));
	if (api_post(cli, "/apply", body, &answer, &e) < 0)
		return cli_fail(cli, e);
	if (!format_is_table(cli))
		return print_object(cli, json_object_get(answer, "resource"), NULL, ".metadata.id",
				    &e) < 0
			       ? cli_fail(cli, e)
			       : EXIT_CODE_OK;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	const char *outcome = json_get_str(answer, "outcome");
	strbuf_addf(&out, "%s %s\n", label, outcome ? outcome : "applied");
	print_out(&out);
	return EXIT_CODE_OK;
}

static int run_create_scope(struct cli *cli, const struct arguments *a)
{
	bool organization = streq(a->path[1]->name, "organization");
	json_t *manifest = manifest_new(
		cli, organization ? RESOURCE_ORGANIZATION : RESOURCE_ENVIRONMENT, a->words[0]);
	json_set_string(json_object_get(manifest, "spec"), "description",
			argument_text(a, "description"));
	return apply(cli, a, manifest);
}

static const struct collection *collection_of(const struct arguments *a)
{
	return collection_by_word(a->path[1]->name);
}

static int run_list_scope(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *list = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	const struct collection *c = collection_of(a);
	strbuf_addstr(&path, c->path);
	if (c->by_org)
		query_add(&path, "org", cli->settings.org);
	if (api_list(cli, path.data, argument_number(a, "limit", 0), &list, &e) < 0 ||
	    print_list(cli, list, c->columns, c->name, &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int run_get_scope(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *object = NULL;
	const struct collection *c = collection_of(a);
	_cleanup_free_ char *name = strchr(a->words[0], '/')
					    ? xstrdup(a->words[0])
					    : xasprintf("%s/%s", c->kind, a->words[0]);
	const char *ref = startswith(a->words[0], c->id_prefix) ? a->words[0] : name;
	if (resource_fetch(cli, ref, &object, &e) < 0 ||
	    print_object(cli, object, c->columns, c->name, &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int run_delete_connection(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	_cleanup_free_ char *question = xasprintf("Delete the connection %s?", a->words[0]);
	if (!argument_flag(a, "yes") && prompt_yes(question, "--yes", &e) < 0)
		return cli_fail(cli, e);
	path_add(&path, "/connections", a->words[0]);
	if (!startswith(a->words[0], "conn_"))
		query_add(&path, "org", cli->settings.org);
	if (api_call(cli, &(struct api_request){.method = "DELETE", .path = path.data}, NULL, &e) <
	    0)
		return cli_fail(cli, e);
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "%s deleted\n", a->words[0]);
	print_out(&out);
	return EXIT_CODE_OK;
}

static int get_provider_fields(struct cli *cli, const char *provider, json_t **ret,
			       struct error **err)
{
	_cleanup_json_ json_t *list = NULL;
	_cleanup_strv_ char **names = NULL;
	int r = api_list(cli, "/provider-types", 0, &list, err);
	if (r < 0)
		return r;
	size_t i;
	json_t *type;
	json_array_foreach(json_object_get(list, "items"), i, type)
	{
		const char *name = json_get_str(type, "name");
		const json_t *fields = json_object_get(type, "fields");
		if (name)
			strv_add(&names, name);
		if (streq_null(name, provider)) {
			*ret = json_incref((json_t *)fields);
			return 0;
		}
	}
	r = error_set(err, ERROR_INVALID_ARGUMENT, "there is no provider type \"%s\"", provider);
	const char *near = names ? string_suggest(provider, (const char *const *)names) : NULL;
	if (near)
		error_hint(err, "did you mean %s?", near);
	else
		error_hint(err, "planton list provider-types shows them");
	return r;
}

static const json_t *field_named(const json_t *fields, const char *name)
{
	size_t i;
	json_t *field;
	json_array_foreach((json_t *)fields, i,
			   field) if (streq_null(json_get_str(field, "name"), name)) return field;
	return NULL;
}

/* Adds what one of --field, --field-env, --field-file gave; source is "valueFromEnv",
 * "valueFromFile" or NULL. */
static int add_fields(const struct arguments *a, const char *option, const char *source,
		      const json_t *known, json_t *fields, struct error **err)
{
	_cleanup_free_ const char **given = argument_list(a, option);
	for (size_t i = 0; given[i]; i++) {
		const char *equals = strchr(given[i], '=');
		if (!equals)
			return error_set(err, ERROR_INVALID_ARGUMENT, "--%s is NAME=…, not \"%s\"",
					 option, given[i]);
		_cleanup_free_ char *name = xstrndup(given[i], (size_t)(equals - given[i]));
		const json_t *field = field_named(known, name);
		if (!field)
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "the provider has no field \"%s\"", name);
		if (!source && json_get_bool(field, "sensitive", false)) {
			int r = error_set(err, ERROR_INVALID_ARGUMENT,
					  "the field \"%s\" is sensitive: a value on the command "
					  "line is seen by others",
					  name);
			error_hint(err, "--field-env %s=VARIABLE or --field-file %s=PATH", name,
				   name);
			return r;
		}
		if (!source) {
			json_set_string(fields, name, equals + 1);
			continue;
		}
		json_t *from = json_new_object();
		json_set_string(from, source, equals + 1);
		json_set_value(fields, name, from);
	}
	return 0;
}

/* On a terminal, asks for what is required or sensitive and was not given; an empty answer leaves
 * it out. */
static int ask_fields(const json_t *known, json_t *fields, struct error **err)
{
	size_t i;
	json_t *field;
	json_array_foreach((json_t *)known, i, field)
	{
		const char *name = json_get_str(field, "name");
		bool required = json_get_bool(field, "required", false),
		     sensitive = json_get_bool(field, "sensitive", false);
		bool has_default = json_object_get(field, "default") != NULL ||
				   json_get_bool(field, "map", false);
		if (!name || json_object_get(fields, name) || has_default ||
		    !(required || (sensitive && prompt_possible())))
			continue;
		_cleanup_free_ char *question =
			xasprintf("%s%s:", name, required ? "" : " (optional)");
		_cleanup_free_ char *flag =
			xasprintf("--field%s %s=…", sensitive ? "-env" : "", name);
		_cleanup_free_ char *answer = NULL;
		int r = sensitive ? prompt_secret(question, flag, &answer, err)
				  : prompt_line(question, flag, &answer, err);
		if (r < 0)
			return r;
		if (*answer)
			json_set_string(fields, name, answer);
	}
	return 0;
}

static int run_create_connection(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *known = NULL,
			      *manifest = manifest_new(cli, RESOURCE_CONNECTION, a->words[0]);
	const char *provider = argument_text(a, "provider");
	json_t *spec = json_object_get(manifest, "spec"), *fields = json_new_object();
	if (!provider) {
		json_decref(fields);
		error_set(&e, ERROR_INVALID_ARGUMENT, "a connection needs a provider");
		error_hint(&e, "--provider PROVIDER; planton list provider-types shows them");
		return cli_fail(cli, e);
	}
	json_set_string(spec, "provider", provider);
	if (argument_flag(a, "default"))
		json_set_bool(spec, "default", true);
	json_set_value(spec, "fields", fields);
	if (get_provider_fields(cli, provider, &known, &e) < 0 ||
	    add_fields(a, "field", NULL, known, fields, &e) < 0 ||
	    add_fields(a, "field-env", "valueFromEnv", known, fields, &e) < 0 ||
	    add_fields(a, "field-file", "valueFromFile", known, fields, &e) < 0 ||
	    manifest_resolve_fields(manifest, &e) < 0 || ask_fields(known, fields, &e) < 0)
		return cli_fail(cli, e);
	return apply(cli, a, json_incref(manifest));
}

const struct command organization_commands[] = {
	{.name = "create",
	 .summary = "Create an organization",
	 .words = "NAME",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton organization create acme --description \"The company\"",
	 .options = describe_options,
	 .run = run_create_scope},
	{.name = "list",
	 .summary = "List organizations",
	 .examples = "planton organization list",
	 .options = limit_options,
	 .run = run_list_scope},
	{.name = "get",
	 .summary = "Show an organization",
	 .words = "ORGANIZATION",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton organization get acme -o yaml",
	 .run = run_get_scope},
	{0},
};
const struct command environment_commands[] = {
	{.name = "create",
	 .summary = "Create an environment",
	 .words = "NAME",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton environment create prod --org acme",
	 .options = describe_options,
	 .run = run_create_scope},
	{.name = "list",
	 .summary = "List environments",
	 .examples = "planton environment list",
	 .options = limit_options,
	 .run = run_list_scope},
	{.name = "get",
	 .summary = "Show an environment",
	 .words = "ENVIRONMENT",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton environment get prod -o yaml",
	 .run = run_get_scope},
	{0},
};
static const struct option *const delete_connection_options[] = {yes_options, NULL};
const struct command connection_commands[] = {
	{.name = "create",
	 .summary = "Create or update a connection",
	 .words = "NAME",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton connection create local-postgres --provider postgresql --default \\\n"
		     "    --field host=127.0.0.1 --field user=postgres --field-env "
		     "password=PGPASSWORD\n"
		     "planton connection create main-gcp --provider gcp --field-file "
		     "credentials=key.json",
	 .text = "Sensitive fields are never arguments: they come from an environment variable, a "
		 "file, or are asked for on\n"
		 "a terminal.",
	 .options = create_connection_options,
	 .run = run_create_connection},
	{.name = "get",
	 .summary = "Show a connection, without its secrets",
	 .words = "CONNECTION",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton connection get local-postgres -o yaml",
	 .run = run_get_scope},
	{.name = "list",
	 .summary = "List connections",
	 .examples = "planton connection list",
	 .options = limit_options,
	 .run = run_list_scope},
	{.name = "delete",
	 .summary = "Delete a connection",
	 .words = "CONNECTION",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton connection delete local-postgres",
	 .options = delete_connection_options,
	 .run = run_delete_connection},
	{0},
};
