/* apply, preview, diff, validate: commands that take manifests. */
#include <stdio.h>
#include <string.h>

#include "base/strutil.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/manifest_files.h"
#include "cli/output.h"
#include "cli/style.h"
#include "cli/text.h"
#include "model/enums.h"
#include "model/json.h"

static const char *const apply_operations[] = {"update", "none", NULL};

static const struct option file_table[] = {
	{"filename", 'f', OPTION_LIST, "PATH", .help = "a file, a folder, or - for stdin"},
	{"file", 0, OPTION_LIST, "PATH", .help = "the same"},
	{0},
};
static const struct option apply_table[] = {
	{"version-message", 'm', OPTION_TEXT, "TEXT", .help = "why, like a commit message"},
	{"operation", 0, OPTION_CHOICE, "OPERATION",
	 .help = "the Stack Job to run: update, or none to only save", .choices = apply_operations},
	{"if-match", 0, OPTION_TEXT, "VERSION",
	 .help = "refuse unless this is the resource's version"},
	{0},
};
static const struct option preview_table[] = {
	{"detailed-exitcode", .type = OPTION_FLAG,
	 .help = "exit 0 without changes, 2 with changes"},
	{"version-message", 'm', OPTION_TEXT, "TEXT", .help = "why, like a commit message"},
	{0},
};
const struct option *const file_options[] = {file_table, NULL};
const struct option *const apply_options[] = {file_table,   apply_table,   tail_options,
					      show_options, pause_options, NULL};
const struct option *const preview_options[] = {file_table, preview_table, show_options,
						pause_options, NULL};

static int load_from(const struct arguments *a, const char *option, struct cli *cli,
		     struct manifest_files *files, struct error **err)
{
	_cleanup_free_ const char **paths = argument_list(a, option);
	int r = 0;
	for (size_t i = 0; paths[i] && r >= 0; i++)
		r = manifest_files_load(files, paths[i], cli->settings.org, cli->settings.env, err);
	return r;
}

/* All of them read and in order, before anything is sent. */
static int load(struct cli *cli, const struct arguments *a, bool with_secrets,
		struct manifest_files *files, struct error **err)
{
	int r = load_from(a, "filename", cli, files, err);
	if (r >= 0)
		r = load_from(a, "file", cli, files, err);
	if (r >= 0 && !files->count) {
		r = error_set(err, ERROR_INVALID_ARGUMENT, "there is nothing to %s",
			      a->command->name);
		error_hint(err, "name a file or folder: planton %s -f PATH", a->command->name);
	}
	if (r >= 0)
		r = manifest_files_order(files, err);
	for (size_t i = 0; with_secrets && i < files->count && r >= 0; i++)
		r = manifest_resolve_fields(files->items[i].document, err);
	return r;
}

static json_t *body_of(const struct manifest_file *file)
{
	json_t *body = json_new_object();
	json_set_value(body, "manifest", json_incref(file->document));
	return body;
}

struct applying {
	struct follow_job *jobs;
	size_t n_jobs;
	json_t *answers; /* for formats that are not tables */
};

static void applying_release(struct applying *p)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		follow_job_release(&p->jobs[i]);
	free(p->jobs);
	json_decref(p->answers);
}

static void print_applied(struct cli *cli, const struct manifest_file *file, const json_t *answer,
			  const char *job_id)
{
	const char *outcome = json_get_str(answer, "outcome"),
		   *reason = json_get_str(answer, "reason");
	_cleanup_free_ char *label = manifest_label(file->document);
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	if (cli->format == FORMAT_NAME) {
		text_add(&line, json_get_str(answer, "resource.metadata.id"));
	} else {
		text_add(&line, label);
		strbuf_addch(&line, ' ');
		style_add(&line, cli->colour_out,
			  streq_null(outcome, "unchanged") ? STYLE_DIM : STYLE_GREEN,
			  outcome ? outcome : "applied");
		if (reason) {
			strbuf_addstr(&line, "; ");
			text_add(&line, reason);
		}
		if (job_id) {
			strbuf_addstr(&line, "  ");
			text_add(&line, job_id);
		}
	}
	strbuf_addch(&line, '\n');
	print_out(&line);
}

