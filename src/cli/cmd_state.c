/* States of cloud resources, and runners. */
#include <string.h>

#include "base/strutil.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/resource.h"
#include "cli/term.h"
#include "cli/text.h"
#include "model/json.h"

static const struct option version_table[] = {
	{"version", 0, OPTION_TEXT, "VERSION",
	 .help = "a version of the state instead of the current one"},
	{0},
};
static const struct option rollback_table[] = {
	{"version", 0, OPTION_TEXT, "VERSION",
	 .help = "the version to go back to; planton state list shows them"},
	{"reason", 0, OPTION_TEXT, "TEXT", .help = "why; kept with the new version"},
	{0},
};
static const struct option reason_table[] = {
	{"reason", 0, OPTION_TEXT, "TEXT", .help = "why; kept in the audit log"},
	{0},
};
static const struct option *const version_options[] = {version_table, NULL};
static const struct option *const rollback_options[] = {rollback_table, yes_options, NULL};
static const struct option *const abandon_options[] = {reason_table, yes_options, NULL};

static void state_path(const struct cli *cli, const char *word, const char *suffix,
		       struct strbuf *path)
{
	struct resource r;
	resource_parse(word, &r);
	resource_path(cli, &r, suffix, path);
	resource_release(&r);
}

static int require(const struct arguments *a, const char *option, struct error **err)
{
	if (argument_text(a, option))
		return 0;
	const struct option *o = option_find(a->command, option);
	int r = error_set(err, ERROR_INVALID_ARGUMENT, "%s needs --%s", a->command->name, option);
	error_hint(err, "--%s %s: %s", option, o->value, o->help);
	return r;
}

