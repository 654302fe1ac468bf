/* What the files of the SQLite driver share. */
#pragma once

#include <sqlite3.h>

#include "store/db.h"

struct statement;

struct sqlite {
	struct db base;
	enum db_access access;
	sqlite3 *handle;
	struct statement *statements; /* most recently used first */
};

static inline struct sqlite *sqlite_of(struct db *db)
{
	return container_of(db, struct sqlite, base);
}

/* What SQLite says went wrong last, as an error; the transaction has failed with it. */
int sqlite_error(struct sqlite *db, struct error **err, const char *doing);

int sqlite_backup(struct db *db, const char *to_path, struct error **err);
