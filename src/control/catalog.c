/* Loading and looking up the catalogue. */
#include "control/catalog.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/fileutil.h"
#include "base/hashmap.h"
#include "base/strutil.h"
#include "control/module_files.h"
#include "model/yaml.h"

#define FILE_MAX ((size_t)1 << 20)

struct kind_entry {
	struct cloud_resource_kind *kind;
	char *file; /* its kind.yaml, with the line of its provider: for errors */
	struct catalog_module modules[_PROVISIONER_MAX];
};

struct catalog {
	struct hashmap *kinds;	   /* name -> struct kind_entry */
	struct hashmap *providers; /* name -> struct provider_type */
	const struct cloud_resource_kind **kind_list;
	const struct provider_type **provider_list;
	pthread_mutex_t lock; /* of tars */
	struct hashmap *tars; /* digest -> struct strbuf */
};

static void kind_entry_free(struct kind_entry *entry)
{
	if (!entry)
		return;
	for (size_t i = 0; i < _PROVISIONER_MAX; i++) {
		free(entry->modules[i].digest);
		free(entry->modules[i].directory);
	}
	free(entry->file);
	cloud_resource_kind_free(entry->kind);
	free(entry);
}

DEFINE_CLEANUP(struct kind_entry *, kind_entry_free);

static void drop_kind(void *entry)
{
	kind_entry_free(entry);
}

static void drop_provider(void *type)
{
	provider_type_free(type);
}

static void drop_tar(void *tar)
{
	strbuf_release(tar);
	free(tar);
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	hashmap_free(catalog->kinds);
	hashmap_free(catalog->providers);
	hashmap_free(catalog->tars);
	free(catalog->kind_list);
	free(catalog->provider_list);
	pthread_mutex_destroy(&catalog->lock);
	free(catalog);
}

static int read_document(const char *path, struct yaml_text **ret, struct error **err)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(path, FILE_MAX, &text, &size);
	if (r == -EFBIG)
		return error_set(err, ERROR_TOO_LARGE, "%s has more than %zu bytes", path,
				 FILE_MAX);
	if (r < 0)
		return error_set_errno(err, r == -ENOENT ? ERROR_NOT_FOUND : ERROR_INTERNAL, r,
				       "cannot read %s", path);
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	_cleanup_error_ struct error *problem = NULL;
	r = yaml_parse(text, size, &yaml, &problem);
	if (r < 0)
		return error_set(err, problem->code, "%s: %s", path, problem->message);
	if (yaml_count(yaml) != 1)
		return error_set(err, ERROR_INVALID_ARGUMENT, "%s must hold one document", path);
	*ret = TAKE_PTR(yaml);
	return 0;
}

/* The problem with its file and line. */
static int at_line(struct error **err, const char *path, const struct yaml_text *yaml,
		   const struct error *problem)
{
	unsigned line = yaml_position(yaml, 0, problem->field ? problem->field : "", NULL);
	return error_set(err, problem->code, "%s:%u: %s", path, line, problem->message);
}

static int digest_modules(struct kind_entry *entry, const char *folder, struct error **err)
{
	for (size_t i = 0; i < _PROVISIONER_MAX; i++) {
		const char *directory = entry->kind->module_directory[i];
		if (!directory)
			continue;
		if (!path_is_safe_relative(directory))
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "%s: module directory %s is not inside the kind's folder",
					 entry->file, directory);
		struct catalog_module *module = &entry->modules[i];
		module->directory = path_join(folder, directory, NULL);
		_cleanup_module_files_ struct module_files files = {0};
		int r = module_files_read(module->directory, &files, err);
		if (r < 0)
			return r;
		char digest[DIGEST_HEX_SIZE];
		module_files_digest(&files, digest);
		module->digest = xstrdup(digest);
		module->bytes = files.bytes;
		module->files = files.count;
	}
	return 0;
}

static int load_kind(struct catalog *catalog, const char *root, const char *name,
		     struct error **err)
{
	_cleanup_free_ char *folder = path_join(root, name, NULL);
	_cleanup_free_ char *path = path_join(folder, "kind.yaml", NULL);
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	_cleanup_error_ struct error *problem = NULL;

