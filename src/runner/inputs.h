/* A module's variables (cached by its digest) and the inputs file made from them. */
#pragma once

#include <jansson.h>

#include "base/error.h"
#include "runner/context.h"
#include "runner/grant.h"
#include "runner/workspace.h"

/* What the engine said of this module before; NULL when it was not asked yet. The caller decrefs.
 */
json_t *variables_cached(struct runner *runner, const struct engine_install *install,
			 const char *digest);
int variables_store(struct runner *runner, const struct engine_install *install, const char *digest,
		    const char *json, size_t size, json_t **ret, struct error **err);

/* ret_secrets: strings to mask. The caller decrefs both. */
int inputs_make(const struct grant *grant, const struct engine *engine, const json_t *variables,
		json_t **ret_inputs, json_t **ret_secrets, struct error **err);
int inputs_write(const struct engine *engine, const struct workspace *workspace,
		 const json_t *inputs, struct error **err);
