/* Resources of any type: get, list, output, delete; and what only cloud resources have. */
#include <assert.h>
#include <string.h>

#include "base/strutil.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/job_actions.h"
#include "cli/jsonpath.h"
#include "cli/output.h"
#include "cli/resource.h"
#include "cli/term.h"
#include "cli/text.h"
#include "model/json.h"

static const struct option list_table[] = {
	{"limit", 0, OPTION_NUMBER, "COUNT", .help = "at most this many; all unless given"},
	{"all-environments", 'A', OPTION_FLAG, .help = "of every environment"},
	{0},
};
static const struct option output_table[] = {
	{"raw", .type = OPTION_FLAG,
	 .help = "the value as it is, without quotes or a final newline"},
	{"show-sensitive", .type = OPTION_FLAG,
	 .help = "sensitive values, too; needs a permission and is audited"},
	{0},
};
static const struct option delete_table[] = {
	{"abandon", .type = OPTION_FLAG, .help = "give up infrastructure that is still there"},
	{"reason", 0, OPTION_TEXT, "TEXT", .help = "why it is abandoned"},
	{0},
};
const struct option *const list_options[] = {list_table, NULL};
const struct option *const output_options[] = {output_table, NULL};
const struct option *const delete_options[] = {delete_table, yes_options, NULL};
static const struct option *const destroy_options[] = {tail_options,  message_options, show_options,
						       pause_options, yes_options,     NULL};

int run_get(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *list = json_new_object();
	json_t *items = json_new_array();
	json_set_value(list, "items", items);
	const struct collection *first = NULL;
	assert(a->n_words > 0);
	for (size_t i = 0; i < a->n_words; i++) {
		_cleanup_resource_ struct resource r = {0};
		json_t *object = NULL;
		resource_parse(a->words[i], &r);
		if (resource_fetch(cli, a->words[i], &object, &e) < 0)
			return cli_fail(cli, e);
		json_append_value(items, object);
		if (first && first != r.collection && format_is_table(cli)) {
			error_set(&e, ERROR_INVALID_ARGUMENT,
				  "a table holds resources of one type only");
			error_hint(&e, "-o yaml shows any");
			return cli_fail(cli, e);
		}
		first = r.collection;
	}
	int r = a->n_words == 1 ? print_object(cli, json_array_get(items, 0), first->columns,
					       first->name, &e)
				: print_list(cli, list, first->columns, first->name, &e);
	return r < 0 ? cli_fail(cli, e) : EXIT_CODE_OK;
}

