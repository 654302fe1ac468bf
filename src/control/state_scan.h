/*
 * A reader of state files that looks only at what it needs: a state may have 64 MiB, and numbers
 * that fit no type of ours, which must be kept as they are. Everything is a span of the text that
 * was given. Private to control/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define STATE_SCAN_MAX_NESTING 512

struct state_scan {
	const char *start, *at, *end;
};

struct state_span {
	const char *data;
	size_t size;
};

/* One value at the scan's position, with the white space around it, is passed over; false when
 * there is none. */
bool state_scan_value(struct state_scan *s, struct state_span *ret);
/*
 * The members of an object (key: without its quotes, escapes left as they are) or the elements of
 * an array (key: no data), whose text state_scan_value() has passed over. Anything else, {0}
 * included, has none. false after the last.
 */
struct state_members {
	struct state_scan scan;
	char closing; /* 0 before the first */
};
struct state_members state_members_of(struct state_span container);
bool state_members_next(struct state_members *m, struct state_span *ret_key,
			struct state_span *ret_value);

bool state_span_is(struct state_span span, const char *text);
