/* Stack Jobs: create, list, look at, follow. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/strutil.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/job_actions.h"
#include "cli/output.h"
#include "cli/resource.h"
#include "cli/style.h"
#include "cli/term.h"
#include "cli/text.h"
#include "model/json.h"

#define LIST_LIMIT 50

static const char *const operations[] = {"refresh", "preview", "update", "destroy", NULL};
static const char *const engine_operations[] = {"init",	 "refresh", "preview",
						"apply", "destroy", NULL};
static const char *const statuses[] = {"queued", "running", "awaiting_approval", "completed", NULL};
static const char *const results[] = {"tbd", "succeeded", "failed", "cancelled", NULL};

const struct option message_options[] = {
	{"version-message", 'm', OPTION_TEXT, "TEXT",
	 .help = "a description, like a commit message"},
	{0},
};
static const struct option create_table[] = {
	{"operation", 0, OPTION_CHOICE, "OPERATION", .help = "what to do; preview unless given",
	 .choices = operations},
	{"target", 0, OPTION_LIST, "ADDRESS",
	 .help = "only this resource of the module, and what it depends on"},
	{"replace", 0, OPTION_LIST, "ADDRESS",
	 .help = "plan to replace this resource of the module"},
	{0},
};
static const struct option list_table[] = {
	{"status", 0, OPTION_CHOICE, "STATUS", .help = "only these", .choices = statuses},
	{"result", 0, OPTION_CHOICE, "RESULT", .help = "only these", .choices = results},
	{"operation", 0, OPTION_CHOICE, "OPERATION", .help = "only these", .choices = operations},
	{"limit", 0, OPTION_NUMBER, "COUNT",
	 .help = "at most this many, 0 for all; 50 unless given"},
	{0},
};
static const struct option log_table[] = {
	{"no-follow", .type = OPTION_FLAG, .help = "only what is stored by now"},
	{"exit-status", .type = OPTION_FLAG, .help = "exit with the job's result"},
	{"operation", 0, OPTION_CHOICE, "OPERATION", .help = "only this operation",
	 .choices = engine_operations},
	{"after", 0, OPTION_NUMBER, "SEQ", .help = "only events after this one"},
	{0},
};
static const struct option preflight_table[] = {
	{"cloud-resource-kind", 0, OPTION_TEXT, "KIND", .help = "the kind to check for"},
	{"connection", 0, OPTION_TEXT, "CONNECTION",
	 .help = "the connection a resource would name"},
	{0},
};
static const struct option *const create_options[] = {create_table, tail_options,  message_options,
						      show_options, pause_options, yes_options,
						      NULL};
static const struct option *const job_list_options[] = {list_table, NULL};
static const struct option *const log_options[] = {log_table, pause_options, show_options, NULL};
static const struct option *const preflight_options[] = {preflight_table, NULL};

/* "✓ created sj_…  PostgresDatabase/db (prod) · by ana" */
static void print_header(struct cli *cli, const json_t *job, const char *word)
{
	struct follow_job named;
	follow_job_init(&named, job);
	const char *env = json_get_str(job, "spec.env"),
		   *actor = json_get_str(job, "status.actor.name");
	const char *provisioner = json_get_str(job, "status.essentials.iacModule.provisioner");
	if (!actor)
		actor = json_get_str(job, "status.actor");
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	style_add(&out, cli->colour_out, STYLE_GREEN, "✓");
	strbuf_addf(&out, " %s ", word);
	text_add(&out, named.id);
	strbuf_addstr(&out, "  ");
	text_add(&out, named.label);
	if (env) {
		strbuf_addstr(&out, " (");
		text_add(&out, env);
		strbuf_addch(&out, ')');
	}
	strbuf_addstr(&out, provisioner ? " · " : "");
	text_add(&out, provisioner);
	strbuf_addstr(&out, actor ? " · by " : "");
	text_add(&out, actor);
	strbuf_addch(&out, '\n');
	print_out(&out);
	follow_job_release(&named);
}