int run_list(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *list = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	const char *word = a->n_words ? a->words[0] : "cloud-resources", *kind = NULL;
	const struct collection *c = collection_by_word(word);
	if (!c && (word[0] < 'A' || word[0] > 'Z')) {
		error_set(&e, ERROR_INVALID_ARGUMENT, "there is no collection \"%s\"", word);
		const char *near = string_suggest(word, collection_words);
		if (near)
			error_hint(&e, "did you mean %s?", near);
		else
			error_hint(&e, "planton list --help names them; a kind begins with a "
				       "capital letter");
		return cli_fail(cli, e);
	}
	if (!c) {
		c = collection_by_path("/cloud-resources");
		kind = word;
	}
	strbuf_addstr(&path, c->path);
	if (c->by_org)
		query_add(&path, "org", cli->settings.org);
	if (c->by_env && !argument_flag(a, "all-environments"))
		query_add(&path, "env", cli->settings.env);
	query_add(&path, "kind", kind);
	if (api_list(cli, path.data, argument_number(a, "limit", 0), &list, &e) < 0 ||
	    print_list(cli, list, c->columns, c->name, &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int get_outputs(struct cli *cli, const struct arguments *a, json_t **ret, struct error **err)
{
	_cleanup_resource_ struct resource r = {0};
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	resource_parse(a->words[0], &r);
	resource_path(cli, &r, "/outputs", &path);
	if (argument_flag(a, "show-sensitive"))
		query_add(&path, "showSensitive", "true");
	return api_get(cli, path.data, ret, err);
}

static int print_one_output(struct cli *cli, const struct arguments *a, const json_t *outputs,
			    struct error **err)
{
	const char *name = a->words[1];
	const json_t *output = json_object_get(outputs, name);
	if (!output) {
		int r = error_set(err, ERROR_NOT_FOUND, "%s has no output \"%s\"", a->words[0],
				  name);
		error_hint(err, "planton output %s lists them", a->words[0]);
		return r;
	}
	const json_t *value = json_object_get(output, "value");
	if (!value && json_get_bool(output, "sensitive", false)) {
		int r = error_set(err, ERROR_PERMISSION_DENIED, "the output \"%s\" is sensitive",
				  name);
		error_hint(err, "--show-sensitive shows it, if you may see it");
		return r;
	}
	if (!format_is_table(cli))
		return print_value(cli, value, err);
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	bool raw = argument_flag(a, "raw");
	if (raw)
		json_add_plain(&out, value);
	else
		json_write(&out, value, JSON_WRITE_COMPACT);
	if (!raw)
		strbuf_addch(&out, '\n');
	print_out(&out);
	return 0;
}

static void print_all_outputs(const json_t *outputs)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	const char *name;
	json_t *output;
	json_object_foreach((json_t *)outputs, name, output)
	{
		_cleanup_strbuf_ struct strbuf value = STRBUF_INIT;
		const json_t *given = json_object_get(output, "value");
		text_add(&out, name);
		strbuf_addstr(&out, " = ");
		if (given)
			json_write(&value, given, JSON_WRITE_COMPACT);
		else
			strbuf_addstr(&value, "(sensitive)");
		text_add(&out, value.data);
		strbuf_addch(&out, '\n');
	}
	print_out(&out);
}

int run_output(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *answer = NULL;
	if (get_outputs(cli, a, &answer, &e) < 0)
		return cli_fail(cli, e);
	const json_t *outputs = json_object_get(answer, "outputs");
	int r = 0;
	if (a->n_words == 2)
		r = print_one_output(cli, a, outputs, &e);
	else if (!format_is_table(cli))
		r = print_value(cli, outputs, &e);
	else if (json_object_size(outputs))
		print_all_outputs(outputs);
	else
		say("%s has no outputs", a->words[0]);
	return r < 0 ? cli_fail(cli, e) : EXIT_CODE_OK;
}

static int delete_one(struct cli *cli, const struct arguments *a, const char *word,
		      struct error **err)
{
	_cleanup_resource_ struct resource r = {0};
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	_cleanup_json_ json_t *answer = NULL;
	resource_parse(word, &r);
	resource_path(cli, &r, "", &path);
	if (argument_flag(a, "abandon"))
		query_add(&path, "abandon", "true");
	query_add(&path, "reason", argument_text(a, "reason"));
	int result = api_call(cli, &(struct api_request){.method = "DELETE", .path = path.data},
			      &answer, err);
	if (result < 0)
		return error_wrap(err, "cannot delete %s", word);
	if (!format_is_table(cli) && cli->format != FORMAT_NAME)
		return print_value(cli, answer, err);
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "%s deleted\n", word);
	print_out(&out);
	const char *id = json_get_str(answer, "resource.metadata.id");
	if (argument_flag(a, "abandon") && id)
		say("what is kept can be read: planton cloud-resource versions %s, planton state "
		    "list %s",
		    id, id);
	return 0;
}

int run_delete(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	if (argument_flag(a, "abandon") && !argument_text(a, "reason")) {
		error_set(&e, ERROR_INVALID_ARGUMENT, "--abandon needs a reason");
		error_hint(&e, "--reason TEXT");
		return cli_fail(cli, e);
	}
	_cleanup_free_ char *question =
		a->n_words == 1 ? xasprintf("Delete %s?", a->words[0])
				: xasprintf("Delete %s and %zu more?", a->words[0], a->n_words - 1);
	if (!argument_flag(a, "yes") && prompt_yes(question, "--yes", &e) < 0)
		return cli_fail(cli, e);
	for (size_t i = 0; i < a->n_words; i++)
		if (delete_one(cli, a, a->words[i], &e) < 0)
			return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int run_destroy(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *job = NULL;
	if (confirm_destroy(cli, a, a->words[0], &e) < 0)
		return cli_fail(cli, e);
	json_t *body = json_new_object();
	json_set_string(body, "cloudResource", a->words[0]);
	resource_scope(cli, a->words[0], body);
	json_set_string(body, "operation", "destroy");
	json_set_string(body, "message", argument_text(a, "version-message"));
	if (api_post(cli, "/stack-jobs", body, &job, &e) < 0)
		return cli_fail(cli, e);
	return show_new_job(cli, a, job, "created");
}

static int run_purge(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *answer = NULL;
	_cleanup_resource_ struct resource r = {0};
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	if (confirm_destroy(cli, a, a->words[0], &e) < 0)
		return cli_fail(cli, e);
	resource_parse(a->words[0], &r);
	resource_path(cli, &r, "/purge", &path);
	json_t *body = json_new_object();
	json_set_string(body, "message", argument_text(a, "version-message"));
	if (api_post(cli, path.data, body, &answer, &e) < 0)
		return cli_fail(cli, e);
	const json_t *job = json_object_get(answer, "stackJob");
	if (!json_is_object(job)) {
		say("%s had no infrastructure and is deleted", a->words[0]);
		return EXIT_CODE_OK;
	}
	return show_new_job(cli, a, job, "created");
}

static int run_versions(struct cli *cli, const struct arguments *a)
{
	static const struct column columns[] = {
		{"ID", .path = ".id"},
		{"EVENT", .path = ".event"},
		{"BY", .path = ".actor"},
		{"AGE", ".createdAt", .type = COLUMN_AGE},
		{"STACK JOB", .path = ".stackJobId"},
		{"PREVIOUS", ".previousId", .wide = true},
		{"MESSAGE", .path = ".message"},
		{0},
	};
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *list = NULL;
	_cleanup_resource_ struct resource r = {0};
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	resource_parse(a->words[0], &r);
	resource_path(cli, &r, "/versions", &path);
	if (api_list(cli, path.data, 0, &list, &e) < 0 ||
	    print_list(cli, list, columns, ".id", &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

const struct command cloud_resource_commands[] = {
	{.name = "destroy",
	 .summary = "Destroy the infrastructure and keep the record",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton cr destroy PostgresDatabase/orders --tail",
	 .options = destroy_options,
	 .run = run_destroy},
	{.name = "purge",
	 .summary = "Destroy the infrastructure, then delete the record",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton cr purge PostgresDatabase/orders --yes --tail",
	 .options = destroy_options,
	 .run = run_purge},
	{.name = "get",
	 .summary = "Show cloud resources",
	 .words = "RESOURCE...",
	 .min_words = 1,
	 .max_words = WORDS_ANY,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton cr get orders -o yaml",
	 .run = run_get},
	{.name = "list",
	 .summary = "List cloud resources",
	 .words = "[KIND]",
	 .max_words = 1,
	 .examples = "planton cr list --env prod",
	 .options = list_options,
	 .run = run_list},
	{.name = "versions",
	 .summary = "List a resource's versions, newest first",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton cr versions orders",
	 .run = run_versions},
	{0},
};