static int run_state_list(struct cli *cli, const struct arguments *a)
{
	static const struct column columns[] = {
		{"ID", .path = ".id"},
		{"SERIAL", .path = ".serial"},
		{"CURRENT", .path = ".current"},
		{"RESOURCES", .path = ".resourceCount"},
		{"SIZE", ".size", .type = COLUMN_BYTES},
		{"STACK JOB", .path = ".stackJobId"},
		{"BY", .path = ".actor"},
		{"AGE", ".createdAt", .type = COLUMN_AGE},
		{"LINEAGE", ".lineage", .wide = true},
		{"MD5", ".md5", .wide = true},
		{"MESSAGE", .path = ".message"},
		{0},
	};
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *list = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	state_path(cli, a->words[0], "/state-versions", &path);
	if (api_list(cli, path.data, 0, &list, &e) < 0 ||
	    print_list(cli, list, columns, ".id", &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int get_state(struct cli *cli, const struct arguments *a, struct strbuf *out,
		     struct error **err)
{
	const char *version = argument_text(a, "version");
	_cleanup_free_ char *escaped = http_escape(version ? version : "current");
	_cleanup_free_ char *suffix = xasprintf("/state-versions/%s", escaped);
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	state_path(cli, a->words[0], suffix, &path);
	return api_get_raw(cli, path.data, out, err);
}

static int run_state_pull(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_strbuf_ struct strbuf state = STRBUF_INIT;
	if (get_state(cli, a, &state, &e) < 0)
		return cli_fail(cli, e);
	print_out(&state);
	return EXIT_CODE_OK;
}

static void add_addresses(const json_t *resource, json_t *items)
{
	const char *module = json_get_str(resource, "module"),
		   *type = json_get_str(resource, "type");
	const char *name = json_get_str(resource, "name");
	bool data = streq_null(json_get_str(resource, "mode"), "data");
	size_t i;
	json_t *instance;
	json_array_foreach(json_object_get(resource, "instances"), i, instance)
	{
		_cleanup_strbuf_ struct strbuf address = STRBUF_INIT;
		const json_t *key = json_object_get(instance, "index_key");
		strbuf_addf(&address, "%s%s%s%s.%s", module ? module : "", module ? "." : "",
			    data ? "data." : "", type ? type : "?", name ? name : "?");
		if (key) {
			strbuf_addch(&address, '[');
			json_write(&address, key, JSON_WRITE_COMPACT);
			strbuf_addch(&address, ']');
		}
		json_t *row = json_new_object();
		json_set_string(row, "address", address.data);
		json_set_string(row, "provider", json_get_str(resource, "provider"));
		json_set_string(row, "tainted", json_get_str(instance, "status"));
		json_append_value(items, row);
	}
}

/* The resources in a state, never their values. */
static int run_state_show(struct cli *cli, const struct arguments *a)
{
	static const struct column columns[] = {{"ADDRESS", .path = ".address"},
						{"TAINTED", .path = ".tainted"},
						{"PROVIDER", .path = ".provider"},
						{0}};
	_cleanup_error_ struct error *e = NULL;
	_cleanup_strbuf_ struct strbuf state = STRBUF_INIT;
	_cleanup_json_ json_t *parsed = NULL, *list = json_new_object();
	json_t *items = json_new_array(), *resource;
	json_set_value(list, "items", items);
	if (get_state(cli, a, &state, &e) < 0 ||
	    json_parse(state.data, state.size, (size_t)64 << 20, &parsed, &e) < 0)
		return cli_fail(cli, e);
	size_t i;
	json_array_foreach(json_object_get(parsed, "resources"), i, resource)
		add_addresses(resource, items);
	return print_list(cli, list, columns, ".address", &e) < 0 ? cli_fail(cli, e) : EXIT_CODE_OK;
}

static int run_state_lock(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *lock = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	state_path(cli, a->words[0], "/state-lock", &path);
	if (api_get(cli, path.data, &lock, &e) < 0)
		return cli_fail(cli, e);
	if (format_is_table(cli) && !json_get_bool(lock, "held", false)) {
		say("the state of %s is not locked", a->words[0]);
		return EXIT_CODE_OK;
	}
	if (!cli->format_given)
		cli->format = FORMAT_YAML;
	return print_value(cli, lock, &e) < 0 ? cli_fail(cli, e) : EXIT_CODE_OK;
}

static int run_state_rollback(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *version = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	if (require(a, "version", &e) < 0 || require(a, "reason", &e) < 0)
		return cli_fail(cli, e);
	_cleanup_free_ char *question =
		xasprintf("Make %s the state of %s again? Infrastructure is not changed by this.",
			  argument_text(a, "version"), a->words[0]);
	if (!argument_flag(a, "yes") && prompt_yes(question, "--yes", &e) < 0)
		return cli_fail(cli, e);
	json_t *body = json_new_object();
	json_set_string(body, "version", argument_text(a, "version"));
	json_set_string(body, "reason", argument_text(a, "reason"));
	state_path(cli, a->words[0], "/state-rollback", &path);
	if (api_post(cli, path.data, body, &version, &e) < 0)
		return cli_fail(cli, e);
	if (!format_is_table(cli))
		return print_object(cli, version, NULL, ".id", &e) < 0 ? cli_fail(cli, e)
								       : EXIT_CODE_OK;
	say("the state of %s is now version %s, serial %lld", a->words[0],
	    json_get_str(version, "id"), (long long)json_get_int(version, "serial", 0));
	return EXIT_CODE_OK;
}

static int run_runner_list(struct cli *cli, const struct arguments *a)
{
	(void)a;
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *list = NULL;
	const struct collection *c = collection_by_path("/runners");
	if (api_list(cli, c->path, 0, &list, &e) < 0 ||
	    print_list(cli, list, c->columns, c->name, &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

/* What the kernel there gives against modules; older runners do not say. */
static void print_sandbox(const json_t *runner)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	const char *warning = json_get_str(runner, "info.sandbox.warning");
	int64_t abi = json_get_int(runner, "info.sandbox.landlock", 0);
	strbuf_addstr(&out, "sandbox  ");
	if (warning)
		text_add(&out, warning);
	else if (abi > 0)
		strbuf_addf(&out, "Landlock ABI %lld", (long long)abi);
	else
		strbuf_addstr(&out, "not known");
	strbuf_addch(&out, '\n');
	print_out(&out);
}

static int run_runner_get(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *runner = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	const struct collection *c = collection_by_path("/runners");
	path_add(&path, c->path, a->words[0]);
	if (api_get(cli, path.data, &runner, &e) < 0 ||
	    print_object(cli, runner, c->columns, c->name, &e) < 0)
		return cli_fail(cli, e);
	if (format_is_table(cli))
		print_sandbox(runner);
	return EXIT_CODE_OK;
}

/* The first request, without confirm, is refused and says what is at stake. */
static int run_runner_abandon(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL, *stakes = NULL;
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	if (require(a, "reason", &e) < 0)
		return cli_fail(cli, e);
	path_add(&path, "/runners", a->words[0]);
	strbuf_addstr(&path, "/abandon");
	json_t *body = json_new_object();
	json_set_string(body, "reason", argument_text(a, "reason"));
	if (api_post(cli, path.data, json_incref(body), NULL, &stakes) < 0) {
		bool asks = stakes->code == ERROR_CONFLICT;
		if (asks && !argument_flag(a, "yes"))
			say("%s", stakes->message);
		if (!asks ||
		    (!argument_flag(a, "yes") && prompt_yes("Abandon it?", "--yes", &e) < 0)) {
			json_decref(body);
			return cli_fail(cli, asks ? e : stakes);
		}
	}
	json_set_bool(body, "confirm", true);
	if (api_post(cli, path.data, body, &answer, &e) < 0)
		return cli_fail(cli, e);
	if (!format_is_table(cli))
		return print_object(cli, answer, NULL, ".id", &e) < 0 ? cli_fail(cli, e)
								      : EXIT_CODE_OK;
	say("%s is abandoned", a->words[0]);
	return EXIT_CODE_OK;
}

const struct command state_commands[] = {
	{.name = "list",
	 .summary = "List the versions of a resource's state",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton state list orders",
	 .run = run_state_list},
	{.name = "show",
	 .summary = "List the resources in a state",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton state show orders",
	 .options = version_options,
	 .run = run_state_show},
	{.name = "pull",
	 .summary = "Print a state as it is; it may hold secrets",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton state pull orders > orders.tfstate",
	 .options = version_options,
	 .run = run_state_pull},
	{.name = "rollback",
	 .summary = "Make an earlier version the current state",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples =
		 "planton state rollback orders --version VERSION --reason \"state was damaged\"",
	 .options = rollback_options,
	 .run = run_state_rollback},
	{.name = "lock",
	 .summary = "Show who holds a state's lock",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton state lock orders",
	 .run = run_state_lock},
	{0},
};
const struct command runner_commands[] = {
	{.name = "list",
	 .summary = "List runners",
	 .examples = "planton runner list",
	 .run = run_runner_list},
	{.name = "get",
	 .summary = "Show a runner",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton runner get rnr_01jx4k… -o yaml",
	 .run = run_runner_get},
	{.name = "abandon",
	 .summary = "Give up a lost runner and free what it holds",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .examples = "planton runner abandon rnr_01jx4k… --reason \"the machine burned down\"",
	 .text = "Says first what is at stake: an engine that still runs there could go on "
		 "changing infrastructure.",
	 .options = abandon_options,
	 .run = run_runner_abandon},
	{0},
};
