/* What a runner knows before its first job. */
#include "runner/context.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/process.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "runner/step_image.h"

#define VERSION_TIMEOUT_MS 20000
#define CONFIG_MAX	   (1 << 20)

static int load_keys(struct runner *runner, struct error **err)
{
	_cleanup_free_ char *path = path_join(runner->options.dir, "runner.key", NULL);
	int r = key_pair_load(path, &runner->keys);
	if (r == -ENOENT) {
		r = key_pair_generate(&runner->keys);
		if (r == 0)
			r = key_pair_save(&runner->keys, path);
	}
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "%s", path);

	_cleanup_free_ char *text = base64_encode(runner->keys.public_key, BOX_KEY_SIZE);
	snprintf(runner->public_key, sizeof(runner->public_key), "%s", text);

	_cleanup_free_ char *key_path = path_join(runner->options.dir, "key", NULL);
	if (read_file(key_path, 4096, &runner->key, NULL) == 0)
		runner->key[strcspn(runner->key, "\r\n")] = '\0';
	return 0;
}

static void collect_passed_on(struct runner *runner)
{
	static const char *const names[] = {
		"http_proxy",  "https_proxy", "no_proxy",      "HTTP_PROXY",
		"HTTPS_PROXY", "NO_PROXY",    "SSL_CERT_FILE", "SSL_CERT_DIR",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!isempty(getenv(names[i])))
			strv_addf(&runner->passed_on, "%s=%s", names[i], getenv(names[i]));
}

/* What a command may use before its garbage is collected: a fair part of the memory. */
static uint64_t memory_limit(int capacity)
{
	struct sysinfo info;
	if (sysinfo(&info) < 0)
		return (uint64_t)512 << 20;
	uint64_t total = (uint64_t)info.totalram * info.mem_unit;
	uint64_t part = total / (uint64_t)(capacity * 4);
	return MIN(MAX(part, (uint64_t)256 << 20), (uint64_t)2 << 30);
}

int runner_init(struct runner *runner, struct error **err)
{
	static const char *const folders[] = {"jobs", "cache/modules", "cache/init",
					      "cache/variables"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		_cleanup_free_ char *path = path_join(runner->options.dir, folders[i], NULL);
		int r = mkdir_p(path, 0700);
		if (r < 0)
			return error_set_errno(err, ERROR_INTERNAL, r, "%s", path);
	}
	int r = mkdir_p(runner->options.work_root, 0700);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "%s", runner->options.work_root);
	r = boot_id(runner->boot_id);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "boot id");
	collect_passed_on(runner);
	runner->memory_limit = memory_limit(runner->options.capacity);
	runner->step_fd = step_image_open();
	return load_keys(runner, err);
}

/* ---- The engine's binary ---- */

static char *search_path(const char *name)
{
	const char *path = getenv("PATH");
	_cleanup_strv_ char **folders = strv_split(path ? path : "", ':');

	for (char **folder = folders; folder && *folder; folder++) {
		_cleanup_free_ char *candidate = path_join(*folder, name, NULL);
		if (candidate[0] == '/' && access(candidate, X_OK) == 0)
			return TAKE_PTR(candidate);
	}
	return NULL;
}

static int run_version(const struct engine *engine, const char *path, struct strbuf *output,
		       struct error **err)
{
	_cleanup_strv_ char **argv = NULL;
	char *env[] = {"CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=/dev/null", "HOME=/nonexistent",
		       NULL};
	struct process_exit exit;
	int pipe_fds[2];

	strv_add(&argv, path);
	for (const char *const *argument = engine->version_arguments; *argument; argument++)
		strv_add(&argv, *argument);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", path);
	_cleanup_close_ int read_end = pipe_fds[0];
	_cleanup_close_ int write_end = pipe_fds[1];

