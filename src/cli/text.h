/* Text from elsewhere on its way to a terminal: made harmless, measured, cut. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/*
 * Appends one line of text. Escape sequences and control characters are left out, and so are
 * characters that reorder text; tabs stay. With colour on, SGR sequences (colours) pass and a reset
 * follows them.
 */
void text_add_safe(struct strbuf *out, const char *text, size_t size, bool colour);
/* The same without colour, for a NUL-terminated string or NULL. */
void text_add(struct strbuf *out, const char *text);

/* Columns that the text takes; SGR sequences take none. */
size_t text_width(const char *text, size_t size);
/* Appends at most width columns of text, ending in "…" when it is cut; SGR sequences are kept, and
 * reset when cut. */
void text_add_cut(struct strbuf *out, const char *text, size_t size, size_t width);
void text_add_spaces(struct strbuf *out, size_t count);

/* "35ms", "0.4s", "12.3s", "1m05s", "2h03m". */
void text_add_duration(struct strbuf *out, uint64_t ms);
/* Whole seconds, for what ticks: "12s", "1m05s". */
void text_add_ticking(struct strbuf *out, uint64_t ms);
/* "5s", "3m", "2h", "4d": the time since an RFC 3339 one, or "" when it is none. */
void text_add_age(struct strbuf *out, const char *rfc3339, uint64_t now_ms);
