/* Strict numbers: strtoull and its like accept blanks, signs and trailing text. */
#include "base/parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"

/* Reads digits and moves *string past them. */
static int take_digits(const char **string, uint64_t *ret)
{
	uint64_t value = 0;
	const char *c = *string;
	if (*c < '0' || *c > '9')
		return -EINVAL;
	for (; *c >= '0' && *c <= '9'; c++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return -ERANGE;
	*string = c;
	*ret = value;
	return 0;
}

int parse_u64(const char *string, uint64_t *ret)
{
	uint64_t value;
	int r = take_digits(&string, &value);
	if (r < 0)
		return r;
	if (*string)
		return -EINVAL;
	*ret = value;
	return 0;
}

int parse_i64(const char *string, int64_t *ret)
{
	uint64_t magnitude;
	bool negative = *string == '-';
	int r = parse_u64(negative ? string + 1 : string, &magnitude);
	if (r < 0)
		return r;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return 0;
}

int parse_size(const char *string, uint64_t *ret)
{
	static const char units[] = "KMGT";
	uint64_t value;
	int r = take_digits(&string, &value);
	if (r < 0)
		return r;
	if (*string) {
		const char *unit = strchr(units, *string);
		if (!unit || string[1])
			return -EINVAL;
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);
		if (value > UINT64_MAX >> shift)
			return -ERANGE;
		value <<= shift;
	}
	*ret = value;
	return 0;
}

int parse_duration_ms(const char *string, uint64_t *ret)
{
	/* "ms" comes before "m", which is its prefix. */
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = {
		{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
	};

	if (strcmp(string, "0") == 0) {
		*ret = 0;
		return 0;
	}

	uint64_t total = 0;
	do {
		uint64_t value;
		int r = take_digits(&string, &value);
		if (r < 0)
			return r;

		size_t i = 0;
		while (i < ARRAY_SIZE(units) &&
		       strncmp(string, units[i].name, strlen(units[i].name)) != 0)
			i++;
		if (i == ARRAY_SIZE(units))
			return -EINVAL;
		string += strlen(units[i].name);

		if (__builtin_mul_overflow(value, units[i].ms, &value) ||
		    __builtin_add_overflow(total, value, &total))
			return -ERANGE;
	} while (*string);
	*ret = total;
	return 0;
}
