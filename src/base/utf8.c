/* The well-formed byte sequences of Unicode's table 3-7, and repair of all others. */
#include "base/utf8.h"

static const char replacement[] = "\xef\xbf\xbd";

/*
 * Length of the character at data, or 0; then *ret_bad (if not NULL) is the
 * length of the maximal prefix that a replacement character stands for.
 */
static size_t scan(const char *data, size_t size, size_t *ret_bad)
{
	const unsigned char *c = (const unsigned char *)data;
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t length;

	*ret_bad = 1;
	if (size == 0)
		return 0;
	if (c[0] < 0x80)
		return 1;
	if (c[0] >= 0xc2 && c[0] <= 0xdf)
		length = 2;
	else if (c[0] >= 0xe0 && c[0] <= 0xef)
		length = 3;
	else if (c[0] >= 0xf0 && c[0] <= 0xf4)
		length = 4;
	else
		return 0;

	if (c[0] == 0xe0)
		low = 0xa0;
	else if (c[0] == 0xed)
		high = 0x9f;
	else if (c[0] == 0xf0)
		low = 0x90;
	else if (c[0] == 0xf4)
		high = 0x8f;

	for (size_t i = 1; i < length; i++) {
		if (i >= size || c[i] < low || c[i] > high) {
			*ret_bad = i;
			return 0;
		}
		low = 0x80;
		high = 0xbf;
	}
	return length;
}

size_t utf8_character(const char *data, size_t size)
{
	size_t bad;
	return scan(data, size, &bad);
}

bool utf8_is_valid(const char *data, size_t size)
{
	for (size_t i = 0; i < size;) {
		size_t length = utf8_character(data + i, size - i);
		if (length == 0)
			return false;
		i += length;
	}
	return true;
}

void utf8_add_lossy(struct strbuf *buffer, const char *data, size_t size)
{
	size_t good = 0;
	for (size_t i = 0; i < size;) {
		size_t bad;
		size_t length = scan(data + i, size - i, &bad);
		if (length > 0) {
			i += length;
			continue;
		}
		strbuf_add(buffer, data + good, i - good);
		strbuf_add(buffer, replacement, sizeof(replacement) - 1);
		i += bad;
		good = i;
	}
	strbuf_add(buffer, data + good, size - good);
}

size_t utf8_truncate(const char *data, size_t size, size_t max)
{
	if (size <= max)
		return size;
	size_t cut = max;
	while (cut > 0 && max - cut < 3 && ((unsigned char)data[cut] & 0xc0) == 0x80)
		cut--;
	return ((unsigned char)data[cut] & 0xc0) == 0x80 ? max : cut;
}

void utf8_add(struct strbuf *buffer, uint32_t code_point)
{
	if (code_point < 0x80) {
		strbuf_addch(buffer, (char)code_point);
		return;
	}
	if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) {
		strbuf_add(buffer, replacement, sizeof(replacement) - 1);
		return;
	}

	unsigned char bytes[4];
	size_t length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	for (size_t i = length - 1; i > 0; i--, code_point >>= 6)
		bytes[i] = (unsigned char)(0x80 | (code_point & 0x3f));
	bytes[0] = (unsigned char)(lead[length] | code_point);
	strbuf_add(buffer, bytes, length);
}
