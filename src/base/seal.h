/*
 * Secrets at rest and in transit. Functions return -errno: -EBADMSG for what
 * was changed, cut or sealed for another context; -ENOKEY for what was sealed
 * with another key.
 *
 * A sealed secret, made for one context (such as "state_version:<id>"):
 *     1  version, 1
 *     8  the master key's id
 *    24  nonce, 48 data key sealed with the master key
 *    24  nonce, n + 16 content sealed with the data key
 * both XChaCha20-Poly1305 with "<version><key id><context>" as associated data.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/strbuf.h"

#define SEAL_OVERHEAD	   121
#define MASTER_KEY_SIZE	   32
#define MASTER_KEY_ID_SIZE 17 /* hex and a NUL */
#define BOX_OVERHEAD	   48
#define BOX_KEY_SIZE	   32
#define TOKEN_SIZE	   56 /* "pt_", 52 characters, a NUL */

/* Locked in memory, left out of core dumps; may be used from many threads. */
struct master_key;

int master_key_generate(struct master_key **ret);
int master_key_new(const uint8_t raw[MASTER_KEY_SIZE], struct master_key **ret);
/* 64 hex digits, with or without a newline. */
int master_key_parse(const char *text, struct master_key **ret);
/* -EPERM when others than the owner may read the file. */
int master_key_load(const char *path, struct master_key **ret);
/* Mode 0600; never replaces a file: -EEXIST. */
int master_key_save(const struct master_key *key, const char *path);
/* Names the key without telling it. */
void master_key_id(const struct master_key *key, char ret[MASTER_KEY_ID_SIZE]);
void master_key_free(struct master_key *key);

DEFINE_CLEANUP(struct master_key *, master_key_free);
#define _cleanup_master_key_ _cleanup_(master_key_free_p)

/* Both append to buffer, which is unchanged on failure. Release plain text as a secret. */
int master_key_seal(const struct master_key *key, const char *context, const void *data,
		    size_t size, struct strbuf *buffer);
int master_key_unseal(const struct master_key *key, const char *context, const void *data,
		      size_t size, struct strbuf *buffer);

/* X25519, for crypto_box_seal. */
struct key_pair {
	uint8_t public_key[BOX_KEY_SIZE];
	uint8_t secret_key[BOX_KEY_SIZE];
};

int key_pair_generate(struct key_pair *ret);
/* File as for the master key: 64 hex digits of the secret key. */
int key_pair_load(const char *path, struct key_pair *ret);
int key_pair_save(const struct key_pair *pair, const char *path);
void key_pair_wipe(struct key_pair *pair);
#define _cleanup_key_pair_ _cleanup_(key_pair_wipe)

int box_seal(const uint8_t public_key[BOX_KEY_SIZE], const void *data, size_t size,
	     struct strbuf *buffer);
int box_open(const struct key_pair *pair, const void *data, size_t size, struct strbuf *buffer);

/* "pt_" and 256 random bits in lower-case base32. */
void token_new(char ret[TOKEN_SIZE]);
void random_bytes(void *data, size_t size);
/* Takes as long for equal as for different data. */
bool secure_equal(const void *a, const void *b, size_t size);
bool secure_streq(const char *a, const char *b);
void secure_wipe(void *data, size_t size);
