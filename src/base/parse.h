/*
 * Numbers from text. The whole string must be the number: no leading or
 * trailing blanks, no sign on unsigned ones. -EINVAL when it is not a number,
 * -ERANGE when it does not fit; *ret is written only on success.
 */
#pragma once

#include <stdint.h>

int parse_u64(const char *string, uint64_t *ret);
int parse_i64(const char *string, int64_t *ret);
/* Bytes: "4096", "64K", "64M", "2G", "1T" (powers of 1024). */
int parse_size(const char *string, uint64_t *ret);
/* "500ms", "30s", "5m", "2h", "7d", and sums such as "1h30m"; a unit is required, except for "0".
 */
int parse_duration_ms(const char *string, uint64_t *ret);
