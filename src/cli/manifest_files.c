/* Reads manifests and makes them ready to be sent. */
#include "cli/manifest_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fileutil.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "model/enums.h"
#include "model/ident.h"
#include "model/json.h"
#include "model/yaml.h"

#define SECRET_FILE_MAX ((size_t)1 << 20)

void manifest_files_release(struct manifest_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		json_decref(files->items[i].document);
		free(files->items[i].source);
	}
	free(files->items);
	*files = (struct manifest_files){0};
}

char *manifest_label(const json_t *document)
{
	const char *kind = json_get_str(document, "kind"),
		   *slug = json_get_str(document, "metadata.slug");
	const char *name = json_get_str(document, "metadata.name");
	_cleanup_free_ char *made = !slug && name ? slug_from_name(name) : NULL;
	return xasprintf("%s/%s", kind ? kind : "?", slug ? slug : made ? made : name ? name : "?");
}

static void fill_in(json_t *document, const char *org, const char *env)
{
	json_t *metadata = json_object_get(document, "metadata");
	enum resource_type type = resource_type_from_string(json_get_str(document, "kind"));
	if (type == RESOURCE_ORGANIZATION)
		return;
	if (org && !json_get_str(metadata, "org"))
		json_set_string(metadata, "org", org);
	if (env && type < 0 && !json_get_str(metadata, "env"))
		json_set_string(metadata, "env", env);
}

static int add_document(struct manifest_files *files, json_t *document, char *source,
			const char *org, const char *env, struct error **err)
{
	_cleanup_free_ char *own_source = source;
	if (!json_get_str(document, "kind") || !json_get_str(document, "metadata.name")) {
		int r = error_set(err, ERROR_INVALID_ARGUMENT,
				  "%s is not a manifest: it has no kind or no metadata.name",
				  source);
		error_hint(err, "a manifest has apiVersion, kind, metadata.name and spec");
		return r;
	}
	fill_in(document, org, env);
	files->items = xreallocarray(files->items, files->count + 1, sizeof(*files->items));
	files->items[files->count++] =
		(struct manifest_file){json_incref(document), TAKE_PTR(own_source)};
	return 0;
}

static int load_text(struct manifest_files *files, const char *name, const char *text, size_t size,
		     const char *org, const char *env, struct error **err)
{
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	int r = yaml_parse(text, size, &yaml, err);
	if (r < 0)
		return error_wrap(err, "cannot read %s", name);
	size_t count = yaml_count(yaml);
	for (size_t i = 0; i < count && r >= 0; i++) {
		char *source =
			count > 1 ? xasprintf("%s (document %zu)", name, i + 1) : xstrdup(name);
		r = add_document(files, yaml_root(yaml, i), source, org, env, err);
	}
	return r;
}

static int cannot_read(const char *path, int r, size_t limit, struct error **err)
{
	if (r == -EFBIG)
		return error_set(err, ERROR_TOO_LARGE, "%s is larger than the limit of %zu bytes",
				 path, limit);
	return error_set_errno(err, r == -ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID_ARGUMENT, r,
			       "cannot read %s", path);
}

static int load_file(struct manifest_files *files, const char *path, const char *org,
		     const char *env, struct error **err)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = read_file(path, YAML_MAX_SIZE, &text, &size);
	if (r < 0)
		return cannot_read(path, r, YAML_MAX_SIZE, err);
	return load_text(files, path, text, size, org, env, err);
}

static int load_stdin(struct manifest_files *files, const char *org, const char *env,
		      struct error **err)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	int r = read_fd(STDIN_FILENO, YAML_MAX_SIZE, &text);
	if (r < 0)
		return cannot_read("stdin", r, YAML_MAX_SIZE, err);
	return load_text(files, "stdin", text.data, text.size, org, env, err);
}

static int is_manifest_file(const struct dirent *entry)
{
	const char *name = entry->d_name;
	return name[0] != '.' &&
	       (endswith(name, ".yaml") || endswith(name, ".yml") || endswith(name, ".json"));
}

static int load_folder(struct manifest_files *files, const char *path, const char *org,
		       const char *env, struct error **err)
{
	struct dirent **entries;
	int n = scandir(path, &entries, is_manifest_file, alphasort), r = 0;
	if (n < 0)
		return error_set_errno(err, ERROR_INVALID_ARGUMENT, errno, "cannot read %s", path);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *file = path_join(path, entries[i]->d_name, NULL);
		if (r >= 0)
			r = load_file(files, file, org, env, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int manifest_files_load(struct manifest_files *files, const char *path, const char *org,
			const char *env, struct error **err)
{
	struct stat st;
	size_t before = files->count;
	int r;
	if (streq(path, "-"))
		r = load_stdin(files, org, env, err);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		r = load_folder(files, path, org, env, err);
	else
		r = load_file(files, path, org, env, err);
	if (r >= 0 && files->count == before)
		r = error_set(err, ERROR_INVALID_ARGUMENT, "there is no manifest in %s", path);
	return r;
}

static char *resolve_environment(const char *name, struct error **err)
{
	const char *value = getenv(name);
	if (!value) {
		error_set(err, ERROR_INVALID_ARGUMENT, "the environment variable %s is not set",
			  name);
		error_hint(err, "export %s before this command; its value is sealed by the server",
			   name);
		return NULL;
	}
	return xstrdup(value);
}

static char *resolve_file(const char *path, struct error **err)
{
	_cleanup_free_ char *text = NULL;
	int r = read_file(path, SECRET_FILE_MAX, &text, NULL);
	if (r < 0) {
		(void)cannot_read(path, r, SECRET_FILE_MAX, err);
		return NULL;
	}
	return TAKE_PTR(text);
}

/* Also inside maps, for providers whose fields are maps of values. */
static int resolve_in(json_t *fields, struct error **err)
{
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(fields, next, key, value)
	{
		const char *variable = json_get_str(value, "valueFromEnv"),
			   *path = json_get_str(value, "valueFromFile");
		if (!variable && !path) {
			int r = resolve_in(value, err);
			if (r < 0)
				return r;
			continue;
		}
		_cleanup_free_ char *text =
			variable ? resolve_environment(variable, err) : resolve_file(path, err);
		if (!text)
			return error_wrap(err, "field %s", key);
		json_set_string(fields, key, text);
	}
	return 0;
}

int manifest_resolve_fields(json_t *document, struct error **err)
{
	if (!streq_null(json_get_str(document, "kind"),
			resource_type_to_string(RESOURCE_CONNECTION)))
		return 0;
	int r = resolve_in(json_get(document, "spec.fields"), err);
	return r < 0 ? error_wrap(err, "connection %s", json_get_str(document, "metadata.name"))
		     : 0;
}
