/* Streaming digests over libsodium and, for MD5, nettle. */
#include "base/digest.h"

#include <errno.h>
#include <nettle/md5.h>
#include <sodium.h>
#include <string.h>

#include "base/encoding.h"
#include "base/fdutil.h"

struct digest {
	union {
		crypto_generichash_state blake2b;
		crypto_hash_sha256_state sha256;
		struct md5_ctx md5;
	};
	enum digest_kind kind;
};

struct digest *digest_new(enum digest_kind kind)
{
	/* BLAKE2b's state wants more alignment than malloc() gives. */
	struct digest *digest = aligned_alloc(_Alignof(struct digest), sizeof(*digest));
	if (!digest || sodium_init() < 0)
		out_of_memory();
	digest->kind = kind;
	switch (kind) {
	case DIGEST_BLAKE2B:
		crypto_generichash_init(&digest->blake2b, NULL, 0, DIGEST_MAX_SIZE);
		break;
	case DIGEST_SHA256:
		crypto_hash_sha256_init(&digest->sha256);
		break;
	case DIGEST_MD5:
		md5_init(&digest->md5);
		break;
	}
	return digest;
}

void digest_update(struct digest *digest, const void *data, size_t size)
{
	switch (digest->kind) {
	case DIGEST_BLAKE2B:
		crypto_generichash_update(&digest->blake2b, data, size);
		break;
	case DIGEST_SHA256:
		crypto_hash_sha256_update(&digest->sha256, data, size);
		break;
	case DIGEST_MD5:
		md5_update(&digest->md5, size, data);
		break;
	}
}

size_t digest_final(struct digest *digest, uint8_t ret[DIGEST_MAX_SIZE])
{
	switch (digest->kind) {
	case DIGEST_BLAKE2B:
		crypto_generichash_final(&digest->blake2b, ret, DIGEST_MAX_SIZE);
		return DIGEST_MAX_SIZE;
	case DIGEST_SHA256:
		crypto_hash_sha256_final(&digest->sha256, ret);
		return crypto_hash_sha256_BYTES;
	case DIGEST_MD5:
		md5_digest(&digest->md5, MD5_DIGEST_SIZE, ret);
		return MD5_DIGEST_SIZE;
	}
	abort();
}

void digest_final_hex(struct digest *digest, char ret[DIGEST_HEX_SIZE])
{
	uint8_t bytes[DIGEST_MAX_SIZE];
	size_t size = digest_final(digest, bytes);
	hex_encode(bytes, size, ret);
}

void digest_free(struct digest *digest)
{
	free(digest);
}

void digest_hex(enum digest_kind kind, const void *data, size_t size, char ret[DIGEST_HEX_SIZE])
{
	_cleanup_digest_ struct digest *digest = digest_new(kind);
	digest_update(digest, data, size);
	digest_final_hex(digest, ret);
}

int digest_fd_hex(enum digest_kind kind, int fd, char ret[DIGEST_HEX_SIZE])
{
	enum { CHUNK = 65536 };
	_cleanup_digest_ struct digest *digest = digest_new(kind);
	_cleanup_free_ char *chunk = xmalloc(CHUNK);
	ssize_t got;
	while ((got = read_full(fd, chunk, CHUNK)) > 0)
		digest_update(digest, chunk, (size_t)got);
	if (got < 0)
		return (int)got;
	digest_final_hex(digest, ret);
	return 0;
}

int md5_base64_verify(const void *data, size_t size, const char *base64)
{
	_cleanup_free_ uint8_t *expected = NULL;
	size_t expected_size;
	int r = base64_decode(base64, strlen(base64), &expected, &expected_size);
	if (r < 0)
		return r;
	if (expected_size != MD5_DIGEST_SIZE)
		return -EINVAL;

	uint8_t actual[DIGEST_MAX_SIZE];
	_cleanup_digest_ struct digest *digest = digest_new(DIGEST_MD5);
	digest_update(digest, data, size);
	digest_final(digest, actual);
	return memcmp(actual, expected, MD5_DIGEST_SIZE) == 0 ? 0 : -EBADMSG;
}
