/* Contexts, login, version. */
#include <string.h>
#include <unistd.h>

#include "base/seal.h"
#include "base/strutil.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/term.h"
#include "model/json.h"

static const struct option set_table[] = {
	{"token-file", 0, OPTION_TEXT, "PATH", .help = "a file that holds the key"},
	{0},
};
static const struct option *const set_options[] = {set_table, NULL};

static int unknown(const char *name, struct error **err)
{
	int r = error_set(err, ERROR_NOT_FOUND, "there is no context \"%s\"", name);
	error_hint(err, "planton context list shows them");
	return r;
}

static json_t *shown(const json_t *config, const char *name, const json_t *context)
{
	json_t *row = json_new_object();
	json_set_string(row, "current", streq_null(config_current(config), name) ? "*" : NULL);
	json_set_string(row, "name", name);
	json_set_string(row, "server", json_get_str(context, "server"));
	json_set_string(row, "org", json_get_str(context, "org"));
	json_set_string(row, "env", json_get_str(context, "env"));
	json_set_string(row, "tokenFile", json_get_str(context, "tokenFile"));
	if (json_get_str(context, "token"))
		json_set_string(row, "token", "(kept)");
	return row;
}

static const struct column context_columns[] = {
	{"CURRENT", .path = ".current"},
	{"NAME", .path = ".name"},
	{"SERVER", .path = ".server"},
	{"ORG", .path = ".org"},
	{"ENV", .path = ".env"},
	{"KEY", ".tokenFile|.token", .wide = true},
	{0},
};

static int run_context_list(struct cli *cli, const struct arguments *a)
{
	(void)a;
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *config = NULL, *list = json_new_object();
	json_t *items = json_new_array();
	json_set_value(list, "items", items);
	if (config_load(&config, &e) < 0)
		return cli_fail(cli, e);
	const char *name;
	json_t *context;
	json_object_foreach(json_object_get(config, "contexts"), name, context)
		json_append_value(items, shown(config, name, context));
	return print_list(cli, list, context_columns, ".name", &e) < 0 ? cli_fail(cli, e)
								       : EXIT_CODE_OK;
}

static int run_context_show(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *config = NULL;
	if (config_load(&config, &e) < 0)
		return cli_fail(cli, e);
	const char *name = a->n_words ? a->words[0] : config_current(config);
	json_t *context = name ? config_context(config, name, false) : NULL;
	if (!context) {
		unknown(name ? name : "", &e);
		return cli_fail(cli, e);
	}
	_cleanup_json_ json_t *row = shown(config, name, context);
	return print_object(cli, row, context_columns, ".name", &e) < 0 ? cli_fail(cli, e)
									: EXIT_CODE_OK;
}

static int run_context_use(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *config = NULL;
	if (config_load(&config, &e) < 0)
		return cli_fail(cli, e);
	if (!config_context(config, a->words[0], false)) {
		unknown(a->words[0], &e);
		return cli_fail(cli, e);
	}
	json_set_string(config, "currentContext", a->words[0]);
	if (config_save(config, &e) < 0)
		return cli_fail(cli, e);
	say("now using context %s", a->words[0]);
	return EXIT_CODE_OK;
}

static int run_context_set(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *config = NULL;
	if (config_load(&config, &e) < 0)
		return cli_fail(cli, e);
	json_t *context = config_context(config, a->words[0], true);
	json_set_string(context, "server", argument_text(a, "server"));
	json_set_string(context, "org", argument_text(a, "org"));
	json_set_string(context, "env", argument_text(a, "env"));
	json_set_string(context, "tokenFile", argument_text(a, "token-file"));
	if (argument_text(a, "token-file"))
		json_object_del(context, "token");
	if (!config_current(config))
		json_set_string(config, "currentContext", a->words[0]);
	if (config_save(config, &e) < 0)
		return cli_fail(cli, e);
	say("context %s is set%s", a->words[0],
	    streq_null(config_current(config), a->words[0]) ? " and in use" : "");
	return EXIT_CODE_OK;
}

