/* The folders of one job's engine. */
#include "runner/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/strutil.h"
#include "base/tree.h"

/* Plugins make sockets in the temporary folder, with names of up to this many bytes. */
#define SOCKET_NAME 32
#define LINK_FOLDER "/tmp"
#define LINK_PREFIX "planton-"

void workspace_init(struct workspace *workspace, const char *work_root, const char *job_id)
{
	char *path = path_join(work_root, job_id, NULL);

	*workspace = (struct workspace){
		.path = path,
		.module = path_join(path, "module", NULL),
		.home = path_join(path, "home", NULL),
		.files = path_join(path, "files", NULL),
		.aux = path_join(path, "aux", NULL),
		.tmp = path_join(path, "tmp", NULL),
	};
	if (strlen(workspace->tmp) + SOCKET_NAME < sizeof(((struct sockaddr_un *)0)->sun_path))
		return;
	char digest[DIGEST_HEX_SIZE];
	digest_hex(DIGEST_BLAKE2B, path, strlen(path), digest);
	workspace->tmp_link = xasprintf(LINK_FOLDER "/" LINK_PREFIX "%.16s", digest);
}

void workspace_release(struct workspace *workspace)
{
	free(workspace->path);
	free(workspace->module);
	free(workspace->home);
	free(workspace->files);
	free(workspace->aux);
	free(workspace->tmp);
	free(workspace->tmp_link);
}

static int make_link(const struct workspace *workspace, struct error **err)
{
	struct stat st;

	if (symlink(workspace->tmp, workspace->tmp_link) == 0)
		return 0;
	if (errno == EEXIST && lstat(workspace->tmp_link, &st) == 0 && st.st_uid == geteuid()) {
		unlink(workspace->tmp_link);
		if (symlink(workspace->tmp, workspace->tmp_link) == 0)
			return 0;
	}
	return error_set_errno(err, ERROR_INTERNAL, errno, "%s", workspace->tmp_link);
}

/* A small file of a workspace; not secret. */
static int write_mark(const struct workspace *workspace, const char *name, const char *text,
		      struct error **err)
{
	_cleanup_close_ int fd = open_beneath(workspace->path, name, O_WRONLY | O_CREAT | O_TRUNC);
	int r = fd < 0 ? fd : write_all(fd, text, strlen(text));
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "%s/%s", workspace->path, name) : 0;
}

int workspace_make(const struct workspace *workspace, const char *owner, struct error **err)
{
	const char *const folders[] = {workspace->path, workspace->home, workspace->files,
				       workspace->aux, workspace->tmp};

	int r = rm_rf(workspace->path);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "old workspace %s", workspace->path);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		r = mkdir_p(folders[i], 0700);
		if (r < 0)
			return error_set_errno(err, ERROR_INTERNAL, r, "workspace %s", folders[i]);
	}
	r = write_mark(workspace, "owner", owner, err);
	return r == 0 && workspace->tmp_link ? make_link(workspace, err) : r;
}

void workspace_remove(const struct workspace *workspace)
{
	int r = rm_rf(workspace->path);
	if (r < 0)
		log_warning("cannot remove %s: %s", workspace->path, strerror(-r));
	if (workspace->tmp_link)
		unlink(workspace->tmp_link);
}

int workspace_open(const struct workspace *workspace, const char *name, int flags)
{
	_cleanup_free_ char *path = path_join("module", name, NULL);
	return open_beneath(workspace->path, path, flags);
}

int workspace_read(const struct workspace *workspace, const char *name, size_t max, char **ret,
		   size_t *ret_size)
{
	_cleanup_free_ char *path = path_join("module", name, NULL);
	return read_file_beneath(workspace->path, path, max, ret, ret_size);
}

char *workspace_ready(const struct workspace *workspace)
{
	char *key = NULL;
	return read_file_beneath(workspace->path, "ready", 4096, &key, NULL) < 0 ? NULL : key;
}

int workspace_set_ready(const struct workspace *workspace, const char *init_key, struct error **err)
{
	return write_mark(workspace, "ready", init_key, err);
}

static bool is_owned(const char *path, const char *owner)
{
	_cleanup_free_ char *text = NULL;
	return read_file_beneath(path, "owner", 4096, &text, NULL) == 0 && streq(text, owner);
}

/* Workspaces are made before their links, so a link to nothing is of one that is gone. */
static void sweep_links(void)
{
	DIR *folder = opendir(LINK_FOLDER);
	struct dirent *entry;
	struct stat st;

	while (folder && (entry = readdir(folder)))
		if (startswith(entry->d_name, LINK_PREFIX) &&
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode) && st.st_uid == geteuid() &&
		    faccessat(dirfd(folder), entry->d_name, F_OK, 0) < 0 && errno == ENOENT)
			(void)unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
}

void workspace_sweep(const char *work_root, const char *owner,
		     bool (*is_held)(const char *job_id, void *userdata), void *userdata)
{
	DIR *folder = opendir(work_root);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		_cleanup_free_ char *path = path_join(work_root, entry->d_name, NULL);
		if (entry->d_name[0] == '.' || is_held(entry->d_name, userdata) ||
		    !is_owned(path, owner))
			continue;
		log_info("removing %s, which nobody works in", path);
		rm_rf(path);
	}
	if (folder)
		closedir(folder);
	sweep_links();
}

static int write_secret_file(const struct workspace *workspace, const char *name,
			     const char *content, char **ret_path, struct error **err)
{
	if (!path_is_safe_relative(name) || strchr(name, '/'))
		return error_set(err, ERROR_UNPROCESSABLE, "\"%s\" is no name of a credential file",
				 name);
	_cleanup_free_ char *path = path_join(workspace->files, name, NULL);
	/* An engine may have left anything in its place. */
	int r = rm_rf(path);
	_cleanup_close_ int fd =
		r < 0 ? r : open_beneath(workspace->files, name, O_WRONLY | O_CREAT | O_EXCL);
	r = fd < 0 ? fd : write_all(fd, content, strlen(content));
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "%s", path);
	*ret_path = TAKE_PTR(path);
	return 0;
}

int workspace_write_files(const struct workspace *workspace, const json_t *secrets,
			  json_t **ret_env, struct error **err)
{
	const json_t *given = json_object_get(secrets, "env");
	json_t *env = json_is_object(given) ? json_copy((json_t *)given) : json_object();
	size_t i, j;
	json_t *file, *name;

	json_array_foreach(json_object_get(secrets, "files"), i, file)
	{
		const char *file_name = json_string_value(json_object_get(file, "name"));
		const char *content = json_string_value(json_object_get(file, "content"));
		json_t *variables = json_object_get(file, "env");
		_cleanup_free_ char *path = NULL;

		if (!file_name || !content)
			continue;
		if (write_secret_file(workspace, file_name, content, &path, err) < 0) {
			json_decref(env);
			return -1;
		}
		if (json_is_string(variables))
			json_object_set_new(env, json_string_value(variables), json_string(path));
		json_array_foreach(variables, j, name) if (json_is_string(name))
			json_object_set_new(env, json_string_value(name), json_string(path));
	}
	*ret_env = env;
	return 0;
}
