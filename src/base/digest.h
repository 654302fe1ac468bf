/*
 * Digests, streaming and in one go. BLAKE2b-256 is ours; SHA-256 is for what
 * others publish; MD5 only checks Content-MD5, as the protocol demands.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"

enum digest_kind {
	DIGEST_BLAKE2B,
	DIGEST_SHA256,
	DIGEST_MD5,
};

#define DIGEST_MAX_SIZE 32
/* Lower-case hex of the longest, and a NUL. */
#define DIGEST_HEX_SIZE (DIGEST_MAX_SIZE * 2 + 1)

struct digest;

struct digest *digest_new(enum digest_kind kind);
void digest_update(struct digest *digest, const void *data, size_t size);
/* Once, as the last call. Returns the number of bytes written: 32, or 16 for MD5. */
size_t digest_final(struct digest *digest, uint8_t ret[DIGEST_MAX_SIZE]);
void digest_final_hex(struct digest *digest, char ret[DIGEST_HEX_SIZE]);
void digest_free(struct digest *digest);

DEFINE_CLEANUP(struct digest *, digest_free);
#define _cleanup_digest_ _cleanup_(digest_free_p)

void digest_hex(enum digest_kind kind, const void *data, size_t size, char ret[DIGEST_HEX_SIZE]);
/* From the descriptor's offset to its end; -errno. */
int digest_fd_hex(enum digest_kind kind, int fd, char ret[DIGEST_HEX_SIZE]);

/* Content-MD5: 0, -EBADMSG when it differs, -EINVAL when it is no base64 of 16 bytes. */
int md5_base64_verify(const void *data, size_t size, const char *base64);
