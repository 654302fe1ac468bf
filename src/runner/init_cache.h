/*
 * What init makes, by all that it depends on: <dir>/cache/init/<key>/ holds the
 * data folder (with the providers, which workspaces only link to, so that no
 * engine can write to them) and the lock file. Entries are a day old at most,
 * for what a version constraint means changes. Any thread.
 */
#pragma once

#include <stdbool.h>

#include "base/digest.h"
#include "base/error.h"
#include "runner/context.h"
#include "runner/workspace.h"

/* inputs: the inputs file's content when the module's init reads it, or NULL. */
void init_cache_key(const struct engine_install *install, const char *module_digest,
		    const char *inputs, char ret[DIGEST_HEX_SIZE]);

/* 1: the workspace is as after an init. 0: there is no such entry, or it does not fit. */
int init_cache_use(struct runner *runner, const struct engine *engine, const char *key,
		   const struct workspace *workspace, struct error **err);
/* After an init. The workspace then links to the entry, too. */
int init_cache_store(struct runner *runner, const struct engine *engine, const char *key,
		     const struct workspace *workspace, struct error **err);
