/* From what a module declares to what it is given. */
#include "runner/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/seal.h"

#define VARIABLES_MAX ((size_t)16 << 20)

static char *cache_path(struct runner *runner, const struct engine_install *install,
			const char *digest)
{
	_cleanup_free_ char *name = xasprintf("%s-%s.json", digest, install->version);
	return path_join(runner->options.dir, "cache/variables", name, NULL);
}

json_t *variables_cached(struct runner *runner, const struct engine_install *install,
			 const char *digest)
{
	_cleanup_free_ char *path = cache_path(runner, install, digest);
	_cleanup_free_ char *text = NULL;
	size_t size;

	if (read_file(path, VARIABLES_MAX, &text, &size) < 0)
		return NULL;
	return json_loadb(text, size, 0, NULL);
}

int variables_store(struct runner *runner, const struct engine_install *install, const char *digest,
		    const char *json, size_t size, json_t **ret, struct error **err)
{
	_cleanup_free_ char *path = cache_path(runner, install, digest);
	json_error_t problem;
	json_t *variables = json_loadb(json, size, 0, &problem);

	if (!variables)
		return error_set(err, ERROR_UNPROCESSABLE, "the module's variables: %s",
				 problem.text);
	/* Only what is asked for later: a module's whole description may be long. */
	json_t *declared = json_object_get(json_object_get(variables, "root_module"), "variables");
	json_t *kept = json_pack("{s:{s:O?}}", "root_module", "variables", declared);
	json_decref(variables);
	_cleanup_free_ char *text = json_dumps(kept, JSON_COMPACT);
	(void)write_file_atomic(path, text, strlen(text), 0600);
	*ret = kept;
	return 0;
}

int inputs_make(const struct grant *grant, const struct engine *engine, const json_t *variables,
		json_t **ret_inputs, json_t **ret_secrets, struct error **err)
{
	const json_t *kind = json_object_get(json_object_get(grant->json, "module"), "kind");
	json_t *manifest = grant_manifest(grant);
	int r = engine->make_inputs(variables, manifest, json_object_get(kind, "schema"),
				    ret_inputs, ret_secrets, err);
	json_decref(manifest);
	return r;
}

int inputs_write(const struct engine *engine, const struct workspace *workspace,
		 const json_t *inputs, struct error **err)
{
	char *text = json_dumps(inputs, JSON_COMPACT);
	_cleanup_close_ int fd =
		workspace_open(workspace, engine->inputs_file, O_WRONLY | O_CREAT | O_TRUNC);

	int r = fd < 0 ? fd : write_all(fd, text, strlen(text));
	secure_wipe(text, strlen(text));
	free(text);
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "%s/%s", workspace->module,
				       engine->inputs_file)
		     : 0;
}
