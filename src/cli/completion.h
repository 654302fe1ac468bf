/* Completion in shells: small scripts that ask the binary itself what may come next. */
#pragma once

#include "base/strbuf.h"
#include "cli/options.h"
#include "cli/session.h"

extern const char *const shell_names[];

/* The script for one of shell_names. */
void completion_script(struct strbuf *out, const char *shell);
/*
 * Candidates for the last of words (which may be ""), one "word<TAB>what it is" a line. words[0] is
 * the program. Returns what else that word may be.
 */
enum word_kind completion_write(struct strbuf *out, const struct command *root,
				const char *const *words, size_t n_words);
/*
 * Adds the names that begin with prefix, of resources or jobs as kind says. Asks the server once
 * and briefly; without an answer it adds none.
 */
void completion_add_names(struct strbuf *out, const struct cli *cli, enum word_kind kind,
			  const char *prefix);
