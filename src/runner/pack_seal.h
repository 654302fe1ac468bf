/* Sealing of packs: crypto_secretstream, in frames, so that order and end are checked. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

#define PACK_KEY_SIZE 32

/* Both append to out. */
void pack_seal(const uint8_t key[PACK_KEY_SIZE], const void *data, size_t size, struct strbuf *out);
int pack_unseal(const uint8_t key[PACK_KEY_SIZE], const void *data, size_t size, struct strbuf *out,
		struct error **err);
