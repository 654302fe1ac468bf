/* The schema, as numbered scripts that are never changed once released. */
#pragma once

#include "store/db.h"

struct migration {
	int number; /* from 1, without gaps */
	const char *name;
	const char *sql;
};

/* Generated from migrations/NNNN_name.sql by migrations/embed.py. */
extern const struct migration migrations[];
extern const int migrations_count;

/*
 * Brings the database to the newest schema, each script in a transaction of its own. Refuses a
 * database with scripts that this binary does not know (it is newer), or that had another text when
 * they ran.
 */
int migrate(struct db *db, struct error **err);
