/* Reading a module's folder into memory, its digest, and a tar that is the same wherever it is
 * made. */
#include "control/module_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/strutil.h"
#include "control/catalog.h"

#define MAX_NESTING 32

struct walk {
	const char *root;
	const char *real_root;
	struct module_files *files;
	struct error **err;
};

void module_files_release(struct module_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->items[i].path);
		free(files->items[i].content);
	}
	free(files->items);
	*files = (struct module_files){0};
}

static int refuse(const struct walk *walk, const char *path, const char *why)
{
	return error_set(walk->err, ERROR_INVALID_ARGUMENT, "module %s: %s %s", walk->root, path,
			 why);
}

static int refuse_errno(const struct walk *walk, const char *path, int errnum)
{
	return error_set_errno(walk->err, ERROR_INTERNAL, errnum, "module %s: cannot read %s",
			       walk->root, path);
}

/* Steals content. */
static int add_file(struct walk *walk, const char *path, mode_t mode, char *content, size_t size)
{
	struct module_files *files = walk->files;
	files->items = xreallocarray(files->items, files->count + 1, sizeof(*files->items));
	files->items[files->count++] = (struct module_file){xstrdup(path), mode, content, size};
	files->bytes += size;
	if (files->count > MODULE_MAX_FILES)
		return error_set(walk->err, ERROR_TOO_LARGE, "module %s has more than %d files",
				 walk->root, MODULE_MAX_FILES);
	return 0;
}

static int read_regular(struct walk *walk, int dirfd, const char *name, const char *path,
			const struct stat *st)
{
	char *content;
	size_t size;
	int r = read_file_at(dirfd, name, MODULE_MAX_BYTES - walk->files->bytes, &content, &size);
	if (r == -EFBIG)
		return error_set(walk->err, ERROR_TOO_LARGE,
				 "module %s has more than %" PRIu64 " bytes", walk->root,
				 MODULE_MAX_BYTES);
	if (r < 0)
		return refuse_errno(walk, path, r);
	return add_file(walk, path, st->st_mode & S_IXUSR ? 0755 : 0644, content, size);
}

static int read_link(struct walk *walk, int dirfd, const char *name, const char *path)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dirfd, name, target, sizeof(target) - 1);
	if (length < 0)
		return refuse_errno(walk, path, errno);
	target[length] = '\0';

	_cleanup_free_ char *full = path_join(walk->root, path, NULL);
	_cleanup_free_ char *real = realpath(full, NULL);
	const char *below = real ? startswith(real, walk->real_root) : NULL;
	if (target[0] == '/' || !below || *below != '/')
		return refuse(walk, path,
			      "is a symbolic link that leads out of the module, or nowhere");
	return add_file(walk, path, 0777, xstrdup(target), (size_t)length);
}

static int walk_directory(struct walk *walk, int parentfd, const char *name, const char *path,
			  unsigned depth);

static int read_entry(struct walk *walk, int dirfd, const char *name, const char *path,
		      unsigned depth)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return refuse_errno(walk, path, errno);
	if (S_ISREG(st.st_mode))
		return read_regular(walk, dirfd, name, path, &st);
	if (S_ISLNK(st.st_mode))
		return read_link(walk, dirfd, name, path);
	if (!S_ISDIR(st.st_mode))
		return refuse(walk, path, "is neither a file nor a folder");
	return *name == '.' ? 0 : walk_directory(walk, dirfd, name, path, depth + 1);
}

static void closedir_p(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* path is "" for the module itself. */
static int walk_directory(struct walk *walk, int parentfd, const char *name, const char *path,
			  unsigned depth)
{
	if (depth > MAX_NESTING)
		return refuse(walk, path, "is nested too deep");
	int follow = *path ? O_NOFOLLOW : 0;
	int fd = openat(parentfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
	if (fd < 0)
		return refuse_errno(walk, *path ? path : ".", errno);
	_cleanup_(closedir_p) DIR *directory = fdopendir(fd);
	if (!directory) {
		safe_close(fd);
		return refuse_errno(walk, path, ENOMEM);
	}
	for (const struct dirent *entry; (entry = readdir(directory));) {
		if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
			continue;
		_cleanup_free_ char *below =
			*path ? path_join(path, entry->d_name, NULL) : xstrdup(entry->d_name);
		int r = read_entry(walk, fd, entry->d_name, below, depth);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct module_file *)a)->path, ((const struct module_file *)b)->path);
}