static int apply_one(struct cli *cli, const struct arguments *a, const struct manifest_file *file,
		     struct applying *p, struct error **err)
{
	_cleanup_json_ json_t *body = body_of(file), *answer = NULL;
	json_set_string(body, "message", argument_text(a, "version-message"));
	json_set_string(body, "operation", argument_text(a, "operation"));
	struct api_request q = {
		.path = "/apply", .body = body, .if_match = argument_text(a, "if-match")};
	int r = api_call(cli, &q, &answer, err);
	if (r < 0)
		return error_wrap(err, "cannot apply %s", file->source);
	const json_t *job = json_object_get(answer, "stackJob");
	const char *job_id = json_get_str(job, "metadata.id");
	if (job_id) {
		p->jobs = xreallocarray(p->jobs, p->n_jobs + 1, sizeof(*p->jobs));
		follow_job_init(&p->jobs[p->n_jobs++], job);
	}
	if (format_is_table(cli) || cli->format == FORMAT_NAME)
		print_applied(cli, file, answer, job_id);
	else if (cli->format == FORMAT_JSONL && !argument_flag(a, "tail"))
		return print_value(cli, answer, err);
	else
		json_append_value(p->answers, TAKE_PTR(answer));
	return 0;
}

static int print_answers(struct cli *cli, struct applying *p, struct error **err)
{
	if (format_is_table(cli) || cli->format == FORMAT_NAME || cli->format == FORMAT_JSONL)
		return 0;
	if (json_array_size(p->answers) == 1)
		return print_value(cli, json_array_get(p->answers, 0), err);
	_cleanup_json_ json_t *list = json_new_object();
	json_set_value(list, "items", json_incref(p->answers));
	return print_value(cli, list, err);
}

static int follow_all(struct cli *cli, const struct arguments *a, struct applying *p)
{
	struct follow_options o = follow_options_of(a);
	if (!format_is_table(cli) && cli->format != FORMAT_JSONL)
		o.summary = o.outputs = o.diff = false;
	return follow_jobs(cli, p->jobs, p->n_jobs, &o);
}

/* The server's findings on one manifest, without those that others of the same command settle. */
static int check_one(struct cli *cli, const struct manifest_files *files,
		     const struct manifest_file *file, json_t **ret, struct error **err)
{
	json_t *answer = NULL;
	int r = api_post(cli, "/validate", body_of(file), &answer, err);
	if (r < 0)
		return error_wrap(err, "cannot validate %s", file->source);
	json_t *errors = json_object_get(answer, "errors");
	for (size_t i = json_array_size(errors); i-- > 0;)
		if (manifest_files_settle(files, file->document,
					  json_get_str(json_array_get(errors, i), "field")))
			(void)json_array_remove(errors, i);
	json_set_bool(answer, "valid", json_array_size(errors) == 0);
	*ret = answer;
	return 0;
}

/* Lines without the end of the last. */
static void add_findings(struct strbuf *out, const struct manifest_file *file, const json_t *errors)
{
	size_t i;
	json_t *issue;
	_cleanup_free_ char *label = manifest_label(file->document);
	text_add(out, label);
	strbuf_addstr(out, " invalid: ");
	text_add(out, file->source);
	json_array_foreach((json_t *)errors, i, issue)
	{
		strbuf_addstr(out, "\n  ");
		text_add(out, json_get_str(issue, "message"));
	}
}

/* Before the first is applied, so that none is when one cannot be. */
static int check_all(struct cli *cli, const struct manifest_files *files, struct error **err)
{
	size_t invalid = 0;
	for (size_t i = 0; i < files->count; i++) {
		_cleanup_json_ json_t *answer = NULL;
		int r = check_one(cli, files, &files->items[i], &answer, err);
		if (r < 0)
			return r;
		if (json_get_bool(answer, "valid", false))
			continue;
		_cleanup_strbuf_ struct strbuf findings = STRBUF_INIT;
		add_findings(&findings, &files->items[i], json_object_get(answer, "errors"));
		say("%s", findings.data);
		invalid++;
	}
	return invalid ? error_set(err, ERROR_UNPROCESSABLE,
				   "nothing was applied: %zu of %zu manifests %s invalid", invalid,
				   files->count, invalid == 1 ? "is" : "are")
		       : 0;
}

int run_apply(struct cli *cli, const struct arguments *a)
{
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_(applying_release) struct applying p = {.answers = json_new_array()};
	_cleanup_error_ struct error *e = NULL;
	if (load(cli, a, true, &files, &e) < 0)
		return cli_fail(cli, e);
	if (argument_text(a, "if-match") && files.count > 1) {
		error_set(&e, ERROR_INVALID_ARGUMENT,
			  "--if-match is for one manifest, and there are %zu", files.count);
		return cli_fail(cli, e);
	}
	if (files.count > 1 && check_all(cli, &files, &e) < 0)
		return cli_fail(cli, e);
	size_t applied = 0;
	while (applied < files.count && apply_one(cli, a, &files.items[applied], &p, &e) >= 0)
		applied++;
	if (applied + 1 < files.count)
		error_hint(&e, "%s%s%zu more were not applied; apply again when this is right",
			   e->hint ? e->hint : "", e->hint ? "; " : "", files.count - applied - 1);
	if (!e)
		(void)print_answers(cli, &p, &e);
	int code = argument_flag(a, "tail") ? follow_all(cli, a, &p) : EXIT_CODE_OK;
	return e ? cli_fail(cli, e) : code;
}

