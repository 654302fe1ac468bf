/* The key that seals all secrets at rest. It lives outside the data folder. */
#pragma once

#include "base/seal.h"
#include "control/work.h"

/*
 * From PLANTON_MASTER_KEY (64 hex digits), PLANTON_MASTER_KEY_COMMAND (prints them), or a file: the
 * one given, else master.key in the configuration folder, made when the database is new. A key that
 * is not the one that the database was sealed under is refused. *ret_where says where it is.
 */
int master_key_obtain(struct store *store, const char *file, struct master_key **ret,
		      char **ret_where, struct error **err);
