/* Encodes and decodes the lengths of a log segment's lines. */
#include "store/segment.h"

void segment_add_length(struct strbuf *lengths, uint32_t length, bool cut)
{
	uint64_t number = (uint64_t)length << 1 | cut;

	for (; number > 0x7f; number >>= 7)
		strbuf_addch(lengths, (char)(number | 0x80));
	strbuf_addch(lengths, (char)number);
}

bool segment_next(struct segment_reader *reader, struct segment_line *ret)
{
	uint64_t number = 0;
	unsigned char byte;
	unsigned shift = 0;

	do {
		if (reader->lengths == reader->lengths_end || shift > 35)
			return false;
		byte = *reader->lengths++;
		number |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);

	size_t length = (size_t)(number >> 1);
	if (length > (size_t)(reader->bytes_end - reader->bytes))
		return false;
	*ret = (struct segment_line){.bytes = reader->bytes, .length = length, .cut = number & 1};
	reader->bytes += length;
	return true;
}
