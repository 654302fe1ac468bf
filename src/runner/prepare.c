/*
 * A workspace is made for init. When an attempt finds none, because the job goes
 * on where it never was, it is made again first: from the pack of a paused job,
 * else from the module.
 */
#include "runner/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "base/digest.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "runner/init_cache.h"
#include "runner/inputs.h"
#include "runner/module_cache.h"
#include "runner/pack.h"
#include "runner/sequence.h"

/* Of an init that is not an attempt of its own. */
#define NOTES_MAX ((size_t)256 << 10)

struct engine_options prepare_options(const struct attempt *attempt)
{
	const struct grant *grant = attempt->grant;
	return (struct engine_options){
		.destroy = sequence_destroys(grant),
		.skip_refresh = sequence_skips_refresh(grant, attempt->command),
		.targets = grant->targets,
		.replaces = grant->replaces,
	};
}

void prepare_plan_digest(const struct attempt *attempt, char ret[DIGEST_HEX_SIZE])
{
	_cleanup_close_ int fd = workspace_open(&attempt->job->workspace,
						attempt->install->engine->plan_file, O_RDONLY);
	if (fd < 0 || digest_fd_hex(DIGEST_BLAKE2B, fd, ret) < 0)
		ret[0] = '\0';
}

static int put_module(struct attempt *attempt, struct error **err)
{
	struct job *job = attempt->job;
	const struct engine *engine = attempt->install->engine;
	_cleanup_free_ char *module = NULL;
	_cleanup_free_ char *backend = path_join(job->workspace.module, engine->backend_file, NULL);

	int r = workspace_make(&job->workspace, job->runner->public_key, err);
	if (r < 0)
		return r;
	if (attempt->grant->plan_artifact)
		return pack_fetch(job, err);
	r = module_cache_get(job->runner, job->http, attempt->grant->module_digest, &module, err);
	if (r < 0)
		return r;
	r = copy_tree(module, job->workspace.module, NULL);
	if (r == 0)
		r = write_file_atomic(backend, engine->backend_content,
				      strlen(engine->backend_content), 0600);
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "workspace %s",
				       job->workspace.module)
		     : 0;
}

static int take_variables(struct attempt *attempt, json_t **ret, struct error **err)
{
	char *output = NULL;
	size_t size = 0;

	int r = auxiliary_finish(&attempt->variables, &output, &size, err);
	if (r < 0)
		return error_wrap(err, "the module's variables cannot be read");
	r = variables_store(attempt->job->runner, attempt->install, attempt->grant->module_digest,
			    output, size, ret, err);
	if (size > 0)
		munmap(output, size);
	return r;
}

/* *ret_text (for the init cache's key) may be NULL. */
static int put_inputs(struct attempt *attempt, const json_t *variables, char **ret_text,
		      struct error **err)
{
	struct job *job = attempt->job;
	json_t *inputs, *secrets;