int module_files_read(const char *directory, struct module_files *ret, struct error **err)
{
	_cleanup_module_files_ struct module_files files = {0};
	_cleanup_free_ char *real_root = realpath(directory, NULL);
	if (!real_root)
		return error_set_errno(err, ERROR_NOT_FOUND, errno, "module %s", directory);

	struct walk walk = {.root = directory, .real_root = real_root, .files = &files, .err = err};
	int r = walk_directory(&walk, AT_FDCWD, directory, "", 0);
	if (r < 0)
		return r;
	if (files.count == 0)
		return error_set(err, ERROR_INVALID_ARGUMENT, "module %s is empty", directory);
	qsort(files.items, files.count, sizeof(*files.items), compare_files);
	*ret = files;
	files = (struct module_files){0};
	return 0;
}

void module_files_digest(const struct module_files *files, char ret[DIGEST_HEX_SIZE])
{
	_cleanup_digest_ struct digest *digest = digest_new(DIGEST_BLAKE2B);
	for (size_t i = 0; i < files->count; i++) {
		const struct module_file *file = &files->items[i];
		_cleanup_free_ char *head = xasprintf("%o %zu ", (unsigned)file->mode, file->size);
		digest_update(digest, head, strlen(head));
		digest_update(digest, file->path, strlen(file->path) + 1);
		digest_update(digest, file->content, file->size);
	}
	digest_final_hex(digest, ret);
}

static la_ssize_t append(struct archive *archive, void *buffer, const void *data, size_t size)
{
	(void)archive;
	strbuf_add(buffer, data, size);
	return (la_ssize_t)size;
}

static void archive_write_free_p(struct archive **archive)
{
	archive_write_free(*archive);
}

static void archive_entry_free_p(struct archive_entry **entry)
{
	archive_entry_free(*entry);
}

static int pack_file(struct archive *archive, const struct module_file *file)
{
	_cleanup_(archive_entry_free_p) struct archive_entry *entry = archive_entry_new();
	if (!entry)
		out_of_memory();
	bool link = file->mode == 0777;
	archive_entry_set_pathname(entry, file->path);
	archive_entry_set_filetype(entry, link ? AE_IFLNK : AE_IFREG);
	archive_entry_set_perm(entry, file->mode);
	archive_entry_set_mtime(entry, 0, 0);
	archive_entry_set_uid(entry, 0);
	archive_entry_set_gid(entry, 0);
	if (link)
		archive_entry_set_symlink(entry, file->content);
	archive_entry_set_size(entry, link ? 0 : (la_int64_t)file->size);
	int r = archive_write_header(archive, entry);
	if (r != ARCHIVE_OK || link)
		return r;
	la_ssize_t written = archive_write_data(archive, file->content, file->size);
	return written == (la_ssize_t)file->size ? ARCHIVE_OK : ARCHIVE_FATAL;
}

int module_files_pack(const struct module_files *files, struct strbuf *tar, struct error **err)
{
	_cleanup_(archive_write_free_p) struct archive *archive = archive_write_new();
	if (!archive)
		out_of_memory();
	archive_write_set_format_pax_restricted(archive);
	/* Names are bytes here, whatever the locale. */
	(void)archive_write_set_options(archive, "hdrcharset=BINARY");
	archive_write_set_bytes_per_block(archive, 0);
	int r = archive_write_open2(archive, tar, NULL, append, NULL, NULL);
	for (size_t i = 0; r == ARCHIVE_OK && i < files->count; i++)
		r = pack_file(archive, &files->items[i]);
	if (r == ARCHIVE_OK)
		r = archive_write_close(archive);
	if (r != ARCHIVE_OK)
		return error_set(err, ERROR_INTERNAL, "cannot pack a module: %s",
				 archive_error_string(archive));
	return 0;
}
