/* The root of the commands, and what runs one of them. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/strutil.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/term.h"

static int run_help(struct cli *cli, const struct arguments *a)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	const struct command *path[4] = {cli->root};
	size_t depth = 1;
	for (size_t i = 0; i < a->n_words && depth < ARRAY_SIZE(path); i++) {
		const struct command *c = command_find(path[depth - 1], a->words[i]);
		if (!c) {
			_cleanup_error_ struct error *e = NULL;
			error_set(&e, ERROR_INVALID_ARGUMENT, "there is no command \"%s\"",
				  a->words[i]);
			error_hint(&e, "planton help lists the commands");
			return cli_fail(cli, e);
		}
		path[depth++] = c;
	}
	help_write(&out, path, depth, cli->colour_out);
	print_out(&out);
	return EXIT_CODE_OK;
}

static int run_man(struct cli *cli, const struct arguments *a)
{
	(void)a;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	man_write(&out, cli->root);
	print_out(&out);
	return EXIT_CODE_OK;
}

static int run_completion(struct cli *cli, const struct arguments *a)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	bool known = false;
	for (size_t i = 0; shell_names[i]; i++)
		known |= streq(shell_names[i], a->words[0]);
	if (!known) {
		_cleanup_error_ struct error *e = NULL;
		error_set(&e, ERROR_INVALID_ARGUMENT,
			  "there is no completion for \"%s\", only for bash, zsh and fish",
			  a->words[0]);
		return cli_fail(cli, e);
	}
	completion_script(&out, a->words[0]);
	print_out(&out);
	return EXIT_CODE_OK;
}

static int run_complete_words(struct cli *cli, const struct arguments *a)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	enum word_kind kind = completion_write(&out, cli->root, a->words, a->n_words);
	if (kind == WORD_RESOURCE || kind == WORD_JOB) {
		/* The line so far may name a server, an organization, an environment; it is not
		 * finished, so it need not be right. */
		_cleanup_arguments_ struct arguments line = {0};
		int last = (int)a->n_words - 1;
		(void)arguments_parse(cli->root, last, (char *const *)a->words, &line, NULL);
		if (cli_init(cli, cli->root, &line, NULL) >= 0)
			completion_add_names(&out, cli, kind, a->words[last]);
	}
	print_out(&out);
	return EXIT_CODE_OK;
}