	int r = inputs_make(attempt->grant, attempt->install->engine, variables, &inputs, &secrets,
			    err);
	if (r < 0)
		return r;
	json_decref(job->module_secrets);
	job->module_secrets = secrets;
	job_build_masker(job);
	attempt->progress.masker = job->masker;
	r = inputs_write(attempt->install->engine, &job->workspace, inputs, err);
	if (r == 0 && ret_text)
		*ret_text = json_dumps(inputs, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(inputs);
	return r;
}

static int start_variables(struct attempt *attempt, struct error **err)
{
	return auxiliary_start(&attempt->variables, attempt->job, attempt->install,
			       ENGINE_SHOW_VARIABLES, err);
}

/* Module, inputs as far as they are known, init from the cache. 1: init is done. */
static int prepare_init(struct attempt *attempt, struct error **err)
{
	struct job *job = attempt->job;
	const struct engine *engine = attempt->install->engine;
	_cleanup_free_ char *inputs = NULL;
	bool packed = attempt->grant->plan_artifact != NULL;
	int r = put_module(attempt, err);
	if (r < 0)
		return r;
	bool early = engine->init_needs_inputs(job->workspace.module);
	json_t *variables =
		variables_cached(job->runner, attempt->install, attempt->grant->module_digest);
	if (!variables && !packed) {
		r = start_variables(attempt, err);
		if (r == 0 && early)
			r = take_variables(attempt, &variables, err);
	}
	if (r == 0 && variables && !packed)
		r = put_inputs(attempt, variables, early ? &inputs : NULL, err);
	json_decref(variables);
	if (r < 0)
		return r;

	init_cache_key(attempt->install, attempt->grant->module_digest, inputs, attempt->init_key);
	return init_cache_use(job->runner, engine, attempt->init_key, &job->workspace, err);
}

static int run_init(struct attempt *attempt, struct error **err)
{
	struct auxiliary init = AUXILIARY_INIT;
	char *output = NULL;
	size_t size = 0;

	int r = auxiliary_start(&init, attempt->job, attempt->install, ENGINE_INIT, err);
	if (r == 0)
		r = auxiliary_finish(&init, &output, &size, err);
	strbuf_add(&attempt->notes, output, MIN(size, NOTES_MAX));
	if (size > 0)
		munmap(output, size);
	return r < 0 ? error_wrap(err, "init of the workspace, which had to be made again, failed")
		     : 0;
}

/* What the runner that started this init may not have come to before it ended. */
static int put_missing_inputs(struct attempt *attempt, struct error **err)
{
	json_t *variables = variables_cached(attempt->job->runner, attempt->install,
					     attempt->grant->module_digest);
	int r = 0;

	if (!variables) {
		r = start_variables(attempt, err);
		if (r == 0)
			r = take_variables(attempt, &variables, err);
	}
	if (r == 0)
		r = put_inputs(attempt, variables, NULL, err);
	json_decref(variables);
	return r;
}

static bool has_providers(const struct attempt *attempt)
{
	_cleanup_free_ char *path =
		path_join(attempt->job->workspace.module, attempt->install->engine->data_dir,
			  "providers", NULL);
	return access(path, F_OK) == 0;
}

int prepare_after_init(struct attempt *attempt, struct error **err)
{
	struct job *job = attempt->job;
	/* Not ours from the beginning: then its key is not known, and it is not cached. */
	bool taken_over = !attempt->init_key[0];

	if (taken_over && !attempt->grant->plan_artifact) {
		int r = put_missing_inputs(attempt, err);
		if (r < 0)
			return r;
	}
	/* It may have been ended while the providers were on their way to the cache. */
	if (taken_over && !has_providers(attempt)) {
		int r = run_init(attempt, err);
		if (r < 0)
			return r;
	}
	if (attempt->variables.running) {
		json_t *variables;
		int r = take_variables(attempt, &variables, err);
		if (r < 0)
			return r;
		r = put_inputs(attempt, variables, NULL, err);
		json_decref(variables);
		if (r < 0)
			return r;
	}
	if (!attempt->reused && !taken_over) {
		_cleanup_error_ struct error *error = NULL;
		if (init_cache_store(job->runner, attempt->install->engine, attempt->init_key,
				     &job->workspace, &error) < 0) {
			_cleanup_free_ char *why = error_describe(error);
			log_warning("this init is not cached: %s", why);
		}
	}
	return workspace_set_ready(&job->workspace, attempt->init_key, err);
}

static int make_again(struct attempt *attempt, struct error **err)
{
	int r = prepare_init(attempt, err);
	if (r < 0)
		return r;
	attempt->reused = r == 1;
	if (r == 0)
		r = run_init(attempt, err);
	if (r >= 0)
		r = prepare_after_init(attempt, err);
	attempt->reused = false;
	return r;
}

static int check_plan(const struct attempt *attempt, struct error **err)
{
	const struct grant *grant = attempt->grant;
	const char *expected =
		grant->plan_digest && attempt->command == ENGINE_APPLY
			? grant->plan_digest
			: json_string_value(json_object_get(grant->previous, "planDigest"));
	char digest[DIGEST_HEX_SIZE];

	prepare_plan_digest(attempt, digest);
	if (!digest[0]) {
		error_set(err, ERROR_PRECONDITION_FAILED,
			  "the plan is gone: it was lost with the runner that made it, and nothing "
			  "was changed");
		error_hint(err, "rerun the job: planton stack-job rerun %s", grant->job_id);
		return -1;
	}
	if (!expected || !streq(digest, expected)) {
		error_set(err, ERROR_PRECONDITION_FAILED,
			  "the plan in the workspace is not the one that was shown: nothing was "
			  "changed");
		error_hint(err, "rerun the job: planton stack-job rerun %s", grant->job_id);
		return -1;
	}
	return 0;
}

int prepare(struct attempt *attempt, struct error **err)
{
	if (attempt->command == ENGINE_INIT) {
		int r = prepare_init(attempt, err);
		attempt->reused = r == 1;
		if (attempt->reused)
			strbuf_addstr(
				&attempt->notes,
				"Init was done before with the same module, engine and settings: "
				"its result is used again.");
		return r;
	}

	_cleanup_free_ char *ready = workspace_ready(&attempt->job->workspace);
	if (!ready) {
		int r = make_again(attempt, err);
		if (r < 0)
			return r;
	}
	if (attempt->command == ENGINE_APPLY || attempt->command == ENGINE_APPLY_REFRESH_ONLY)
		return check_plan(attempt, err);
	return 0;
}
