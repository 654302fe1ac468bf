/*
 * Reads the lines of a file that grows. Memory stays below LINE_PARSE_MAX plus
 * one read, whatever the engine prints.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

/* A longer line is cut; one that may be the engine's JSON is read whole up to the second limit. */
#define LINE_MAX_BYTES ((size_t)1 << 20)
#define LINE_PARSE_MAX ((size_t)4 << 20)

struct tail {
	int fd; /* borrowed */
	struct strbuf buffer;
	size_t consumed; /* of buffer */
	size_t scanned;	 /* of buffer; no newline before it */
	uint64_t offset; /* in the file, of what was handed out */
	bool skipping;	 /* the rest of a line that was cut: dropped */
};

struct tail_line {
	const char *data; /* until the next call; without its newline */
	size_t size;
	bool cut;
};

/* Goes on at an offset, where `skipping` says whether a cut line's rest is next. */
void tail_init(struct tail *tail, int fd, uint64_t offset, bool skipping);
void tail_release(struct tail *tail);

/*
 * 1 and a line, or 0: nothing complete yet. With `ended` the rest of the file is
 * a line even without a newline. -errno when the file cannot be read.
 */
int tail_next(struct tail *tail, bool ended, struct tail_line *ret);
