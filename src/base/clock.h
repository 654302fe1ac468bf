/* Time. Realtime is for people and records, monotonic for deadlines. */
#pragma once

#include <stdint.h>

/* Since 1970-01-01T00:00:00Z. */
uint64_t now_realtime_ms(void);
uint64_t now_realtime_us(void);
/* Since an arbitrary point of this boot; does not go on during suspend. */
uint64_t now_monotonic_ms(void);

/* "2025-06-01T12:34:56.789Z" and a NUL. */
#define RFC3339_SIZE 25

/* Realtime up to the year 9999; later times become its last millisecond. */
void rfc3339_format(uint64_t realtime_ms, char ret[RFC3339_SIZE]);
/* Any offset and 0 to 9 fraction digits (cut to ms); -EINVAL, also for times before 1970. */
int rfc3339_parse(const char *string, uint64_t *ret_realtime_ms);
