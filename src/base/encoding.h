/* Bytes as text. Decoders are strict; -EINVAL for anything else than the one right form. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Lower case; ret takes size * 2 + 1 bytes. */
void hex_encode(const void *data, size_t size, char *ret);
/* Exactly size bytes from size * 2 digits of either case. */
int hex_decode(const char *string, void *ret, size_t size);

/* Standard alphabet with padding. Caller frees; a NUL follows the decoded bytes. */
char *base64_encode(const void *data, size_t size);
int base64_decode(const char *string, size_t length, uint8_t **ret, size_t *ret_size);
/* URL alphabet without padding. */
char *base64url_encode(const void *data, size_t size);
int base64url_decode(const char *string, size_t length, uint8_t **ret, size_t *ret_size);
