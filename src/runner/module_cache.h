/*
 * Modules by their digest: <dir>/cache/modules/<digest>/, unpacked and never
 * changed. Any thread; two that miss the same module both fetch it.
 */
#pragma once

#include "base/error.h"
#include "http/client.h"
#include "runner/context.h"

/* The folder of the module, fetched if need be. Caller frees *ret_path. */
int module_cache_get(struct runner *runner, struct http_client *http, const char *digest,
		     char **ret_path, struct error **err);
