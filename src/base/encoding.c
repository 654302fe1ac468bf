/* Hex and base64, by libsodium's strict and constant-time codecs. */
#include "base/encoding.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/alloc.h"

void hex_encode(const void *data, size_t size, char *ret)
{
	sodium_bin2hex(ret, size * 2 + 1, data, size);
}

int hex_decode(const char *string, void *ret, size_t size)
{
	size_t length = strlen(string);
	size_t decoded;
	if (length != size * 2 ||
	    sodium_hex2bin(ret, size, string, length, NULL, &decoded, NULL) != 0 || decoded != size)
		return -EINVAL;
	return 0;
}

static char *encode(const void *data, size_t size, int variant)
{
	size_t encoded_size = sodium_base64_encoded_len(size, variant);
	char *encoded = xmalloc(encoded_size);
	return sodium_bin2base64(encoded, encoded_size, data, size, variant);
}

static int decode(const char *string, size_t length, int variant, uint8_t **ret, size_t *ret_size)
{
	size_t capacity = length / 4 * 3 + 3;
	_cleanup_free_ uint8_t *data = xmalloc(capacity + 1);
	size_t size;
	if (sodium_base642bin(data, capacity, string, length, NULL, &size, NULL, variant) != 0)
		return -EINVAL;
	data[size] = '\0';
	*ret = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

char *base64_encode(const void *data, size_t size)
{
	return encode(data, size, sodium_base64_VARIANT_ORIGINAL);
}

int base64_decode(const char *string, size_t length, uint8_t **ret, size_t *ret_size)
{
	return decode(string, length, sodium_base64_VARIANT_ORIGINAL, ret, ret_size);
}

char *base64url_encode(const void *data, size_t size)
{
	return encode(data, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

int base64url_decode(const char *string, size_t length, uint8_t **ret, size_t *ret_size)
{
	return decode(string, length, sodium_base64_VARIANT_URLSAFE_NO_PADDING, ret, ret_size);
}
