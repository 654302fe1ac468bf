/* Terminals: what they can do, questions, and redrawing a few lines at the bottom. */
#include "cli/term.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/strutil.h"
#include "cli/text.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)

bool term_is_live(int fd)
{
	const char *term = getenv("TERM");
	return isatty(fd) && !(term && streq(term, "dumb"));
}

bool term_use_colour(enum colour_mode mode, int fd)
{
	if (mode != COLOUR_AUTO)
		return mode == COLOUR_ALWAYS;
	if (!isempty(getenv("NO_COLOR")))
		return false;
	const char *force = getenv("FORCE_COLOR");
	if (!isempty(force))
		return !streq(force, "0");
	return term_is_live(fd);
}

void term_size(int fd, size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size;
	bool known = ioctl(fd, TIOCGWINSZ, &size) == 0;
	*ret_columns = known && size.ws_col ? size.ws_col : 80;
	*ret_rows = known && size.ws_row ? size.ws_row : 24;
}

bool prompt_possible(void)
{
	return isatty(STDIN_FILENO);
}

int read_line(char **ret, struct error **err)
{
	_cleanup_strbuf_secret_ struct strbuf line = STRBUF_INIT;
	char c;
	ssize_t n;
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (line.size >= LINE_MAX_BYTES)
			return error_set(err, ERROR_TOO_LARGE, "the line on stdin is too long");
		strbuf_addch(&line, c);
	}
	if (n < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot read stdin");
	if (n == 0 && !line.size)
		return error_set(err, ERROR_CANCELLED, "there was no answer on stdin");
	while (line.size && line.data[line.size - 1] == '\r')
		strbuf_set_size(&line, line.size - 1);
	*ret = strbuf_detach(&line, NULL);
	return 0;
}

int prompt_line(const char *question, const char *flag, char **ret, struct error **err)
{
	if (!prompt_possible()) {
		int r = error_set(err, ERROR_INVALID_ARGUMENT,
				  "stdin is not a terminal, so nobody can be asked: %s", question);
		error_hint(err, "give %s", flag);
		return r;
	}
	fprintf(stderr, "%s ", question);
	fflush(stderr);
	return read_line(ret, err);
}

int prompt_secret(const char *question, const char *flag, char **ret, struct error **err)
{
	struct termios old, silent;
	bool known = prompt_possible() && tcgetattr(STDIN_FILENO, &old) == 0;
	if (known) {
		silent = old;
		silent.c_lflag &= (tcflag_t)~ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	int r = prompt_line(question, flag, ret, err);
	if (known) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputc('\n', stderr);
	}
	return r;
}

int prompt_yes(const char *question, const char *flag, struct error **err)
{
	_cleanup_free_ char *answer = NULL;
	_cleanup_free_ char *full = xasprintf("%s [y/N]", question);
	int r = prompt_line(full, flag, &answer, err);
	if (r < 0)
		return r;
	if (strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0)
		return 0;
	return error_set(err, ERROR_CANCELLED, "not confirmed, nothing was done");
}

size_t live_rows(const struct strbuf *lines, size_t columns)
{
	size_t rows = 0;
	for (const char *line = lines->data; *line;) {
		size_t n = strcspn(line, "\n");
		size_t width = text_width(line, n);
		rows += width ? (width + columns - 1) / columns : 1;
		line += n + (line[n] == '\n');
	}
	return rows;
}

/* The cursor is on the row after the live lines. Terminals wrap them anew when they are resized,
 * hence the width of now. */
static void add_erase(const struct live *l, struct strbuf *frame)
{
	size_t columns, rows;
	term_size(l->fd, &columns, &rows);
	size_t up = MIN(live_rows(&l->shown, columns), rows - 1);
	if (up)
		strbuf_addf(frame, "\r\033[%zuA\033[J", up);
}

int live_frame(struct live *l, const struct strbuf *finished, const struct strbuf *lines)
{
	if (!finished->size && lines->size == l->shown.size &&
	    memcmp(lines->data, l->shown.data, lines->size) == 0)
		return 0;
	_cleanup_strbuf_ struct strbuf frame = STRBUF_INIT;
	add_erase(l, &frame);
	strbuf_add(&frame, finished->data, finished->size);
	strbuf_add(&frame, lines->data, lines->size);
	strbuf_reset(&l->shown);
	strbuf_add(&l->shown, lines->data, lines->size);
	return write_all(l->fd, frame.data, frame.size);
}

int live_clear(struct live *l)
{
	struct strbuf none = STRBUF_INIT;
	return live_frame(l, &none, &none);
}

void live_release(struct live *l)
{
	strbuf_release(&l->shown);
}
