/*
 * The lengths of a log segment's lines: for each line an LEB128 number (7 bits a byte, lowest
 * first, the high bit set on all but the last byte) of twice its length, plus one if a limit cut
 * the line.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

void segment_add_length(struct strbuf *lengths, uint32_t length, bool cut);

/* Goes through the lines of a stored segment; the bytes are borrowed. */
struct segment_reader {
	const unsigned char *lengths, *lengths_end;
	const char *bytes, *bytes_end;
};

struct segment_line {
	const void *bytes;
	size_t length;
	bool cut;
};

/* False when the segment is damaged: its lengths end too early or exceed its bytes. */
bool segment_next(struct segment_reader *reader, struct segment_line *ret);
