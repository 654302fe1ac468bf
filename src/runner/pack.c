/* Tar by libarchive; in memory, because a pack is small (no providers) and secret. */
#include "runner/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "runner/pack_seal.h"

#define MAX_FILES 100000
#define PACK_MAX  ((uint64_t)256 << 20)

static void archive_read_free_p(struct archive **archive)
{
	if (*archive)
		archive_read_free(*archive);
}

static void archive_write_free_p(struct archive **archive)
{
	if (*archive)
		archive_write_free(*archive);
}

static int copy_content(struct archive *from, struct archive *to, uint64_t *budget,
			struct error **err)
{
	const void *block;
	size_t size;
	la_int64_t offset;

	for (;;) {
		int r = archive_read_data_block(from, &block, &size, &offset);
		if (r == ARCHIVE_EOF)
			return 0;
		if (r < ARCHIVE_WARN)
			return error_set(err, ERROR_UNPROCESSABLE, "archive: %s",
					 archive_error_string(from));
		if (size > *budget)
			return error_set(err, ERROR_TOO_LARGE,
					 "the archive's content passes its limit");
		*budget -= size;
		if (archive_write_data_block(to, block, size, offset) < ARCHIVE_WARN)
			return error_set(err, ERROR_INTERNAL, "archive: %s",
					 archive_error_string(to));
	}
}

static int extract_entry(struct archive *from, struct archive *to, struct archive_entry *entry,
			 const char *folder, uint64_t *budget, struct error **err)
{
	const char *name = archive_entry_pathname(entry);
	mode_t type = archive_entry_filetype(entry);

	if (!name || (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK))
		return error_set(err, ERROR_UNPROCESSABLE,
				 "the archive holds something that is no file");
	while (startswith(name, "./"))
		name += 2;
	if (!*name || streq(name, "."))
		return 0;
	_cleanup_free_ char *trimmed = xstrdup(name);
	size_t length = strlen(trimmed);
	if (length > 1 && trimmed[length - 1] == '/')
		trimmed[length - 1] = '\0';
	if (!path_is_safe_relative(trimmed) || archive_entry_hardlink(entry))
		return error_set(err, ERROR_UNPROCESSABLE,
				 "the archive's \"%s\" would leave its folder", trimmed);

	_cleanup_free_ char *path = path_join(folder, trimmed, NULL);
	archive_entry_set_pathname(entry, path);
	archive_entry_set_perm(entry, (archive_entry_perm(entry) & 0755) |
					      (type == AE_IFDIR ? 0700 : 0600));
	if (archive_write_header(to, entry) < ARCHIVE_WARN)
		return error_set(err, ERROR_UNPROCESSABLE, "archive: %s", archive_error_string(to));
	return type == AE_IFREG ? copy_content(from, to, budget, err) : 0;
}

int pack_extract(const void *data, size_t size, const char *folder, uint64_t max_bytes,
		 struct error **err)
{
	_cleanup_(archive_read_free_p) struct archive *from = archive_read_new();
	_cleanup_(archive_write_free_p) struct archive *to = archive_write_disk_new();
	struct archive_entry *entry;
	uint64_t budget = max_bytes;
	size_t files = 0;

