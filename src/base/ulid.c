/* ULIDs that increase within a process, also when the clock stands still or steps back. */
#include "base/ulid.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/strutil.h"

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_ms;
static uint8_t last_random[10];

static void next(uint64_t *ret_ms, uint8_t ret_random[10])
{
	uint64_t now = now_realtime_ms();
	pthread_mutex_lock(&lock);
	bool carry = now <= last_ms;
	for (int i = 9; carry && i >= 0; i--)
		carry = ++last_random[i] == 0;
	if (now > last_ms || carry) {
		last_ms = MAX(now, last_ms + 1);
		if (getentropy(last_random, sizeof(last_random)) < 0)
			abort();
	}
	*ret_ms = last_ms;
	memcpy(ret_random, last_random, sizeof(last_random));
	pthread_mutex_unlock(&lock);
}

void ulid_new(char ret[ULID_SIZE])
{
	uint64_t ms;
	uint8_t random[10];
	next(&ms, random);

	for (int i = 9; i >= 0; i--, ms >>= 5)
		ret[i] = alphabet[ms & 31];
	uint32_t bits = 0;
	int n_bits = 0;
	for (int in = 0, out = 10; in < 10; in++) {
		bits = bits << 8 | random[in];
		for (n_bits += 8; n_bits >= 5; n_bits -= 5)
			ret[out++] = alphabet[bits >> (n_bits - 5) & 31];
	}
	ret[ULID_LENGTH] = '\0';
}

bool ulid_is_valid(const char *string)
{
	return strspn(string, alphabet) == ULID_LENGTH && string[ULID_LENGTH] == '\0' &&
	       string[0] <= '7';
}

char *id_new(const char *prefix)
{
	char ulid[ULID_SIZE];
	ulid_new(ulid);
	return xasprintf("%s_%s", prefix, ulid);
}

bool id_is_valid(const char *string, const char *prefix)
{
	const char *rest = startswith(string, prefix);
	return rest && *rest == '_' && ulid_is_valid(rest + 1);
}
