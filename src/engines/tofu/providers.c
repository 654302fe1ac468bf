/* The providers that an init left below .terraform. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/fileutil.h"
#include "base/strutil.h"
#include "engines/tofu/tofu.h"

#define LOCK_FILE_MAX (4 << 20)

/* The only name in a folder with this prefix, beside locks of the engine's; caller frees. */
static char *only_entry(const char *path, const char *prefix)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char *found = NULL;
	size_t count = 0;

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.' || !startswith(entry->d_name, prefix) ||
		    endswith(entry->d_name, ".lock"))
			continue;
		if (count++ == 0)
			found = path_join(path, entry->d_name, NULL);
	}
	if (folder)
		closedir(folder);
	if (count == 1)
		return found;
	free(found);
	return NULL;
}

/* <providers>/<source>/<version>/<platform>/terraform-provider-<type>... */
static char *find_program(const char *providers, const char *source, const char *version)
{
	_cleanup_free_ char *folder = path_join(providers, source, version, NULL);
	_cleanup_free_ char *package = only_entry(folder, "");
	const char *type = strrchr(source, '/');
	_cleanup_free_ char *prefix = type ? xasprintf("terraform-provider-%s", type + 1) : NULL;

	return package && prefix ? only_entry(package, prefix) : NULL;
}

json_t *tofu_find_providers(const char *module_dir)
{
	_cleanup_free_ char *folder =
		path_join(module_dir, tofu_engine.data_dir, "providers", NULL);
	_cleanup_free_ char *text = NULL;
	size_t i;
	json_t *provider;

	if (read_file_beneath(module_dir, tofu_engine.lock_file, LOCK_FILE_MAX, &text, NULL) < 0)
		return NULL;
	json_t *providers = tofu_read_providers(text);
	json_array_foreach(providers, i, provider)
	{
		_cleanup_free_ char *path =
			find_program(folder, json_string_value(json_object_get(provider, "source")),
				     json_string_value(json_object_get(provider, "version")));
		if (!path) {
			json_decref(providers);
			return NULL;
		}
		json_object_set_new(provider, "path", json_string(path));
	}
	return providers;
}
