/* What a runner knows before its first job. */
#include "runner/context.h"

#include <errno.h>
#include <stdio.h>
#include <sys/sysinfo.h>

#include "base/encoding.h"
#include "base/fileutil.h"
#include "base/proc.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "runner/step_image.h"

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
	runner->protocols = json_object();
	return load_keys(runner, err);
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
