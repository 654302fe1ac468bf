/* Completion in shells: small scripts that ask the binary itself what may come next. */
#pragma once

#include "base/strbuf.h"
#include "cli/options.h"

extern const char *const shell_names[];

/* The script for one of shell_names. */
void completion_script(struct strbuf *out, const char *shell);
/* Candidates for the last of words (which may be ""), one "word<TAB>what it is" a line. words[0] is
 * the program. */
void completion_write(struct strbuf *out, const struct command *root, const char *const *words,
		      size_t n_words);