int show_new_job(struct cli *cli, const struct arguments *a, const json_t *job, const char *word)
{
	_cleanup_error_ struct error *e = NULL;
	bool tail = argument_flag(a, "tail");
	if (format_is_table(cli))
		print_header(cli, job, word);
	else if (!tail || cli->format != FORMAT_JSONL)
		if (print_object(cli, job, NULL, ".metadata.id", &e) < 0)
			return cli_fail(cli, e);
	if (!tail)
		return EXIT_CODE_OK;
	struct follow_job followed;
	follow_job_init(&followed, job);
	bool continued = streq(word, "resumed");
	followed.after = continued ? (uint64_t)json_get_int(job, "status.lastSeq", 0) : 0;
	struct follow_options o = follow_options_of(a);
	int code = follow_jobs(cli, &followed, 1, &o);
	follow_job_release(&followed);
	return code;
}

static void set_list(json_t *body, const char *key, const struct arguments *a, const char *option)
{
	_cleanup_free_ const char **values = argument_list(a, option);
	json_t *array = json_new_array();
	for (size_t i = 0; values[i]; i++)
		json_append_value(array, json_new_string(values[i]));
	if (json_array_size(array))
		json_set_value(body, key, array);
	else
		json_decref(array);
}

static int run_create(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *job = NULL;
	const char *operation = argument_text(a, "operation");
	bool destroy = streq_null(operation, "destroy");
	/* Where nobody can be asked, the operation that was named is answer enough: scripts give
	 * this command as the founding document has it, without --yes. */
	if (destroy && prompt_possible() && confirm_destroy(cli, a, a->words[0], &e) < 0)
		return cli_fail(cli, e);
	json_t *body = json_new_object();
	json_set_string(body, "cloudResource", a->words[0]);
	resource_scope(cli, a->words[0], body);
	json_set_string(body, "operation", operation ? operation : "preview");
	json_set_string(body, "message", argument_text(a, "version-message"));
	set_list(body, "targets", a, "target");
	set_list(body, "replaces", a, "replace");
	if (api_post(cli, "/stack-jobs", body, &job, &e) < 0)
		return cli_fail(cli, e);
	return show_new_job(cli, a, job, "created");
}

