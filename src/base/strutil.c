/* Comparing strings, exactly and nearly. */
#include "base/strutil.h"

#include <stdint.h>

#include "base/alloc.h"

#define DISTANCE_MAX_LENGTH 64

bool streq_null(const char *a, const char *b)
{
	return a == b || (a && b && streq(a, b));
}

const char *startswith(const char *string, const char *prefix)
{
	size_t length = strlen(prefix);
	return strncmp(string, prefix, length) == 0 ? string + length : NULL;
}

const char *endswith(const char *string, const char *suffix)
{
	size_t length = strlen(string);
	size_t suffix_length = strlen(suffix);
	if (suffix_length > length || !streq(string + length - suffix_length, suffix))
		return NULL;
	return string + length - suffix_length;
}

/* Optimal string alignment over three rows. */
size_t string_distance(const char *a, const char *b)
{
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);
	if (a_length > DISTANCE_MAX_LENGTH || b_length > DISTANCE_MAX_LENGTH)
		return SIZE_MAX;

	size_t rows[3][DISTANCE_MAX_LENGTH + 1];
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *above2 = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = MIN(replaced, MIN(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], above2[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

const char *string_suggest(const char *given, const char *const *candidates)
{
	const char *best = NULL;
	size_t best_distance = MAX(strlen(given) / 3, (size_t)1) + 1;
	for (; *candidates; candidates++) {
		size_t distance = string_distance(given, *candidates);
		if (distance < best_distance && distance < strlen(*candidates)) {
			best = *candidates;
			best_distance = distance;
		}
	}
	return best;
}
