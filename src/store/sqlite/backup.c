/*
 * A copy of the database under its final name, whole or not at all: it grows under a name of its
 * own, which a killed backup leaves behind and the next one clears. The copy is one step in one
 * read snapshot, so writers go on meanwhile and never make it start over.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "store/sqlite/sqlite.h"

static int copy_into(struct sqlite *from, const char *path, struct error **err)
{
	sqlite3 *to = NULL;
	int r = 0;

	if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		r = error_set(err, ERROR_INTERNAL, "cannot open %s: %s", path, sqlite3_errmsg(to));
		goto out;
	}
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", from->handle, "main");
	if (backup)
		sqlite3_backup_step(backup, -1);
	if (!backup || sqlite3_backup_finish(backup) != SQLITE_OK)
		r = error_set(err, ERROR_INTERNAL, "cannot copy to %s: %s", path,
			      sqlite3_errmsg(to));
out:
	sqlite3_close(to);
	return r;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* link() instead of rename(): a file that appeared meanwhile is not replaced. */
static int publish(const char *partial, const char *to_path, struct error **err)
{
	_cleanup_free_ char *folder = folder_of(to_path);

	if (link(partial, to_path) < 0) {
		if (errno == EEXIST)
			return error_set(err, ERROR_ALREADY_EXISTS, "%s exists already", to_path);
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot create %s", to_path);
	}
	int r = fsync_directory(folder);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot sync %s", folder);
	return 0;
}

int sqlite_backup(struct db *db, const char *to_path, struct error **err)
{
	_cleanup_free_ char *partial =
		xasprintf("%s%s.partial", to_path[0] == '/' ? "" : "./", to_path);
	_cleanup_free_ char *journal = xasprintf("%s-journal", partial);

	unlink(partial);
	unlink(journal);
	int fd = open(partial, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot create %s", partial);
	close(fd);
	int r = copy_into(sqlite_of(db), partial, err);
	if (r == 0)
		r = publish(partial, to_path, err);
	unlink(partial);
	return r;
}
