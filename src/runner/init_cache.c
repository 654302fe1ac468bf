/* Repeated inits are copies of the first. */
#include "runner/init_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fileutil.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "base/ulid.h"

#define MAX_AGE_SECONDS (24 * 3600)
#define LOCK_FILE_MAX	(4 << 20)
#define MAX_LEVELS	12

static void add(struct digest *digest, const char *part)
{
	/* With its terminator, so that parts cannot run into each other. */
	digest_update(digest, part, strlen(part) + 1);
}

void init_cache_key(const struct engine_install *install, const char *module_digest,
		    const char *inputs, char ret[DIGEST_HEX_SIZE])
{
	_cleanup_digest_ struct digest *digest = digest_new(DIGEST_BLAKE2B);

	add(digest, "init 1");
	add(digest, install->version);
	add(digest, install->identity);
	add(digest, module_digest);
	add(digest, install->engine->backend_content);
	add(digest, install->cli_config ? install->cli_config : "");
	add(digest, install->cli_content);
	add(digest, inputs ? inputs : "");
	digest_final_hex(digest, ret);
}

static char *entry_path(struct runner *runner, const char *key)
{
	return path_join(runner->options.dir, "cache/init", key, NULL);
}

/* All links below lead somewhere: a mirror may have lost a version since. */
static bool links_are_whole(const char *path, int level)
{
	DIR *folder = level < MAX_LEVELS ? opendir(path) : NULL;
	struct dirent *entry;
	bool whole = true;

	while (folder && whole && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.' && (!entry->d_name[1] || streq(entry->d_name, "..")))
			continue;
		if (entry->d_type == DT_LNK) {
			whole = faccessat(dirfd(folder), entry->d_name, F_OK, 0) == 0;
		} else if (entry->d_type == DT_DIR) {
			_cleanup_free_ char *below = path_join(path, entry->d_name, NULL);
			whole = links_are_whole(below, level + 1);
		}
	}
	if (folder)
		closedir(folder);
	return whole;
}

static bool not_providers(const char *path, const struct stat *st, void *userdata)
{
	(void)st;
	(void)userdata;
	return !streq(path, "providers");
}

static int link_providers(const char *entry, const char *data_dir)
{
	_cleanup_free_ char *source = path_join(entry, "data/providers", NULL);
	_cleanup_free_ char *link = path_join(data_dir, "providers", NULL);

	if (access(source, F_OK) < 0)
		return 0;
	return symlink(source, link) < 0 && errno != EEXIST ? -errno : 0;
}

/* The lock file of a pack must be the entry's: the providers are bound to it. */
static int take_lock_file(const char *entry, const struct workspace *workspace, const char *name)
{
	_cleanup_free_ char *target = path_join(workspace->module, name, NULL);
	_cleanup_free_ char *source = path_join(entry, "lock", NULL);
	_cleanup_free_ char *cached = NULL, *present = NULL;
	size_t cached_size, present_size;

	int r = read_file(source, LOCK_FILE_MAX, &cached, &cached_size);
	if (r == -ENOENT)
		return access(target, F_OK) == 0 ? 0 : 1;
	if (r < 0)
		return r;
	r = workspace_read(workspace, name, LOCK_FILE_MAX, &present, &present_size);
	if (r == 0)
		return present_size == cached_size && memcmp(present, cached, cached_size) == 0;
	if (r != -ENOENT)
		return 0;
	r = write_file_atomic(target, cached, cached_size, 0600);
	return r < 0 ? r : 1;
}

int init_cache_use(struct runner *runner, const struct engine *engine, const char *key,
		   const struct workspace *workspace, struct error **err)
{
	_cleanup_free_ char *entry = entry_path(runner, key);
	_cleanup_free_ char *data = path_join(entry, "data", NULL);
	_cleanup_free_ char *stamp = path_join(entry, "complete", NULL);
	_cleanup_free_ char *target = path_join(workspace->module, engine->data_dir, NULL);
	struct stat st;

	if (stat(stamp, &st) < 0 || time(NULL) - st.st_mtime > MAX_AGE_SECONDS ||
	    !links_are_whole(data, 0))
		return 0;
	int r = take_lock_file(entry, workspace, engine->lock_file);
	if (r <= 0)
		return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "%s/%s", workspace->module,
					       engine->lock_file)
			     : 0;

	struct copy_options options = {.include = not_providers};
	r = copy_tree(data, target, &options);
	if (r == 0)
		r = link_providers(entry, target);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "init cache %s", entry);
	/* The folder's own time says when it was last used; the stamp's, when it was made. */
	(void)utimensat(AT_FDCWD, entry, NULL, 0);
	return 1;
}

static int fill_entry(const struct engine *engine, const char *entry,
		      const struct workspace *workspace)
{
	_cleanup_free_ char *data = path_join(entry, "data", NULL);
	_cleanup_free_ char *providers = path_join(data, "providers", NULL);
	_cleanup_free_ char *source = path_join(workspace->module, engine->data_dir, NULL);
	_cleanup_free_ char *source_providers = path_join(source, "providers", NULL);
	_cleanup_free_ char *lock_copy = path_join(entry, "lock", NULL);
	_cleanup_free_ char *content = NULL;
	struct copy_options options = {.include = not_providers};
	size_t size;

	int r = mkdir_p(entry, 0700);
	if (r == 0)
		r = copy_tree(source, data, &options);
	/* Moved, not linked: the engine may write to all names in its workspace. */
	if (r == 0 && access(source_providers, F_OK) == 0 &&
	    rename(source_providers, providers) < 0) {
		r = copy_tree(source_providers, providers, NULL);
		if (r == 0)
			r = rm_rf(source_providers);
	}
	if (r == 0 &&
	    workspace_read(workspace, engine->lock_file, LOCK_FILE_MAX, &content, &size) == 0)
		r = write_file_atomic(lock_copy, content, size, 0600);
	return r;
}

int init_cache_store(struct runner *runner, const struct engine *engine, const char *key,
		     const struct workspace *workspace, struct error **err)
{
	_cleanup_free_ char *entry = entry_path(runner, key);
	_cleanup_free_ char *target = path_join(workspace->module, engine->data_dir, NULL);
	char id[ULID_SIZE];

	/* Never in the place of an entry that others may link to: that one is moved out of the way.
	 */
	ulid_new(id);
	_cleanup_free_ char *partial = xasprintf("%s.%s.partial", entry, id);
	int r = fill_entry(engine, partial, workspace);
	_cleanup_free_ char *stamp = path_join(partial, "complete", NULL);
	if (r == 0)
		r = write_file_atomic(stamp, "", 0, 0600);
	if (r == 0 && rename(partial, entry) < 0) {
		ulid_new(id);
		_cleanup_free_ char *old = xasprintf("%s.%s.old", entry, id);
		if (rename(entry, old) < 0 || rename(partial, entry) < 0)
			r = -errno;
	}
	if (r == 0)
		r = link_providers(entry, target);
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "init cache %s", entry) : 0;
}