	int r = read_document(path, &yaml, &problem);
	if (r < 0) {
		bool no_kind = problem->code == ERROR_NOT_FOUND;
		return no_kind ? 0 : error_move(err, &problem);
	}
	_cleanup_(kind_entry_free_p) struct kind_entry *entry = xcalloc(1, sizeof(*entry));
	r = cloud_resource_kind_parse(yaml_root(yaml, 0), &entry->kind, &problem);
	if (r < 0)
		return at_line(err, path, yaml, problem);
	if (!streq(entry->kind->name, name))
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "%s:%u: metadata.name is %s in a folder named %s", path,
				 yaml_position(yaml, 0, "/metadata/name", NULL), entry->kind->name,
				 name);
	entry->file = xasprintf("%s:%u", path, yaml_position(yaml, 0, "/spec/provider", NULL));
	r = digest_modules(entry, folder, err);
	if (r < 0)
		return r;
	hashmap_put(catalog->kinds, name, TAKE_PTR(entry));
	return 0;
}

static int load_provider(struct catalog *catalog, const char *folder, const char *file,
			 struct error **err)
{
	if (!endswith(file, ".yaml"))
		return 0;
	_cleanup_free_ char *path = path_join(folder, file, NULL);
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	_cleanup_error_ struct error *problem = NULL;
	_cleanup_provider_type_ struct provider_type *type = NULL;

	int r = read_document(path, &yaml, err);
	if (r < 0)
		return r;
	r = provider_type_parse(yaml_root(yaml, 0), &type, &problem);
	if (r < 0)
		return at_line(err, path, yaml, problem);
	_cleanup_free_ char *expected = xasprintf("%s.yaml", type->name);
	if (!streq(expected, file))
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "%s:%u: metadata.name is %s in a file named %s", path,
				 yaml_position(yaml, 0, "/metadata/name", NULL), type->name, file);
	char *name = type->name;
	hashmap_put(catalog->providers, name, TAKE_PTR(type));
	return 0;
}

/* Calls load for each entry of the folder that is of that type and not hidden; a missing folder is
 * an empty one if optional. */
