/* cancel, resume, rerun. */
#include "cli/job_actions.h"

#include <string.h>

#include "base/strutil.h"
#include "cli/commands.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/resource.h"
#include "cli/term.h"
#include "model/json.h"

static const struct option cancel_table[] = {
	{"force", .type = OPTION_FLAG,
	 .help = "interrupt the engine, which then ends what it does as it can"},
	{"reason", 0, OPTION_TEXT, "TEXT", .help = "why; kept with the job"},
	{0},
};
static const struct option rerun_table[] = {
	{"allow-older-version", .type = OPTION_FLAG,
	 .help = "even if the resource has a newer version by now"},
	{0},
};
const struct option yes_options[] = {
	{"yes", 'y', OPTION_FLAG, .help = "do not ask"},
	{0},
};
const struct option *const cancel_options[] = {cancel_table, NULL};
const struct option *const resume_options[] = {tail_options, message_options, show_options,
					       pause_options, NULL};
const struct option *const rerun_options[] = {tail_options, message_options, rerun_table,
					      show_options, pause_options,   NULL};

static int post(struct cli *cli, const struct arguments *a, const char *action, json_t *body,
		json_t **ret, struct error **err)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	path_add(&path, "/stack-jobs", a->words[0]);
	strbuf_addf(&path, "/%s", action);
	return api_post(cli, path.data, body, ret, err);
}

int run_cancel(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *job = NULL;
	json_t *body = json_new_object();
	json_set_string(body, "reason", argument_text(a, "reason"));
	if (argument_flag(a, "force"))
		json_set_bool(body, "force", true);
	if (post(cli, a, "cancel", body, &job, &e) < 0)
		return cli_fail(cli, e);
	if (!format_is_table(cli))
		return print_object(cli, job, NULL, ".metadata.id", &e) < 0 ? cli_fail(cli, e)
									    : EXIT_CODE_OK;
	const char *effect = json_get_str(job, "status.cancel.effect");
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "%s %s\n", a->words[0],
		    streq_null(json_get_str(job, "status.status"), "completed") ? "cancelled"
		    : streq_null(effect, "interrupts")
			    ? "goes on until its engine, which is being interrupted, has ended"
		    : streq_null(effect, "none")
			    ? "is in its last operation: it ends as that does; --force interrupts "
			      "the engine"
			    : "will be cancelled when the operation in flight has completed");
	print_out(&out);
	return EXIT_CODE_OK;
}

int run_resume(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *job = NULL;
	json_t *body = json_new_object();
	json_set_string(body, "comment", argument_text(a, "version-message"));
	if (post(cli, a, "resume", body, &job, &e) < 0)
		return cli_fail(cli, e);
	return show_new_job(cli, a, job, "resumed");
}

int run_rerun(struct cli *cli, const struct arguments *a)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_json_ json_t *job = NULL;
	json_t *body = json_new_object();
	json_set_string(body, "message", argument_text(a, "version-message"));
	if (argument_flag(a, "allow-older-version"))
		json_set_bool(body, "allowOlderVersion", true);
	if (post(cli, a, "rerun", body, &job, &e) < 0)
		return cli_fail(cli, e);
	return show_new_job(cli, a, job, "created");
}

int confirm_destroy(struct cli *cli, const struct arguments *a, const char *resource,
		    struct error **err)
{
	if (argument_flag(a, "yes"))
		return 0;
	_cleanup_json_ json_t *object = NULL;
	int r = resource_fetch(cli, resource, &object, err);
	if (r < 0)
		return r;
	const char *slug = json_get_str(object, "metadata.slug"),
		   *kind = json_get_str(object, "kind");
	const char *env = json_get_str(object, "metadata.env");
	_cleanup_free_ char *question = xasprintf(
		"This destroys the infrastructure of %s/%s%s%s. Type its name (%s) to go on:",
		kind ? kind : "?", slug ? slug : "?", env ? " in " : "", env ? env : "",
		slug ? slug : "?");
	_cleanup_free_ char *answer = NULL;
	r = prompt_line(question, "--yes", &answer, err);
	if (r < 0)
		return r;
	if (streq_null(answer, slug))
		return 0;
	return error_set(err, ERROR_CANCELLED, "that is not its name, nothing was done");
}
