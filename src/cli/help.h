/* Help and the man page, from the tables of options.h. */
#pragma once

#include "base/strbuf.h"
#include "cli/options.h"

void help_write(struct strbuf *out, const struct command *const *path, size_t depth, bool colour);
/* The source of planton(1). */
void man_write(struct strbuf *out, const struct command *root);
