/* Lines of a growing file, with a limit on their length. */
#include "runner/tail.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t)128 << 10)

void tail_init(struct tail *tail, int fd, uint64_t offset, bool skipping)
{
	*tail = (struct tail){
		.fd = fd, .buffer = STRBUF_INIT, .offset = offset, .skipping = skipping};
}

void tail_release(struct tail *tail)
{
	strbuf_release(&tail->buffer);
}

/* Bytes read, 0 at the end, -errno. */
static ssize_t fill(struct tail *tail)
{
	if (tail->consumed > 0) {
		strbuf_consume(&tail->buffer, tail->consumed);
		tail->scanned -= tail->consumed;
		tail->consumed = 0;
	}
	strbuf_grow(&tail->buffer, READ_SIZE);
	ssize_t n;
	do
		n = pread(tail->fd, tail->buffer.data + tail->buffer.size, READ_SIZE,
			  (off_t)(tail->offset + tail->buffer.size));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	strbuf_set_size(&tail->buffer, tail->buffer.size + (size_t)n);
	return n;
}

static void take(struct tail *tail, size_t size)
{
	tail->consumed += size;
	tail->offset += size;
	if (tail->scanned < tail->consumed)
		tail->scanned = tail->consumed;
}

static size_t limit_of(const char *data, size_t size)
{
	return size > 0 && data[0] == '{' ? LINE_PARSE_MAX : LINE_MAX_BYTES;
}

/* Takes a line of `size` bytes and its terminator; what passes the limit is left out. */
static int hand_out(struct tail *tail, size_t size, size_t terminator, bool cut,
		    struct tail_line *ret)
{
	const char *data = tail->buffer.data + tail->consumed;
	bool too_long = size > limit_of(data, size);

	*ret = (struct tail_line){
		.data = data,
		.size = too_long ? LINE_MAX_BYTES : size,
		.cut = cut || too_long,
	};
	take(tail, size + terminator);
	return 1;
}

int tail_next(struct tail *tail, bool ended, struct tail_line *ret)
{
	/* What was handed out last is no longer looked at: a buffer that a long line made big goes.
	 */
	if (tail->consumed == tail->buffer.size && tail->buffer.capacity > LINE_MAX_BYTES) {
		strbuf_release(&tail->buffer);
		tail->consumed = tail->scanned = 0;
	}

	for (;;) {
		const char *newline = memchr(tail->buffer.data + tail->scanned, '\n',
					     tail->buffer.size - tail->scanned);
		const char *data = tail->buffer.data + tail->consumed;
		if (newline && tail->skipping) {
			take(tail, (size_t)(newline - data) + 1);
			tail->skipping = false;
			continue;
		}
		if (newline) {
			tail->scanned = (size_t)(newline - tail->buffer.data) + 1;
			return hand_out(tail, (size_t)(newline - data), 1, false, ret);
		}
		tail->scanned = tail->buffer.size;
		size_t rest = tail->buffer.size - tail->consumed;
		if (tail->skipping) {
			take(tail, rest);
		} else if (rest > limit_of(data, rest)) {
			tail->skipping = true;
			return hand_out(tail, rest, 0, true, ret);
		}

		size_t before = tail->buffer.size - tail->consumed;
		ssize_t n = fill(tail);
		if (n < 0)
			return (int)n;
		if (n == 0 && ended && before > 0)
			return hand_out(tail, before, 0, false, ret);
		if (n == 0)
			return 0;
	}
}