static int run_context_delete(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *config = NULL;
	if (config_load(&config, &e) < 0)
		return cli_fail(cli, e);
	if (json_object_del(json_object_get(config, "contexts"), a->words[0]) < 0) {
		unknown(a->words[0], &e);
		return cli_fail(cli, e);
	}
	if (streq_null(config_current(config), a->words[0]))
		json_object_del(config, "currentContext");
	if (config_save(config, &e) < 0)
		return cli_fail(cli, e);
	say("context %s is deleted", a->words[0]);
	return EXIT_CODE_OK;
}

static int keep_key(const struct cli *cli, const char *name, struct error **err)
{
	_cleanup_json_ json_t *config = NULL;
	int r = config_load(&config, err);
	if (r < 0)
		return r;
	json_t *context = config_context(config, name, true);
	json_set_string(context, "server", cli->settings.server);
	json_set_string(context, "org", cli->settings.org);
	json_set_string(context, "env", cli->settings.env);
	json_set_string(context, "token", cli->settings.token);
	json_object_del(context, "tokenFile");
	json_set_string(config, "currentContext", name);
	return config_save(config, err);
}

int run_login(struct cli *cli, const struct arguments *a)
{
	(void)a;
	_cleanup_error_ struct error *e = NULL;
	char *key = NULL;
	int r = prompt_possible() ? prompt_secret("API key:", "the key on stdin", &key, &e)
				  : read_line(&key, &e);
	if (r < 0)
		return cli_fail(cli, e);
	if (cli->settings.token)
		secure_wipe(cli->settings.token, strlen(cli->settings.token));
	free(cli->settings.token);
	cli->settings.token = key;
	if (api_get(cli, "/organizations?limit=1", NULL, &e) < 0) {
		error_wrap(&e, "the key was not kept");
		return cli_fail(cli, e);
	}
	const char *name = cli->settings.context ? cli->settings.context : "default";
	if (keep_key(cli, name, &e) < 0)
		return cli_fail(cli, e);
	say("logged in to %s as context %s", cli->settings.server, name);
	return EXIT_CODE_OK;
}

int run_version(struct cli *cli, const struct arguments *a)
{
	(void)a;
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *answer = NULL, *versions = json_new_object();
	int r = cli_connect(cli, &cli->http, &e);
	struct http_reply reply = {0};
	struct http_call call = {.method = "GET", .path = "/api/v1/version", .timeout_ms = 3000};
	if (r >= 0 && http_client_call(cli->http, &call, &reply, &e) >= 0) {
		if (reply.status == 200)
			(void)json_parse(reply.body.data, reply.body.size, JSON_DEFAULT_MAX_SIZE,
					 &answer, NULL);
		else
			api_error(reply.status, reply.body.data, reply.body.size, &e);
		http_reply_release(&reply);
	}
	const char *server = json_get_str(answer, "version");
	json_set_string(versions, "client", PLANTON_VERSION);
	json_set_string(versions, "server", server);
	json_set_string(versions, "apiVersion", json_get_str(answer, "apiVersion"));
	if (!format_is_table(cli))
		return print_value(cli, versions, &e) < 0 ? cli_fail(cli, e) : EXIT_CODE_OK;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "planton %s\n", PLANTON_VERSION);
	if (server)
		strbuf_addf(&out, "server  %s (%s)\n", server, cli->settings.server);
	print_out(&out);
	if (!server)
		say("server: no answer from %s", cli->settings.server);
	return EXIT_CODE_OK;
}

const struct command context_commands[] = {
	{.name = "list",
	 .summary = "List contexts",
	 .word_kind = WORD_CONTEXT,
	 .examples = "planton context list",
	 .run = run_context_list},
	{.name = "use",
	 .summary = "Make a context the current one",
	 .words = "NAME",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_CONTEXT,
	 .examples = "planton context use prod",
	 .run = run_context_use},
	{.name = "set",
	 .summary = "Make or change a context",
	 .words = "NAME",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_CONTEXT,
	 .examples = "planton context set prod --server https://planton.example.com --org acme "
		     "--env prod",
	 .options = set_options,
	 .run = run_context_set},
	{.name = "show",
	 .summary = "Show a context, without its key",
	 .words = "[NAME]",
	 .max_words = 1,
	 .word_kind = WORD_CONTEXT,
	 .examples = "planton context show -o yaml",
	 .run = run_context_show},
	{.name = "delete",
	 .summary = "Forget a context",
	 .words = "NAME",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_CONTEXT,
	 .examples = "planton context delete old",
	 .run = run_context_delete},
	{0},
};
