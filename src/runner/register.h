/* Making a runner known to its server. */
#pragma once

#include "runner/context.h"

/*
 * Once: sets runner->id and, when the server made one, runner->key (which is also
 * stored). held: [{job, operation, attempt}], borrowed. ERROR_UNAVAILABLE and
 * ERROR_TIMEOUT: try again.
 */
int runner_enrol(struct runner *runner, json_t *held, struct error **err);
