/*
 * "PLP1", the stream's header, then frames of 64 KiB of content each, the last
 * one (which may be empty) marked as such.
 */
#include "runner/pack_seal.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define MAGIC	    "PLP1"
#define MAGIC_SIZE  4
#define FRAME	    ((size_t)64 << 10)
#define HEADER_SIZE crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define OVERHEAD    crypto_secretstream_xchacha20poly1305_ABYTES

_Static_assert(PACK_KEY_SIZE == crypto_secretstream_xchacha20poly1305_KEYBYTES, "key size");

void pack_seal(const uint8_t key[PACK_KEY_SIZE], const void *data, size_t size, struct strbuf *out)
{
	crypto_secretstream_xchacha20poly1305_state state;
	unsigned char header[HEADER_SIZE];
	const unsigned char *at = data;

	crypto_secretstream_xchacha20poly1305_init_push(&state, header, key);
	strbuf_add(out, MAGIC, MAGIC_SIZE);
	strbuf_add(out, header, sizeof(header));
	for (;;) {
		size_t length = MIN(size, FRAME);
		bool last = length == size;
		strbuf_grow(out, length + OVERHEAD);
		crypto_secretstream_xchacha20poly1305_push(
			&state, (unsigned char *)out->data + out->size, NULL, at, length, NULL, 0,
			last ? crypto_secretstream_xchacha20poly1305_TAG_FINAL : 0);
		strbuf_set_size(out, out->size + length + OVERHEAD);
		if (last)
			break;
		at += length;
		size -= length;
	}
	sodium_memzero(&state, sizeof(state));
}

int pack_unseal(const uint8_t key[PACK_KEY_SIZE], const void *data, size_t size, struct strbuf *out,
		struct error **err)
{
	crypto_secretstream_xchacha20poly1305_state state;
	const unsigned char *at = data;
	unsigned char tag = 0;

	if (size < MAGIC_SIZE + HEADER_SIZE || memcmp(at, MAGIC, MAGIC_SIZE) != 0 ||
	    crypto_secretstream_xchacha20poly1305_init_pull(&state, at + MAGIC_SIZE, key) != 0)
		return error_set(err, ERROR_UNPROCESSABLE, "this is no sealed pack");
	at += MAGIC_SIZE + HEADER_SIZE;
	size -= MAGIC_SIZE + HEADER_SIZE;
	while (tag != crypto_secretstream_xchacha20poly1305_TAG_FINAL) {
		size_t length = MIN(size, FRAME + OVERHEAD);
		unsigned long long clear;
		strbuf_grow(out, FRAME);
		if (length < OVERHEAD || crypto_secretstream_xchacha20poly1305_pull(
						 &state, (unsigned char *)out->data + out->size,
						 &clear, &tag, at, length, NULL, 0) != 0)
			return error_set(err, ERROR_UNPROCESSABLE,
					 "the pack was changed or cut, or sealed with another key");
		strbuf_set_size(out, out->size + (size_t)clear);
		at += length;
		size -= length;
	}
	sodium_memzero(&state, sizeof(state));
	return size == 0 ? 0
			 : error_set(err, ERROR_UNPROCESSABLE, "something follows the pack's end");
}
