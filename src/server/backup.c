/*
 * Backup and restore of the database, which holds everything but the master key. What was restored
 * is older than what runners may hold, so every epoch is raised past whatever was granted since.
 */
#include "server/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "server/places.h"
#include "store/store.h"

/* More launches than there are between any backup and its restore. */
#define EPOCH_STEP 1000000000

DEFINE_CLEANUP(struct store *, store_close);

int server_backup(const struct server_options *o, struct error **err)
{
	_cleanup_free_ char *database = path_join(o->data, "planton.db", NULL);
	_cleanup_(store_close_p) struct store *store = NULL;
	if (access(database, F_OK) < 0)
		return error_set_errno(err, ERROR_NOT_FOUND, errno, "there is no database %s",
				       database);
	int r = store_open(database, &store, err);
	if (r >= 0)
		r = store_backup(store, o->file, err);
	if (r < 0)
		return r;
	fprintf(stderr, "%s holds everything but the master key: keep that, too, and apart\n",
		o->file);
	return 0;
}

static int raise_epochs(const char *path, struct error **err)
{
	_cleanup_(store_close_p) struct store *store = NULL;
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	int r = store_open(path, &store, err);
	if (r >= 0)
		r = store_begin(store, STORE_WRITE, &tx, err);
	if (r >= 0)
		r = job_raise_epochs(tx, EPOCH_STEP, err);
	return r < 0 ? r : store_commit(TAKE_PTR(tx), err);
}

static int copy_file(const char *from, const char *to, struct error **err)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return error_set_errno(err, ERROR_NOT_FOUND, errno, "cannot read %s", from);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot write %s", to);
	char buffer[65536];
	ssize_t n;
	while ((n = read(in, buffer, sizeof(buffer))) > 0) {
		int r = write_all(out, buffer, (size_t)n);
		if (r < 0)
			return error_set_errno(err, ERROR_INTERNAL, r, "cannot write %s", to);
	}
	if (n < 0 || fsync(out) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot copy %s", from);
	return 0;
}

/* Under another name, the journal first: without its database it is nothing. */
static int set_aside(const char *database, struct error **err)
{
	static const char *const suffixes[] = {"-wal", "-shm", ""};
	unsigned long long now = now_realtime_ms();
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *from = xasprintf("%s%s", database, suffixes[i]);
		_cleanup_free_ char *to =
			xasprintf("%s.before-restore-%llu%s", database, now, suffixes[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			return error_set_errno(err, ERROR_INTERNAL, errno, "cannot set %s aside",
					       from);
	}
	return 0;
}

int server_restore(const struct server_options *o, struct error **err)
{
	_cleanup_free_ char *data = NULL;
	_cleanup_close_ int lock_fd = -1;
	int r = data_dir_open(o->data, &data, &lock_fd, err);
	if (r < 0)
		return r;
	_cleanup_free_ char *database = path_join(data, "planton.db", NULL);
	_cleanup_free_ char *fresh = path_join(data, "planton.db.restoring", NULL);
	bool exists = access(database, F_OK) == 0;
	if (exists && !o->force) {
		r = error_set(err, ERROR_ALREADY_EXISTS, "%s has data already", data);
		error_hint(err,
			   "restore to an empty folder, or say --force to set that data aside");
		return r;
	}
	r = copy_file(o->file, fresh, err);
	if (r >= 0)
		r = raise_epochs(fresh, err);
	if (r >= 0 && exists)
		r = set_aside(database, err);
	if (r >= 0 && rename(fresh, database) < 0)
		r = error_set_errno(err, ERROR_INTERNAL, errno, "cannot put %s in place", database);
	if (r >= 0 && (r = fsync_directory(data)) < 0)
		error_set_errno(err, ERROR_INTERNAL, r, "cannot sync %s", data);
	if (r < 0) {
		unlink(fresh);
		return r;
	}
	fprintf(stderr, "%s is restored; start it with the master key that it was sealed under\n",
		data);
	return 0;
}
