/* What verbs see of a transaction. */
#pragma once

#include "store/db.h"
#include "store/store.h"

struct pool;

struct store_tx {
	struct db *db;
	struct pool *pool; /* where the connection goes back to */
};