	archive_read_support_format_tar(from);
	archive_read_support_format_empty(from);
	archive_read_support_filter_all(from);
	/* Symbolic links are checked on the way, so that none of ours leads outside. */
	archive_write_disk_set_options(to, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
						   ARCHIVE_EXTRACT_SECURE_NODOTDOT |
						   ARCHIVE_EXTRACT_UNLINK);
	int r = mkdir_p(folder, 0700);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "%s", folder);
	_cleanup_free_ char *real = realpath(folder, NULL);
	if (!real)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", folder);
	if (archive_read_open_memory(from, data, size) != ARCHIVE_OK)
		return error_set(err, ERROR_UNPROCESSABLE, "archive: %s",
				 archive_error_string(from));
	while ((r = archive_read_next_header(from, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		if (++files > MAX_FILES)
			return error_set(err, ERROR_TOO_LARGE,
					 "the archive holds more than %d files", MAX_FILES);
		if (extract_entry(from, to, entry, real, &budget, err) < 0)
			return -1;
	}
	if (r != ARCHIVE_EOF)
		return error_set(err, ERROR_UNPROCESSABLE, "archive: %s",
				 archive_error_string(from));
	if (archive_write_close(to) != ARCHIVE_OK)
		return error_set(err, ERROR_INTERNAL, "archive: %s", archive_error_string(to));
	return 0;
}

/* ---- Packing ---- */

static la_ssize_t on_write(struct archive *archive, void *userdata, const void *data, size_t size)
{
	struct strbuf *buffer = userdata;
	if (buffer->size + size > PACK_MAX) {
		archive_set_error(archive, EFBIG, "the pack passes its limit of 256 MB");
		return -1;
	}
	strbuf_add(buffer, data, size);
	return (la_ssize_t)size;
}

static int add_file(struct archive *archive, int fd, const char *name, uint64_t left,
		    struct error **err)
{
	char block[64 << 10];

	while (left > 0) {
		ssize_t n = read_full(fd, block, MIN(sizeof(block), left));
		if (n <= 0)
			return error_set(err, ERROR_INTERNAL, "%s changed while it was packed",
					 name);
		if (archive_write_data(archive, block, (size_t)n) < 0)
			return error_set(err, ERROR_TOO_LARGE, "%s", archive_error_string(archive));
		left -= (uint64_t)n;
	}
	return 0;
}

/* All but the folder of providers; modules that init fetched are part of it. */
static bool is_left_out(const char *name)
{
	return streq(name, ".terraform/providers");
}

static int add_header(struct archive *archive, const char *name, const struct stat *st,
		      const char *link, struct error **err)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_copy_stat(entry, st);
	if (link)
		archive_entry_set_symlink(entry, link);
	int r = archive_write_header(archive, entry);
	archive_entry_free(entry);
	return r < ARCHIVE_WARN
		       ? error_set(err, ERROR_TOO_LARGE, "%s", archive_error_string(archive))
		       : 0;
}

static int add_folder(struct archive *archive, int folder, const char *name, int level,
		      struct error **err);

