/* Keeps the caches below their budget: what was used longest ago goes first. */
#pragma once

#include "runner/context.h"

/* Only when no job runs: workspaces link to entries. */
void disk_budget_enforce(struct runner *runner);