static int load_each(struct catalog *catalog, const char *folder, unsigned char type, bool optional,
		     int (*load)(struct catalog *catalog, const char *folder, const char *name,
				 struct error **err),
		     struct error **err)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	if (count < 0 && errno == ENOENT && optional)
		return 0;
	if (count < 0)
		return error_set_errno(err, ERROR_NOT_FOUND, errno, "catalogue %s", folder);

	int r = 0;
	for (int i = 0; i < count; i++) {
		unsigned char entry_type = entries[i]->d_type;
		bool wanted =
			entry_type == type || entry_type == DT_UNKNOWN || entry_type == DT_LNK;
		if (r >= 0 && wanted && entries[i]->d_name[0] != '.')
			r = load(catalog, folder, entries[i]->d_name, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int compare_kinds(const void *a, const void *b)
{
	return strcmp((*(const struct cloud_resource_kind *const *)a)->name,
		      (*(const struct cloud_resource_kind *const *)b)->name);
}

static int compare_providers(const void *a, const void *b)
{
	return strcmp((*(const struct provider_type *const *)a)->name,
		      (*(const struct provider_type *const *)b)->name);
}

static int make_lists(struct catalog *catalog, struct error **err)
{
	const char *name;
	void *value;
	size_t count = 0;

	catalog->kind_list =
		xcalloc(hashmap_count(catalog->kinds) + 1, sizeof(*catalog->kind_list));
	for (size_t i = 0; hashmap_next(catalog->kinds, &i, &name, &value);) {
		const struct kind_entry *entry = value;
		const char *provider = entry->kind->provider;
		if (provider && !hashmap_contains(catalog->providers, provider))
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "%s: there is no provider type %s", entry->file, provider);
		catalog->kind_list[count++] = entry->kind;
	}
	qsort(catalog->kind_list, count, sizeof(*catalog->kind_list), compare_kinds);

	count = 0;
	catalog->provider_list =
		xcalloc(hashmap_count(catalog->providers) + 1, sizeof(*catalog->provider_list));
	for (size_t i = 0; hashmap_next(catalog->providers, &i, &name, &value);)
		catalog->provider_list[count++] = value;
	qsort(catalog->provider_list, count, sizeof(*catalog->provider_list), compare_providers);
	return 0;
}

int catalog_load(char *const *directories, size_t count, struct catalog **ret, struct error **err)
{
	_cleanup_catalog_ struct catalog *catalog = xcalloc(1, sizeof(*catalog));
	catalog->kinds = hashmap_new(drop_kind);
	catalog->providers = hashmap_new(drop_provider);
	catalog->tars = hashmap_new(drop_tar);
	pthread_mutex_init(&catalog->lock, NULL);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *providers = path_join(directories[i], "providers", NULL);
		int r = load_each(catalog, providers, DT_REG, true, load_provider, err);
		if (r >= 0)
			r = load_each(catalog, directories[i], DT_DIR, false, load_kind, err);
		if (r < 0)
			return r;
	}
	int r = make_lists(catalog, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(catalog);
	return 0;
}

static int not_found(struct error **err, const char *what, const char *name,
		     const char *const *names)
{
	const char *meant = string_suggest(name, names);
	for (size_t i = 0; !meant && names[i]; i++)
		if (strcasecmp(names[i], name) == 0)
			meant = names[i];
	return error_set(err, ERROR_NOT_FOUND, "there is no %s %.100s%s%s%s", what, name,
			 meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

int catalog_kind_find(const struct catalog *catalog, const char *name,
		      const struct cloud_resource_kind **ret, struct error **err)
{
	const struct kind_entry *entry = hashmap_get(catalog->kinds, name);
	if (entry) {
		*ret = entry->kind;
		return 0;
	}
	size_t count = hashmap_count(catalog->kinds);
	_cleanup_free_ const char **names = xcalloc(count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = catalog->kind_list[i]->name;
	return not_found(err, "kind", name, names);
}

int catalog_provider_find(const struct catalog *catalog, const char *name,
			  const struct provider_type **ret, struct error **err)
{
	const struct provider_type *type = hashmap_get(catalog->providers, name);
	if (type) {
		*ret = type;
		return 0;
	}
	size_t count = hashmap_count(catalog->providers);
	_cleanup_free_ const char **names = xcalloc(count + 1, sizeof(*names));
	for (size_t i = 0; i < count; i++)
		names[i] = catalog->provider_list[i]->name;
	return not_found(err, "provider type", name, names);
}

size_t catalog_kind_list(const struct catalog *catalog,
			 const struct cloud_resource_kind *const **ret)
{
	*ret = catalog->kind_list;
	return hashmap_count(catalog->kinds);
}

size_t catalog_provider_list(const struct catalog *catalog, const struct provider_type *const **ret)
{
	*ret = catalog->provider_list;
	return hashmap_count(catalog->providers);
}

const struct catalog_module *catalog_module_find(const struct catalog *catalog, const char *kind,
						 enum provisioner provisioner)
{
	const struct kind_entry *entry = hashmap_get(catalog->kinds, kind);
	if (!entry || (int)provisioner < 0 || provisioner >= _PROVISIONER_MAX ||
	    !entry->modules[provisioner].digest)
		return NULL;
	return &entry->modules[provisioner];
}

static const struct catalog_module *find_digest(const struct catalog *catalog, const char *digest)
{
	const char *name;
	void *value;
	for (size_t i = 0; hashmap_next(catalog->kinds, &i, &name, &value);) {
		const struct kind_entry *entry = value;
		for (size_t p = 0; p < _PROVISIONER_MAX; p++)
			if (streq_null(entry->modules[p].digest, digest))
				return &entry->modules[p];
	}
	return NULL;
}

static int build_tar(const struct catalog_module *module, struct strbuf *tar, struct error **err)
{
	_cleanup_module_files_ struct module_files files = {0};
	int r = module_files_read(module->directory, &files, err);
	if (r < 0)
		return r;
	char digest[DIGEST_HEX_SIZE];
	module_files_digest(&files, digest);
	if (!streq(digest, module->digest)) {
		r = error_set(err, ERROR_CONFLICT,
			      "module %s was changed since the catalogue was loaded",
			      module->directory);
		error_hint(err, "restart the server to load the catalogue again");
		return r;
	}
	return module_files_pack(&files, tar, err);
}

/* Under the lock. */
static int find_or_build(struct catalog *catalog, const char *digest, const struct strbuf **ret,
			 struct error **err)
{
	struct strbuf *tar = hashmap_get(catalog->tars, digest);
	if (!tar) {
		const struct catalog_module *module = find_digest(catalog, digest);
		if (!module)
			return error_set(err, ERROR_NOT_FOUND,
					 "there is no module with digest %.64s", digest);
		tar = xcalloc(1, sizeof(*tar));
		strbuf_init(tar);
		int r = build_tar(module, tar, err);
		if (r < 0) {
			drop_tar(tar);
			return r;
		}
		hashmap_put(catalog->tars, digest, tar);
	}
	*ret = tar;
	return 0;
}

int catalog_module_tar(struct catalog *catalog, const char *digest, const void **ret_bytes,
		       size_t *ret_size, struct error **err)
{
	const struct strbuf *tar = NULL;
	pthread_mutex_lock(&catalog->lock);
	int r = find_or_build(catalog, digest, &tar, err);
	pthread_mutex_unlock(&catalog->lock);
	if (r < 0)
		return r;
	*ret_bytes = tar->data;
	*ret_size = tar->size;
	return 0;
}
