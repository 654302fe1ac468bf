/* The terminal: colours, size, questions, and the live region. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

enum colour_mode { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* --color, then NO_COLOR, FORCE_COLOR, then whether fd is a terminal and TERM is not dumb. */
bool term_use_colour(enum colour_mode mode, int fd);
bool term_is_live(int fd);
/* Columns and rows; 80 and 24 when unknown. */
void term_size(int fd, size_t *ret_columns, size_t *ret_rows);

/*
 * Questions go to stderr, answers come from stdin, and both only on a terminal: otherwise
 * ERROR_INVALID_ARGUMENT naming the flag that says it beforehand. Caller frees *ret.
 */
int prompt_line(const char *question, const char *flag, char **ret, struct error **err);
/* Does not show what is typed. */
int prompt_secret(const char *question, const char *flag, char **ret, struct error **err);
bool prompt_possible(void);
/* 0, or ERROR_CANCELLED when the answer is not yes. */
int prompt_yes(const char *question, const char *flag, struct error **err);
/* One line from stdin, wherever it comes from. */
int read_line(char **ret, struct error **err);

/*
 * Finished lines above, live lines below them, which the next frame replaces. A frame is one write.
 * -EPIPE when nobody reads any more.
 */
struct live {
	int fd;
	struct strbuf shown; /* live lines on the screen, each with its newline */
};

int live_frame(struct live *l, const struct strbuf *finished, const struct strbuf *lines);
/* Takes the live lines off the screen. */
int live_clear(struct live *l);
void live_release(struct live *l);
/* Rows that lines take on a terminal of that many columns. */
size_t live_rows(const struct strbuf *lines, size_t columns);