static const struct command commands[] = {
	{
		.name = "apply",
		.summary = "Create or update what manifests describe, and run their Stack Jobs",
		.examples = "planton apply -f database.yaml --tail\n"
			    "planton apply -f ./manifests -m \"bigger connection pool\"\n"
			    "generate-manifest | planton apply -f -",
		.text = "A folder's *.yaml, *.yml and *.json are applied in the order of their "
			"references: organizations,\n"
			"environments, connections, then cloud resources. What is unchanged "
			"creates no job, unless its\n"
			"last change failed, was cancelled, was a destroy or never ran.",
		.options = apply_options,
		.run = run_apply,
	},
	{
		.name = "preview",
		.summary = "Show what applying manifests would change, without saving them",
		.examples = "planton preview -f database.yaml\n"
			    "planton preview -f database.yaml --detailed-exitcode   # 0 no "
			    "changes, 2 changes",
		.options = preview_options,
		.run = run_preview,
	},
	{
		.name = "diff",
		.summary = "Compare manifests with what is saved",
		.examples =
			"planton diff -f ./manifests   # exit 0 same, 1 different, more on error",
		.options = file_options,
		.run = run_diff,
	},
	{
		.name = "validate",
		.summary = "Check manifests without saving them",
		.examples = "planton validate -f database.yaml",
		.options = file_options,
		.run = run_validate,
	},
	{
		.name = "get",
		.summary = "Show resources",
		.words = "RESOURCE...",
		.min_words = 1,
		.max_words = WORDS_ANY,
		.word_kind = WORD_RESOURCE,
		.examples = "planton get PostgresDatabase/orders -o yaml\n"
			    "planton get orders -o jsonpath='{.status.outputs}'",
		.text = "A RESOURCE is an id, Kind/slug, or a slug where it is unique.",
		.run = run_get,
	},
	{
		.name = "list",
		.summary = "List resources",
		.words = "[KIND|COLLECTION]",
		.max_words = 1,
		.word_kind = WORD_COLLECTION,
		.examples = "planton list\n"
			    "planton list PostgresDatabase --env prod\n"
			    "planton list kinds",
		.text = "Collections: cloud-resources (unless another is named), organizations, "
			"environments, connections,\n"
			"stack-jobs, runners, kinds, modules, provider-types.",
		.options = list_options,
		.run = run_list,
	},
	{
		.name = "output",
		.summary = "Show a resource's outputs",
		.words = "RESOURCE [NAME]",
		.min_words = 1,
		.max_words = 2,
		.word_kind = WORD_RESOURCE,
		.examples = "planton output orders\n"
			    "planton output orders uri --raw --show-sensitive",
		.options = output_options,
		.run = run_output,
	},
	{
		.name = "delete",
		.summary = "Delete a resource's record (destroy its infrastructure first)",
		.words = "RESOURCE...",
		.min_words = 1,
		.max_words = WORDS_ANY,
		.word_kind = WORD_RESOURCE,
		.examples = "planton delete PostgresDatabase/orders\n"
			    "planton delete orders --abandon --reason \"moved to another account\"",
		.text = "Refused while its state is not empty. --abandon gives the infrastructure "
			"up and keeps the last state.",
		.options = delete_options,
		.run = run_delete,
	},
	{.name = "stack-job",
	 .alias = "sj",
	 .summary = "Create, follow and control Stack Jobs",
	 .examples = "planton stack-job create-stack-job orders --operation update --tail\n"
		     "planton sj list orders\n"
		     "planton sj logs sj_01jx4k…",
	 .subcommands = stack_job_commands},
	{.name = "cloud-resource",
	 .alias = "cr",
	 .summary = "Destroy, purge and look into cloud resources",
	 .examples = "planton cr destroy PostgresDatabase/orders --tail\n"
		     "planton cr versions orders",
	 .subcommands = cloud_resource_commands},
	{.name = "connection",
	 .alias = "conn",
	 .summary = "Provider credentials",
	 .examples = "planton connection create main-aws --provider aws --field "
		     "region=eu-central-1 \\\n"
		     "    --field-env accessKeyId=AWS_ACCESS_KEY_ID --field-env "
		     "secretAccessKey=AWS_SECRET_ACCESS_KEY",
	 .subcommands = connection_commands},
	{.name = "organization",
	 .alias = "org",
	 .summary = "Organizations",
	 .examples = "planton organization create acme",
	 .subcommands = organization_commands},
	{.name = "environment",
	 .alias = "env",
	 .summary = "Environments of an organization",
	 .examples = "planton environment create prod",
	 .subcommands = environment_commands},
	{.name = "state",
	 .summary = "States of cloud resources and their versions",
	 .examples = "planton state list orders\n"
		     "planton state pull orders > orders.tfstate",
	 .subcommands = state_commands},
	{.name = "runner",
	 .summary = "Runners",
	 .examples = "planton runner list",
	 .subcommands = runner_commands},
	{.name = "context",
	 .summary = "Named servers and defaults, kept in the context file",
	 .examples = "planton context set prod --server https://planton.example.com --org acme\n"
		     "planton context use prod",
	 .subcommands = context_commands},
	{.name = "login",
	 .summary = "Keep a server's key in a context",
	 .examples = "planton login --server https://planton.example.com --context prod\n"
		     "planton login < key-file",
	 .text = "The key is read from stdin, or asked for on a terminal. It is tried before it is "
		 "kept.",
	 .word_kind = WORD_CONTEXT,
	 .run = run_login},
	{.name = "version",
	 .summary = "Show the versions of this program and of the server",
	 .examples = "planton version",
	 .run = run_version},
	{.name = "completion",
	 .summary = "Print a completion script",
	 .words = "bash|zsh|fish",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_SHELL,
	 .examples = "source <(planton completion bash)\n"
		     "planton completion fish > ~/.config/fish/completions/planton.fish",
	 .run = run_completion},
	{.name = "man",
	 .summary = "Print the manual page's source",
	 .examples = "planton man | man -l -",
	 .run = run_man},
	{.name = "help",
	 .summary = "Show help",
	 .words = "[COMMAND...]",
	 .max_words = 3,
	 .word_kind = WORD_COMMAND,
	 .examples = "planton help stack-job create-stack-job",
	 .run = run_help},
	{.name = "complete-words",
	 .summary = "Used by completion scripts",
	 .words = "WORD...",
	 .max_words = WORDS_ANY,
	 .run = run_complete_words,
	 .hidden = true},
	{0},
};

const struct command root_command = {
	.name = "planton",
	.summary = "Run infrastructure changes as Stack Jobs",
	.examples = "planton apply -f database.yaml --tail      # create or update, and watch\n"
		    "planton sj list orders                     # its Stack Jobs\n"
		    "planton sj logs sj_01jx4k…                 # a job's log, live or afterwards\n"
		    "planton sj resume sj_01jx4k…               # approve what it waits for\n"
		    "planton output orders                      # what it made",
	.text = "planton server and planton runner run the two services; their own --help tells "
		"more.",
	.subcommands = commands,
};

static int show_help(struct cli *cli, const struct arguments *a)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	cli->colour_out = term_use_colour(COLOUR_AUTO, STDOUT_FILENO);
	help_write(&out, a->path, a->depth, cli->colour_out);
	print_out(&out);
	return EXIT_CODE_OK;
}

int cli_main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	json_object_seed(0);
	_cleanup_(cli_release) struct cli cli = {.root = &root_command, .settings = {0}};
	_cleanup_arguments_ struct arguments a = {0};
	_cleanup_error_ struct error *e = NULL;
	cli.colour_err = term_use_colour(COLOUR_AUTO, STDERR_FILENO);
	if (argc < 2) {
		a.path[0] = &root_command;
		a.depth = 1;
		return show_help(&cli, &a);
	}
	if (streq(argv[1], "--version"))
		argv[1] = (char *)"version";
	if (arguments_parse(&root_command, argc, argv, &a, &e) < 0)
		return cli_fail(&cli, e);
	if (a.help)
		return show_help(&cli, &a);
	bool plain = a.command->run == run_help || a.command->run == run_man ||
		     a.command->run == run_completion || a.command->run == run_complete_words;
	if (!plain && cli_init(&cli, &root_command, &a, &e) < 0)
		return cli_fail(&cli, e);
	return a.command->run(&cli, &a);
}