static int run_job_list(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *list = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	const struct collection *jobs = collection_by_path("/stack-jobs");
	strbuf_addstr(&path, jobs->path);
	query_add(&path, "org", cli->settings.org);
	query_add(&path, "env", a->n_words || argument_given(a, "env") ? cli->settings.env : NULL);
	query_add(&path, "cloudResource", a->n_words ? a->words[0] : NULL);
	query_add(&path, "status", argument_text(a, "status"));
	query_add(&path, "result", argument_text(a, "result"));
	query_add(&path, "operation", argument_text(a, "operation"));
	if (api_list(cli, path.data, argument_number(a, "limit", LIST_LIMIT), &list, &e) < 0 ||
	    print_list(cli, list, jobs->columns, jobs->name, &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int get_job(struct cli *cli, const char *id, json_t **ret, struct error **err)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	path_add(&path, "/stack-jobs", id);
	return api_get(cli, path.data, ret, err);
}

static void add_fact(struct strbuf *out, const char *name, const char *value)
{
	if (isempty(value))
		return;
	strbuf_addf(out, "%-12s ", name);
	text_add(out, value);
	strbuf_addch(out, '\n');
}

static void add_cancel(struct strbuf *out, const json_t *cancel)
{
	const char *by = json_get_str(cancel, "actor"), *reason = json_get_str(cancel, "reason"),
		   *time = json_get_str(cancel, "time"), *effect = json_get_str(cancel, "effect");
	_cleanup_free_ char *text =
		by ? xasprintf("by %s%s%s%s%s%s", by, time ? " at " : "", time ? time : "",
			       streq_null(effect, "none")	  ? ", in the last operation"
			       : streq_null(effect, "interrupts") ? ", by force"
								  : "",
			       isempty(reason) ? "" : ": ", isempty(reason) ? "" : reason)
		   : NULL;
	add_fact(out, "Cancel", text);
}

static void print_job(struct cli *cli, const json_t *job)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	struct follow_job named;
	follow_job_init(&named, job);
	const char *actor = json_get_str(job, "status.actor.name"),
		   *status = json_get_str(job, "status.status");
	const char *result = json_get_str(job, "status.result");
	add_fact(&out, "Stack Job", named.id);
	add_fact(&out, "Resource", named.label);
	add_fact(&out, "Environment", json_get_str(job, "spec.env"));
	add_fact(&out, "Operation", named.operation);
	add_fact(&out, "Status", status);
	add_fact(&out, "Result", streq_null(result, "tbd") ? NULL : result);
	add_fact(&out, "Error", json_get_str(job, "status.error.message"));
	add_fact(&out, "Message", json_get_str(job, "spec.message"));
	add_fact(&out, "By", actor ? actor : json_get_str(job, "status.actor"));
	add_fact(&out, "Rerun of", json_get_str(job, "spec.rerunOf"));
	add_fact(&out, "Waits for", json_get_str(job, "status.blockedBy.jobId"));
	add_fact(&out, "Why", json_get_str(job, "status.blockedBy.reason"));
	add_cancel(&out, json_get(job, "status.cancel"));
	add_fact(&out, "Runner", json_get_str(job, "status.runnerId"));
	add_fact(&out, "Created", json_get_str(job, "status.createdAt"));
	add_fact(&out, "Started", json_get_str(job, "status.startedAt"));
	add_fact(&out, "Ended", json_get_str(job, "status.endedAt"));
	strbuf_addch(&out, '\n');
	print_out(&out);

	static const struct column columns[] = {
		{"OPERATION", .path = ".operation"},
		{"STATUS", ".status", .type = COLUMN_STATUS},
		{"RESULT", ".result", .type = COLUMN_STATUS},
		{"TIME", ".durationMs", .type = COLUMN_DURATION},
		{"CHANGES", ".summary", .type = COLUMN_CHANGES},
		{"ERROR", .path = ".errors[0].summary|.errors[0].message|.errors[0]"},
		{0},
	};
	_cleanup_json_ json_t *list = json_new_object();
	json_set_value(list, "items", json_incref(json_get(job, "status.operations")));
	if (json_array_size(json_object_get(list, "items")))
		(void)print_list(cli, list, columns, ".operation", NULL);
	if (streq_null(status, "awaiting_approval"))
		say("awaiting approval. Resume: planton sj resume %s   Reject: planton sj cancel "
		    "%s",
		    named.id, named.id);
	follow_job_release(&named);
}

static int run_job_get(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *job = NULL;
	if (get_job(cli, a->words[0], &job, &e) < 0)
		return cli_fail(cli, e);
	if (format_is_table(cli))
		print_job(cli, job);
	else if (print_object(cli, job, NULL, ".metadata.id", &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int run_logs(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *job = NULL;
	if (get_job(cli, a->words[0], &job, &e) < 0)
		return cli_fail(cli, e);
	struct follow_job followed;
	follow_job_init(&followed, job);
	followed.after = argument_number(a, "after", 0);
	struct follow_options o = follow_options_of(a);
	o.logs = true;
	o.follow = !argument_flag(a, "no-follow");
	o.only = argument_text(a, "operation");
	int code = follow_jobs(cli, &followed, 1, &o);
	follow_job_release(&followed);
	bool about_job = code == EXIT_CODE_JOB_FAILED || code == EXIT_CODE_REFUSED ||
			 code == EXIT_CODE_CANCELLED || code == EXIT_CODE_AWAITING_APPROVAL;
	return about_job && !argument_flag(a, "exit-status") ? EXIT_CODE_OK : code;
}

static int run_stack_input(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *input = NULL;
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	path_add(&path, "/stack-jobs", a->words[0]);
	strbuf_addstr(&path, "/stack-input");
	if (!cli->format_given)
		cli->format = FORMAT_YAML;
	if (api_get(cli, path.data, &input, &e) < 0 || print_value(cli, input, &e) < 0)
		return cli_fail(cli, e);
	return EXIT_CODE_OK;
}

static int run_preflight(struct cli *cli, const struct arguments *a)
{
	static const struct column columns[] = {
		{"ESSENTIAL", .path = ".essential"},
		{"OK", .path = ".ok"},
		{"RULE", .path = ".rule"},
		{"DETAIL", .path = ".detail"},
		{"MISSING", ".missing", .type = COLUMN_BELOW},
		{0},
	};
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *report = NULL;
	const char *kind = argument_text(a, "cloud-resource-kind");
	if (!kind) {
		error_set(&e, ERROR_INVALID_ARGUMENT, "preflight-checks needs a kind");
		error_hint(&e, "--cloud-resource-kind KIND; planton list kinds shows them");
		return cli_fail(cli, e);
	}
	json_t *body = json_new_object();
	json_set_string(body, "cloudResourceKind", kind);
	json_set_string(body, "org", cli->settings.org);
	json_set_string(body, "env", cli->settings.env);
	json_set_string(body, "connection", argument_text(a, "connection"));
	if (api_post(cli, "/preflight-checks", body, &report, &e) < 0)
		return cli_fail(cli, e);
	bool ok = json_get_bool(report, "ok", false);
	if (format_is_table(cli)) {
		_cleanup_json_ json_t *list = json_new_object();
		json_set_value(list, "items", json_incref(json_object_get(report, "rows")));
		(void)print_list(cli, list, columns, ".essential", NULL);
		if (!ok)
			say("preflight fails: a Stack Job would not start");
	} else if (print_value(cli, report, &e) < 0) {
		return cli_fail(cli, e);
	}
	return ok ? EXIT_CODE_OK : EXIT_CODE_REFUSED;
}

const struct command stack_job_commands[] = {
	{.name = "create-stack-job",
	 .alias = "create",
	 .summary = "Create a Stack Job for a cloud resource",
	 .words = "RESOURCE",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples =
		 "planton stack-job create-stack-job orders                            # preview\n"
		 "planton stack-job create-stack-job orders --operation update --tail\n"
		 "planton stack-job create-stack-job PostgresDatabase/orders --operation refresh "
		 "-t",
	 .options = create_options,
	 .run = run_create},
	{.name = "list",
	 .summary = "List Stack Jobs, newest first",
	 .words = "[RESOURCE]",
	 .max_words = 1,
	 .word_kind = WORD_RESOURCE,
	 .examples = "planton stack-job list orders\n"
		     "planton sj list --status awaiting_approval",
	 .options = job_list_options,
	 .run = run_job_list},
	{.name = "get",
	 .summary = "Show a Stack Job",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_JOB,
	 .examples = "planton sj get sj_01jx4k… -o yaml",
	 .run = run_job_get},
	{.name = "stream-progress-events",
	 .alias = "logs",
	 .summary = "Stream a job's log, resource changes and transitions",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_JOB,
	 .examples = "planton stack-job stream-progress-events sj_01jx4k…\n"
		     "planton sj logs sj_01jx4k… --no-follow --operation apply\n"
		     "planton sj logs sj_01jx4k… -o jsonl",
	 .text = "Begins with the first event and goes on until the job ends. Without "
		 "--exit-status, reading the log of a\n"
		 "failed job exits 0.",
	 .options = log_options,
	 .run = run_logs},
	{.name = "cancel",
	 .summary = "Cancel a job; what is in flight completes first",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_JOB,
	 .examples = "planton sj cancel sj_01jx4k… --reason \"wrong size\"",
	 .text = "Cancelling a job that awaits approval rejects its plan.",
	 .options = cancel_options,
	 .run = run_cancel},
	{.name = "resume",
	 .summary = "Approve what a job waits for",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_JOB,
	 .examples = "planton sj resume sj_01jx4k… -m \"looks right\" --tail",
	 .options = resume_options,
	 .run = run_resume},
	{.name = "rerun",
	 .summary = "Repeat a completed job's operation as a new job",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_JOB,
	 .examples = "planton sj rerun sj_01jx4k… --tail",
	 .options = rerun_options,
	 .run = run_rerun},
	{.name = "stack-input",
	 .summary = "Show the stack input of a job",
	 .words = "ID",
	 .min_words = 1,
	 .max_words = 1,
	 .word_kind = WORD_JOB,
	 .examples = "planton sj stack-input sj_01jx4k…",
	 .run = run_stack_input},
	{.name = "preflight-checks",
	 .summary = "Check that the four essentials can be resolved",
	 .examples = "planton stack-job preflight-checks --cloud-resource-kind PostgresDatabase "
		     "--env prod",
	 .options = preflight_options,
	 .run = run_preflight},
	{0},
};
