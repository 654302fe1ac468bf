/* Finding the engine, again and again: a look costs no process while its file stays the same. */
#include "runner/engine_install.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/process.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "runner/context.h"

/* Below any sensible lease: a poll waits for it. */
#define VERSION_TIMEOUT_MS 10000
#define VERSION_MAX	   (64 << 10)
#define PROBLEM_RETRY_MS   5000
#define CONFIG_MAX	   (1 << 20)
#define RECORD_MAX	   (1 << 20)

void engine_install_free(struct engine_install *install)
{
	if (!install)
		return;
	free(install->problem);
	free(install->path);
	free(install->version);
	free(install->identity);
	free(install->cli_config);
	free(install->cli_content);
	strv_free(install->read_paths);
	free(install);
}

static char *search_path(const char *path, const char *name)
{
	_cleanup_strv_ char **folders = strv_split(path, ':');

	for (char **folder = folders; folder && *folder; folder++) {
		_cleanup_free_ char *candidate = path_join(*folder, name, NULL);
		if (candidate[0] == '/' && access(candidate, X_OK) == 0)
			return TAKE_PTR(candidate);
	}
	return NULL;
}

static int not_found(struct error **err, const char *where)
{
	error_set(err, ERROR_NOT_FOUND, "no OpenTofu: %s", where);
	error_hint(err, "install OpenTofu 1.10 or later (not 1.12.0), or name it by --tofu "
			"or PLANTON_TOFU");
	return -1;
}

