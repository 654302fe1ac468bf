/* Clocks, and RFC 3339 without locale or time zone files. */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

#define YEAR_9999_END_MS 253402300799999ULL

static uint64_t read_clock_us(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) < 0)
		abort();
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t now_realtime_us(void)
{
	return read_clock_us(CLOCK_REALTIME);
}

uint64_t now_realtime_ms(void)
{
	return read_clock_us(CLOCK_REALTIME) / 1000;
}

uint64_t now_monotonic_ms(void)
{
	return read_clock_us(CLOCK_MONOTONIC) / 1000;
}

/* Decimal digits, right-aligned; keeps -Wformat-truncation out of it. */
static void put_digits(char *at, int width, unsigned int value)
{
	for (int i = width - 1; i >= 0; i--, value /= 10)
		at[i] = (char)('0' + value % 10);
}

void rfc3339_format(uint64_t realtime_ms, char ret[RFC3339_SIZE])
{
	realtime_ms = MIN(realtime_ms, (uint64_t)YEAR_9999_END_MS);
	time_t seconds = (time_t)(realtime_ms / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	memcpy(ret, "0000-00-00T00:00:00.000Z", RFC3339_SIZE);
	put_digits(ret, 4, (unsigned int)tm.tm_year + 1900);
	put_digits(ret + 5, 2, (unsigned int)tm.tm_mon + 1);
	put_digits(ret + 8, 2, (unsigned int)tm.tm_mday);
	put_digits(ret + 11, 2, (unsigned int)tm.tm_hour);
	put_digits(ret + 14, 2, (unsigned int)tm.tm_min);
	put_digits(ret + 17, 2, (unsigned int)tm.tm_sec);
	put_digits(ret + 20, 3, (unsigned int)(realtime_ms % 1000));
}

/* Reads width digits and the byte after them (any of the set; 0 for no byte). */
static bool take(const char **string, int width, const char *then, int *ret)
{
	int value = 0;
	for (int i = 0; i < width; i++, (*string)++) {
		if (!isdigit((unsigned char)**string))
			return false;
		value = value * 10 + (**string - '0');
	}
	if (then) {
		if (!**string || !strchr(then, **string))
			return false;
		(*string)++;
	}
	*ret = value;
	return true;
}

int rfc3339_parse(const char *string, uint64_t *ret_realtime_ms)
{
	struct tm tm = {0};
	if (!take(&string, 4, "-", &tm.tm_year) || !take(&string, 2, "-", &tm.tm_mon) ||
	    !take(&string, 2, "Tt ", &tm.tm_mday) || !take(&string, 2, ":", &tm.tm_hour) ||
	    !take(&string, 2, ":", &tm.tm_min) || !take(&string, 2, NULL, &tm.tm_sec))
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;

	int ms = 0;
	if (*string == '.') {
		int digits = 0;
		int weight = 100;
		for (string++; isdigit((unsigned char)*string); string++, digits++, weight /= 10)
			ms += (*string - '0') * weight;
		if (digits == 0 || digits > 9)
			return -EINVAL;
	}

	int hours = 0;
	int minutes = 0;
	int sign = 0;
	if (*string == 'Z' || *string == 'z') {
		string++;
	} else if (*string == '+' || *string == '-') {
		sign = *string == '+' ? 1 : -1;
		string++;
		if (!take(&string, 2, ":", &hours) || !take(&string, 2, NULL, &minutes) ||
		    hours > 23 || minutes > 59)
			return -EINVAL;
	} else {
		return -EINVAL;
	}
	if (*string)
		return -EINVAL;

	/* timegm() turns February 30 into March 2: then it was no date. */
	struct tm given = tm;
	time_t seconds = timegm(&tm);
	if (tm.tm_mon != given.tm_mon || tm.tm_mday != given.tm_mday ||
	    tm.tm_hour != given.tm_hour || tm.tm_min != given.tm_min || tm.tm_sec != given.tm_sec)
		return -EINVAL;
	seconds -= sign * (hours * 3600 + minutes * 60);
	if (seconds < 0)
		return -EINVAL;
	*ret_realtime_ms = (uint64_t)seconds * 1000 + (uint64_t)ms;
	return 0;
}