int run_preview(struct cli *cli, const struct arguments *a)
{
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_(applying_release) struct applying p = {.answers = NULL};
	_cleanup_error_ struct error *e = NULL;
	if (load(cli, a, false, &files, &e) < 0)
		return cli_fail(cli, e);
	for (size_t i = 0; i < files.count; i++) {
		if (resource_type_from_string(json_get_str(files.items[i].document, "kind")) >= 0) {
			say("%s: only cloud resources have a preview, left out",
			    files.items[i].source);
			continue;
		}
		_cleanup_json_ json_t *job = NULL;
		json_t *body = body_of(&files.items[i]);
		json_set_string(body, "operation", "preview");
		json_set_string(body, "message", argument_text(a, "version-message"));
		if (api_post(cli, "/stack-jobs", body, &job, &e) < 0) {
			error_wrap(&e, "cannot preview %s", files.items[i].source);
			return cli_fail(cli, e);
		}
		p.jobs = xreallocarray(p.jobs, p.n_jobs + 1, sizeof(*p.jobs));
		follow_job_init(&p.jobs[p.n_jobs++], job);
		if (cli->format != FORMAT_JSONL)
			say("%s preview  %s", p.jobs[p.n_jobs - 1].label, p.jobs[p.n_jobs - 1].id);
	}
	struct follow_options o = follow_options_of(a);
	o.plan_exit = argument_flag(a, "detailed-exitcode");
	return follow_jobs(cli, p.jobs, p.n_jobs, &o);
}

static void print_diff(const struct cli *cli, const char *diff)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	while (*diff) {
		size_t n = strcspn(diff, "\n");
		enum style style = diff[0] == '+'   ? STYLE_GREEN
				   : diff[0] == '-' ? STYLE_RED
				   : diff[0] == '@' ? STYLE_CYAN
						    : STYLE_NONE;
		_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
		text_add_safe(&line, diff, n, false);
		style_add(&out, cli->colour_out, style, line.data);
		strbuf_addch(&out, '\n');
		diff += n + (diff[n] == '\n');
	}
	print_out(&out);
}

/* 1 means different, so an error is never 1. */
static int diff_failed(struct cli *cli, struct error **err)
{
	int code = cli_fail(cli, *err);
	return code == EXIT_CODE_ERROR ? EXIT_CODE_USAGE : code;
}

int run_diff(struct cli *cli, const struct arguments *a)
{
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_error_ struct error *e = NULL;
	if (load(cli, a, true, &files, &e) < 0)
		return diff_failed(cli, &e);
	int code = 0;
	for (size_t i = 0; i < files.count; i++) {
		_cleanup_json_ json_t *answer = NULL;
		if (api_post(cli, "/diff", body_of(&files.items[i]), &answer, &e) < 0) {
			error_wrap(&e, "cannot compare %s", files.items[i].source);
			return diff_failed(cli, &e);
		}
		if (!format_is_table(cli) && print_value(cli, answer, &e) < 0)
			return diff_failed(cli, &e);
		if (json_get_bool(answer, "same", true))
			continue;
		code = 1;
		if (format_is_table(cli))
			print_diff(cli, json_get_str(answer, "diff") ? json_get_str(answer, "diff")
								     : "");
	}
	return code;
}

int run_validate(struct cli *cli, const struct arguments *a)
{
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_error_ struct error *e = NULL;
	if (load(cli, a, true, &files, &e) < 0)
		return cli_fail(cli, e);
	int code = EXIT_CODE_OK;
	for (size_t i = 0; i < files.count; i++) {
		_cleanup_json_ json_t *answer = NULL;
		if (check_one(cli, &files, &files.items[i], &answer, &e) < 0)
			return cli_fail(cli, e);
		bool valid = json_get_bool(answer, "valid", false);
		if (!valid)
			code = EXIT_CODE_ERROR;
		if (!format_is_table(cli)) {
			if (print_value(cli, answer, &e) < 0)
				return cli_fail(cli, e);
			continue;
		}
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
		if (valid) {
			_cleanup_free_ char *label = manifest_label(files.items[i].document);
			text_add(&out, label);
			strbuf_addstr(&out, " valid");
		} else {
			add_findings(&out, &files.items[i], json_object_get(answer, "errors"));
		}
		strbuf_addch(&out, '\n');
		print_out(&out);
	}
	return code;
}