	struct process_spec spec = {PROCESS_SPEC_INIT, .path = path, .argv = argv, .envp = env,
				    .cwd = "/"};
	spec.stdout_fd = write_end;
	_cleanup_close_ int pidfd = -1;
	pid_t pid;
	int r = process_spawn(&spec, &pid, &pidfd);
	if (r < 0)
		return error_set_errno(err, ERROR_UNPROCESSABLE, r, "%s cannot be run", path);
	safe_close(TAKE_FD(write_end));
	r = read_fd(read_end, 64 << 10, output);
	if (r < 0)
		(void)process_signal(pidfd, SIGKILL);
	int waited = process_wait(pidfd, VERSION_TIMEOUT_MS, &exit);
	if (waited == -ETIMEDOUT) {
		(void)process_signal(pidfd, SIGKILL);
		waited = process_wait(pidfd, -1, &exit);
	}
	if (r < 0 || waited < 0)
		return error_set_errno(err, ERROR_UNPROCESSABLE, r < 0 ? r : waited,
				       "%s does not tell its version", path);
	return 0;
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
	install->cli_content = xstrdup("");
	if (!path)
		return 0;
	free(install->cli_content);
	install->cli_content = NULL;
	int r = read_file(path, CONFIG_MAX, &install->cli_content, NULL);
	if (r < 0)
		return error_set_errno(err, ERROR_NOT_FOUND, r, "the engine's configuration %s",
				       path);
	install->cli_config = xstrdup(path);
	strv_add(&install->read_paths, path);
	add_quoted_paths(install->cli_content, &install->read_paths);
	return 0;
}

static void engine_install_release(struct engine_install *install)
{
	free(install->path);
	free(install->version);
	free(install->identity);
	free(install->cli_config);
	free(install->cli_content);
	strv_free(install->read_paths);
	*install = (struct engine_install){0};
}

int runner_find_engine(struct runner *runner, struct error **err)
{
	struct engine_install install = {.engine = &tofu_engine};
	_cleanup_free_ char *found = runner->options.tofu ? xstrdup(runner->options.tofu)
							  : search_path(tofu_engine.binary);
	struct stat st;

	install.path = found ? realpath(found, NULL) : NULL;
	if (!install.path || stat(install.path, &st) < 0) {
		int r = error_set(err, ERROR_NOT_FOUND, "no OpenTofu: %s",
				  found ? found : "there is no tofu on PATH");
		error_hint(err, "install OpenTofu 1.10 or later (not 1.12.0), or name it by --tofu "
				"or PLANTON_TOFU");
		engine_install_release(&install);
		return r;
	}
	install.identity =
		xasprintf("%s:%llu:%llu:%lld", install.path, (unsigned long long)st.st_ino,
			  (unsigned long long)st.st_size, (long long)st.st_mtime);
	strv_add(&install.read_paths, install.path);

	_cleanup_strbuf_ struct strbuf output = STRBUF_INIT;
	int r = run_version(install.engine, install.path, &output, err);
	if (r == 0)
		r = install.engine->read_version(output.data, output.size, &install.version, err);
	if (r == 0)
		r = read_cli_config(&install, runner->options.tofu_config, err);
	if (r < 0) {
		error_wrap(err, "%s", install.path);
		engine_install_release(&install);
		return r;
	}
	log_info("found OpenTofu %s at %s", install.version, install.path);
	runner->tofu = install;
	return 0;
}

const struct engine_install *runner_engine(const struct runner *runner,
					   enum provisioner provisioner)
{
	return provisioner == PROVISIONER_TOFU && runner->tofu.engine ? &runner->tofu : NULL;
}

int runner_client_new(struct runner *runner, struct http_client **ret, struct error **err)
{
	pthread_mutex_lock(&runner->lock);
	_cleanup_free_ char *key = xstrdup_null(runner->key);
	pthread_mutex_unlock(&runner->lock);

	struct http_client_options options = {
		.base_url = runner->options.server,
		.token = key,
		.user_agent = "planton-runner/" PLANTON_VERSION,
		.connect_timeout_ms = 5000,
		.max_response = (size_t)256 << 20,
	};
	return http_client_new(&options, ret, err);
}

void runner_client_refresh(struct runner *runner, struct http_client *http)
{
	pthread_mutex_lock(&runner->lock);
	http_client_set_token(http, runner->key);
	pthread_mutex_unlock(&runner->lock);
}
