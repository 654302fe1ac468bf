/* Reads what to run from an inherited memfd. */
#include "step/launch.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/seal.h"
#include "base/strbuf.h"
#include "base/strv.h"

#define LAUNCH_MAX (8 << 20)

static char **strings(const json_t *array)
{
	char **vector = NULL;
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item) if (json_is_string(item))
		strv_add(&vector, json_string_value(item));
	return vector;
}

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));
	return value > 0 ? (uint64_t)value : 0;
}

static void read_providers(const json_t *array, struct launch *launch)
{
	size_t i;
	json_t *item;

	launch->providers = xcalloc(json_array_size(array) + 1, sizeof(*launch->providers));
	json_array_foreach(array, i, item)
	{
		const char *path = json_string_value(json_object_get(item, "path"));
		if (path && path[0] == '/')
			launch->providers[launch->n_providers++] = (struct launch_provider){
				.path = xstrdup(path),
				.ahead = (unsigned)number(item, "ahead"),
			};
	}
}

int launch_read(int fd, struct launch *ret, struct error **err)
{
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	json_error_t problem;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "launch parameters");
	int r = read_fd(fd, LAUNCH_MAX, &text);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "launch parameters");
	json_t *root = json_loadb(text.data, text.size, 0, &problem);
	if (!root)
		return error_set(err, ERROR_INVALID_ARGUMENT, "launch parameters: %s",
				 problem.text);

	const json_t *limits = json_object_get(root, "limits");
	const json_t *sandbox = json_object_get(root, "sandbox");
	struct launch launch = {
		.argv = strings(json_object_get(root, "argv")),
		.env = strings(json_object_get(root, "env")),
		.cwd = xstrdup_null(json_string_value(json_object_get(root, "cwd"))),
		.timeout_ms = number(root, "timeoutMs"),
		.grace_ms = number(root, "graceMs"),
		.limit_file_bytes = number(limits, "fileBytes"),
		.limit_output_bytes = number(limits, "outputBytes"),
		.sync = json_is_true(json_object_get(root, "sync")),
		.sandbox_read = strings(json_object_get(sandbox, "read")),
		.sandbox_write = strings(json_object_get(sandbox, "write")),
	};
	read_providers(json_object_get(root, "providers"), &launch);
	json_decref(root);

	bool runs = launch.argv ? launch.argv[0][0] == '/' : launch.n_providers > 0;
	if (!runs || !launch.cwd) {
		launch_release(&launch);
		return error_set(
			err, ERROR_INVALID_ARGUMENT,
			"launch parameters: argv (with an absolute path) and cwd are needed");
	}
	*ret = launch;
	return 0;
}

void launch_release(struct launch *launch)
{
	for (char **entry = launch->env; entry && *entry; entry++)
		secure_wipe(*entry, strlen(*entry));
	strv_free(launch->argv);
	strv_free(launch->env);
	strv_free(launch->sandbox_read);
	strv_free(launch->sandbox_write);
	for (size_t i = 0; i < launch->n_providers; i++)
		free(launch->providers[i].path);
	free(launch->providers);
	free(launch->cwd);
	*launch = (struct launch){0};
}