/* name: of the pack; item: in the folder. Whatever is no file, folder or link is left out. */
static int add_item(struct archive *archive, int folder, const char *item, const char *name,
		    int level, struct error **err)
{
	char target[4096];
	struct stat st;

	ssize_t length = readlinkat(folder, item, target, sizeof(target) - 1);
	if (length >= 0) {
		target[length] = '\0';
		if (fstatat(folder, item, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_set_errno(err, ERROR_INTERNAL, errno, "%s", name);
		return add_header(archive, name, &st, target, err);
	}
	_cleanup_close_ int fd =
		openat(folder, item, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENXIO)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", name);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return 0;
	int r = add_header(archive, name, &st, NULL, err);
	if (r < 0)
		return r;
	return S_ISREG(st.st_mode) ? add_file(archive, fd, name, (uint64_t)st.st_size, err)
				   : add_folder(archive, fd, name, level + 1, err);
}

static int add_folder(struct archive *archive, int folder, const char *name, int level,
		      struct error **err)
{
	struct dirent **items;
	int r = 0;

	if (level > 64)
		return error_set(err, ERROR_TOO_LARGE, "%s is nested more than 64 levels deep",
				 name);
	int count = scandirat(folder, ".", &items, NULL, alphasort);
	if (count < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", name);
	for (int i = 0; i < count; i++) {
		const char *item = items[i]->d_name;
		if (r == 0 && !streq(item, ".") && !streq(item, "..")) {
			_cleanup_free_ char *below =
				*name ? path_join(name, item, NULL) : xstrdup(item);
			if (!is_left_out(below))
				r = add_item(archive, folder, item, below, level, err);
		}
		free(items[i]);
	}
	free(items);
	return r;
}

int pack_folder(const char *folder, struct strbuf *out, struct error **err)
{
	_cleanup_(archive_write_free_p) struct archive *archive = archive_write_new();
	_cleanup_close_ int root = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (root < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", folder);
	archive_write_set_format_pax_restricted(archive);
	archive_write_add_filter_gzip(archive);
	archive_write_set_options(archive, "gzip:compression-level=1");
	archive_write_set_bytes_in_last_block(archive, 1);
	if (archive_write_open(archive, out, NULL, on_write, NULL) != ARCHIVE_OK)
		return error_set(err, ERROR_INTERNAL, "%s", archive_error_string(archive));
	int r = add_folder(archive, root, "", 0, err);
	if (r == 0 && archive_write_close(archive) != ARCHIVE_OK)
		r = error_set(err, ERROR_TOO_LARGE, "%s", archive_error_string(archive));
	return r;
}

/* ---- The server's copy ---- */

/* Until the server has answered; an error of its own is final. */
static int call_server(struct job *job, const struct http_call *call, struct http_reply *ret,
		       struct error **err)
{
	for (;;) {
		_cleanup_error_ struct error *error = NULL;
		int r = http_client_call(job->http, call, ret, &error);
		if (r == 0 && ret->status >= 200 && ret->status < 300)
			return 0;
		if (r == 0 && ret->status < 500 && ret->status != 429) {
			r = error_set(err, error_code_from_http_status(ret->status),
				      "the server refuses the pack: HTTP %d %.*s", ret->status,
				      (int)MIN(ret->body.size, (size_t)300), ret->body.data);
			http_reply_release(ret);
			return r;
		}
		if (r == 0)
			http_reply_release(ret);
		*ret = (struct http_reply){0};
		if (atomic_load(&job->runner->stopping) || atomic_load(&job->drop))
			return error_set(err, ERROR_CANCELLED, "stopping");
		struct timespec moment = {.tv_nsec = 300000000};
		nanosleep(&moment, NULL);
	}
}

int pack_store(struct job *job, struct error **err)
{
	_cleanup_strbuf_secret_ struct strbuf clear = STRBUF_INIT;
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	uint8_t key[PACK_KEY_SIZE];
	char digest[DIGEST_HEX_SIZE];

	if (!grant_artifact_key(job->grant, key))
		return error_set(err, ERROR_INTERNAL, "the grant has no key for the pack");
	int r = pack_folder(job->workspace.module, &clear, err);
	if (r < 0)
		return error_wrap(err, "the workspace cannot be packed");
	pack_seal(key, clear.data, clear.size, &sealed);
	secure_wipe(key, sizeof(key));
	digest_hex(DIGEST_BLAKE2B, sealed.data, sealed.size, digest);

	_cleanup_free_ char *path =
		xasprintf("/runner/v1/jobs/%s/artifacts/pack?epoch=%lld&digest=%s", job->id,
			  (long long)job->grant->epoch, digest);
	struct http_reply reply = {0};
	struct http_call call = {
		.method = "PUT",
		.path = path,
		.content_type = "application/octet-stream",
		.body = sealed.data,
		.body_len = sealed.size,
		.timeout_ms = 600000,
	};
	r = call_server(job, &call, &reply, err);
	http_reply_release(&reply);
	return r;
}

int pack_fetch(struct job *job, struct error **err)
{
	_cleanup_strbuf_secret_ struct strbuf clear = STRBUF_INIT;
	_cleanup_free_ char *path = xasprintf("/runner/v1/jobs/%s/artifacts/pack?epoch=%lld",
					      job->id, (long long)job->grant->epoch);
	struct http_reply reply = {0};
	struct http_call call = {.method = "GET", .path = path, .timeout_ms = 600000};
	uint8_t key[PACK_KEY_SIZE];

	if (!grant_artifact_key(job->grant, key))
		return error_set(err, ERROR_INTERNAL, "the grant has no key for the pack");
	int r = call_server(job, &call, &reply, err);
	if (r == 0)
		r = pack_unseal(key, reply.body.data, reply.body.size, &clear, err);
	secure_wipe(key, sizeof(key));
	http_reply_release(&reply);
	if (r == 0)
		r = pack_extract(clear.data, clear.size, job->workspace.module, PACK_MAX * 4, err);
	return r < 0 ? error_wrap(err, "the paused job cannot go on") : 0;
}