/* Sets path and identity; the path also when there is nothing. */
static int locate(const struct runner *runner, struct engine_install *install, struct error **err)
{
	const char *path = getenv("PATH") ? getenv("PATH") : "";
	_cleanup_free_ char *found = runner->options.tofu
					     ? xstrdup(runner->options.tofu)
					     : search_path(path, install->engine->binary);
	struct stat st;

	install->path = found ? realpath(found, NULL) : NULL;
	if (!install->path || stat(install->path, &st) < 0) {
		_cleanup_free_ char *where = found ? xasprintf("there is no %s", found)
						   : xasprintf("there is no %s on PATH (%s)",
							       install->engine->binary, path);
		free(install->path);
		install->path = found ? TAKE_PTR(found) : xasprintf("/%s", install->engine->binary);
		return not_found(err, where);
	}
	free(install->identity);
	install->identity = xasprintf("%s:%llu:%llu:%llu:%lld.%09ld", install->path,
				      (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
				      (unsigned long long)st.st_size, (long long)st.st_mtim.tv_sec,
				      (long)st.st_mtim.tv_nsec);
	return 0;
}

static int run_version(const struct engine_install *install, struct strbuf *output,
		       struct error **err)
{
	_cleanup_strv_ char **argv = NULL;
	char *env[] = {"CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null", "HOME=/nonexistent",
		       NULL};
	struct process_exit exit;

	strv_add(&argv, install->path);
	for (const char *const *argument = install->engine->version_arguments; *argument;
	     argument++)
		strv_add(&argv, *argument);
	/* No pipe: nobody waits for what holds the other end. */
	_cleanup_close_ int answer = memfd_create("version", MFD_CLOEXEC);
	if (answer < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", install->path);

	struct process_spec spec = {PROCESS_SPEC_INIT, .path = install->path, .argv = argv,
				    .envp = env, .cwd = "/"};
	spec.stdout_fd = answer;
	_cleanup_close_ int pidfd = -1;
	pid_t pid;
	int r = process_spawn(&spec, &pid, &pidfd);
	if (r < 0)
		return error_set_errno(err, ERROR_UNPROCESSABLE, r, "it cannot be run");
	r = process_wait(pidfd, VERSION_TIMEOUT_MS, &exit);
	/* The thread that polls reaps whatever has ended. */
	if (r == -ECHILD)
		r = 0;
	if (r == -ETIMEDOUT) {
		(void)process_signal(pidfd, SIGKILL);
		(void)process_wait(pidfd, -1, &exit);
	}
	if (r == 0 && lseek(answer, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = read_fd(answer, VERSION_MAX, output);
	return r < 0 ? error_set_errno(err, ERROR_UNPROCESSABLE, r, "it does not tell its version")
		     : 0;
}

/*
 * Whatever the configuration names by an absolute path: mirrors, plugin caches,
 * certificates. Reading too much of it only allows reading more.
 */
static void add_quoted_paths(const char *text, char ***paths)
{
	for (const char *at = text; (at = strchr(at, '"'));) {
		size_t size = strcspn(at + 1, "\"\n");
		if (at[1] == '/' && size > 1 && at[1 + size] == '"')
			strv_take(paths, xstrndup(at + 1, size));
		at += 1 + size;
		at += *at == '"';
	}
}

static int read_cli_config(struct engine_install *install, const char *path, struct error **err)
{
	if (!path)
		return 0;
	char *content;
	int r = read_file(path, CONFIG_MAX, &content, NULL);
	if (r < 0)
		return error_set_errno(err, ERROR_NOT_FOUND, r, "its configuration %s", path);
	free(install->cli_content);
	install->cli_content = content;
	install->cli_config = xstrdup(path);
	strv_add(&install->read_paths, path);
	add_quoted_paths(content, &install->read_paths);
	return 0;
}

static int inspect(const struct runner *runner, struct engine_install *install, struct error **err)
{
	_cleanup_strbuf_ struct strbuf output = STRBUF_INIT;
	char *version;

	strv_add(&install->read_paths, install->path);
	int r = run_version(install, &output, err);
	if (r == 0)
		r = install->engine->read_version(output.data, output.size, &version, err);
	if (r == 0) {
		free(install->version);
		install->version = version;
		r = read_cli_config(install, runner->options.tofu_config, err);
	}
	return r < 0 ? error_wrap(err, "OpenTofu at %s", install->path) : 0;
}

static struct engine_install *install_new(void)
{
	struct engine_install *install = xcalloc(1, sizeof(*install));

	install->engine = &tofu_engine;
	install->version = xstrdup("");
	install->identity = xstrdup("");
	install->cli_content = xstrdup("");
	return install;
}

static void set_problem(struct engine_install *install, const struct error *error)
{
	_cleanup_free_ char *text = error_describe(error);

	free(install->version);
	install->version = xstrdup("");
	install->problem = error->hint ? xasprintf("%s; %s", text, error->hint) : TAKE_PTR(text);
}

static bool is_as_before(const struct runner *runner, const struct engine_install *known,
			 const struct engine_install *located)
{
	return known && streq(known->identity, located->identity) &&
	       (!known->problem || now_monotonic_ms() - runner->looked_ms < PROBLEM_RETRY_MS);
}

static void say(const struct engine_install *install)
{
	if (install->problem)
		log_error("%s: jobs are taken once there is one", install->problem);
	else
		log_info("found OpenTofu %s at %s", install->version, install->path);
}

const struct engine_install *runner_look_for_engine(struct runner *runner)
{
	_cleanup_error_ struct error *error = NULL;
	struct engine_install *found = install_new();

	pthread_mutex_lock(&runner->engine_lock);
	struct engine_install *known = atomic_load(&runner->tofu);
	int r = locate(runner, found, &error);
	bool same = r == 0 && is_as_before(runner, known, found);
	if (r == 0 && !same) {
		r = inspect(runner, found, &error);
		runner->looked_ms = now_monotonic_ms();
	}
	if (r < 0) {
		set_problem(found, error);
		same = known && streq_null(known->problem, found->problem) &&
		       streq(known->identity, found->identity);
	}
	if (!same) {
		say(found);
		atomic_store(&runner->tofu, found);
	}
	pthread_mutex_unlock(&runner->engine_lock);
	if (!same)
		return found;
	engine_install_free(found);
	return known;
}

const struct engine_install *runner_engine(struct runner *runner, enum provisioner provisioner)
{
	return provisioner == PROVISIONER_TOFU ? atomic_load(&runner->tofu) : NULL;
}

json_t *engine_install_info(const struct engine_install *install)
{
	json_t *engines = json_array();

	if (install && !install->problem)
		json_array_append_new(
			engines, json_pack("{s:s s:s s:s}", "provisioner",
					   provisioner_to_string(install->engine->provisioner),
					   "version", install->version, "path", install->path));
	return json_pack("{s:o s:s?}", "engines", engines, "engineProblem",
			 install ? install->problem : NULL);
}

struct engine_install *engine_install_launched(const char *attempt_dir)
{
	_cleanup_free_ char *path = path_join(attempt_dir, "launch.json", NULL);
	_cleanup_free_ char *text = NULL;

	if (read_file(path, RECORD_MAX, &text, NULL) < 0)
		return NULL;
	json_t *record = json_loads(text, 0, NULL);
	const char *program = json_string_value(json_array_get(json_object_get(record, "argv"), 0));
	const char *version = json_string_value(json_object_get(record, "engineVersion"));
	struct engine_install *launched = NULL;
	if (program && program[0] == '/') {
		launched = install_new();
		launched->path = xstrdup(program);
		if (version)
			replace_string(&launched->version, version);
	}
	json_decref(record);
	return launched;
}
