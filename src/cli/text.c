/* Harmless, measured and cut text. */
#include "cli/text.h"

#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

static uint32_t decode(const char *s, size_t n)
{
	const unsigned char *c = (const unsigned char *)s;
	switch (n) {
	case 1:
		return c[0];
	case 2:
		return (uint32_t)(c[0] & 0x1f) << 6 | (c[1] & 0x3f);
	case 3:
		return (uint32_t)(c[0] & 0x0f) << 12 | (uint32_t)(c[1] & 0x3f) << 6 | (c[2] & 0x3f);
	default:
		return (uint32_t)(c[0] & 0x07) << 18 | (uint32_t)(c[1] & 0x3f) << 12 |
		       (uint32_t)(c[2] & 0x3f) << 6 | (c[3] & 0x3f);
	}
}

/* Bytes of the escape sequence at text, which begins with ESC. */
static size_t escape_length(const char *text, size_t size, bool *ret_sgr)
{
	*ret_sgr = false;
	if (size < 2)
		return size;
	size_t i = 2;
	if (text[1] == '[') {
		while (i < size && (unsigned char)text[i] >= 0x20 && (unsigned char)text[i] <= 0x3f)
			i++;
		if (i < size && text[i] == 'm')
			*ret_sgr = strspn(text + 2, "0123456789;:") >= i - 2;
		return i < size ? i + 1 : i;
	}
	if (strchr("]PX^_", text[1])) { /* strings up to BEL or ESC \ */
		for (; i < size; i++) {
			if (text[i] == '\a')
				return i + 1;
			if (text[i] == '\033' && i + 1 < size && text[i + 1] == '\\')
				return i + 2;
		}
		return i;
	}
	if (text[1] >= 0x20 && text[1] <= 0x2f) {
		while (i < size && text[i] >= 0x20 && text[i] <= 0x2f)
			i++;
		return i < size ? i + 1 : i;
	}
	return 2;
}

static bool is_hidden(uint32_t c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c <= 0x9f) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 ||
	       c == 0x2029 || c == 0x200e || c == 0x200f;
}

void text_add_safe(struct strbuf *out, const char *text, size_t size, bool colour)
{
	bool coloured = false;
	for (size_t i = 0; i < size;) {
		if (text[i] == '\033') {
			bool sgr;
			size_t n = escape_length(text + i, size - i, &sgr);
			if (sgr && colour) {
				strbuf_add(out, text + i, n);
				coloured = true;
			}
			i += n;
			continue;
		}
		size_t n = utf8_character(text + i, size - i);
		if (!n) {
			utf8_add(out, 0xfffd);
			i++;
			continue;
		}
		if (!is_hidden(decode(text + i, n)))
			strbuf_add(out, text + i, n);
		i += n;
	}
	if (coloured)
		strbuf_addstr(out, "\033[0m");
}

void text_add(struct strbuf *out, const char *text)
{
	if (text)
		text_add_safe(out, text, strlen(text), false);
}

static unsigned character_width(uint32_t c)
{
	static const struct {
		uint32_t from, to;
		unsigned width;
	} ranges[] = {
		{0x0300, 0x036f, 0},   {0x0483, 0x0489, 0},   {0x0591, 0x05bd, 0},
		{0x0610, 0x061a, 0},   {0x064b, 0x065f, 0},   {0x1100, 0x115f, 2},
		{0x1ab0, 0x1aff, 0},   {0x1dc0, 0x1dff, 0},   {0x200b, 0x200f, 0},
		{0x20d0, 0x20ff, 0},   {0x231a, 0x231b, 2},   {0x23e9, 0x23ec, 2},
		{0x2614, 0x2615, 2},   {0x26a1, 0x26a1, 2},   {0x2705, 0x2705, 2},
		{0x274c, 0x274c, 2},   {0x2e80, 0x303e, 2},   {0x3041, 0x33ff, 2},
		{0x3400, 0x4dbf, 2},   {0x4e00, 0x9fff, 2},   {0xa000, 0xa4cf, 2},
		{0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe00, 0xfe0f, 0},
		{0xfe20, 0xfe2f, 0},   {0xfe30, 0xfe6f, 2},   {0xff00, 0xff60, 2},
		{0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2},
		{0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
	};
	for (size_t i = 0; i < ARRAY_SIZE(ranges) && c >= ranges[i].from; i++)
		if (c <= ranges[i].to)
			return ranges[i].width;
	return 1;
}

/* One step: an escape sequence or a character; its bytes and columns. */
static size_t next_piece(const char *text, size_t size, size_t column, size_t *ret_width)
{
	*ret_width = 0;
	bool sgr;
	if (*text == '\033')
		return escape_length(text, size, &sgr);
	size_t n = utf8_character(text, size);
	if (*text == '\t')
		*ret_width = 8 - column % 8;
	else
		*ret_width = n ? character_width(decode(text, n)) : 1;
	return n ? n : 1;
}

size_t text_width(const char *text, size_t size)
{
	size_t width = 0;
	for (size_t i = 0, w; i < size; width += w)
		i += next_piece(text + i, size - i, width, &w);
	return width;
}

void text_add_cut(struct strbuf *out, const char *text, size_t size, size_t width)
{
	if (text_width(text, size) <= width) {
		strbuf_add(out, text, size);
		return;
	}
	bool coloured = false;
	size_t column = 0;
	for (size_t i = 0, w, n; i < size; i += n, column += w) {
		n = next_piece(text + i, size - i, column, &w);
		if (column + w + 1 > width)
			break;
		coloured |= text[i] == '\033';
		strbuf_add(out, text + i, n);
	}
	if (width)
		strbuf_addstr(out, "…");
	if (coloured)
		strbuf_addstr(out, "\033[0m");
}

void text_add_spaces(struct strbuf *out, size_t count)
{
	while (count-- > 0)
		strbuf_addch(out, ' ');
}

void text_add_ticking(struct strbuf *out, uint64_t ms)
{
	unsigned s = (unsigned)(ms / 1000);
	if (s < 60)
		strbuf_addf(out, "%us", s);
	else if (s < 3600)
		strbuf_addf(out, "%um%02us", s / 60, s % 60);
	else
		strbuf_addf(out, "%uh%02um", s / 3600, s % 3600 / 60);
}

void text_add_duration(struct strbuf *out, uint64_t ms)
{
	if (ms >= 60000)
		text_add_ticking(out, ms);
	else if (ms < 100)
		strbuf_addf(out, "%ums", (unsigned)ms);
	else
		strbuf_addf(out, "%u.%us", (unsigned)(ms / 1000), (unsigned)(ms % 1000 / 100));
}

void text_add_age(struct strbuf *out, const char *rfc3339, uint64_t now_ms)
{
	uint64_t then;
	if (!rfc3339 || rfc3339_parse(rfc3339, &then) < 0)
		return;
	uint64_t s = now_ms > then ? (now_ms - then) / 1000 : 0;
	if (s < 120)
		strbuf_addf(out, "%us", (unsigned)s);
	else if (s < 7200)
		strbuf_addf(out, "%um", (unsigned)(s / 60));
	else if (s < 172800)
		strbuf_addf(out, "%uh", (unsigned)(s / 3600));
	else
		strbuf_addf(out, "%ud", (unsigned)(s / 86400));
}
