/* UTF-8 as of RFC 3629: no surrogates, no overlong forms, nothing past U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

bool utf8_is_valid(const char *data, size_t size);
/* Bytes of the valid character at data (1 to 4), or 0 when there is none. */
size_t utf8_character(const char *data, size_t size);
/* Appends data; every maximal invalid sequence becomes U+FFFD. */
void utf8_add_lossy(struct strbuf *buffer, const char *data, size_t size);
/* The most bytes, no more than max, that do not cut a character. */
size_t utf8_truncate(const char *data, size_t size, size_t max);
/* Appends one code point; an invalid one becomes U+FFFD. */
void utf8_add(struct strbuf *buffer, uint32_t code_point);
