/* docs/openapi.yaml as JSON; made at build time by openapi_embed.c. */
#pragma once

#include <stddef.h>

extern const unsigned char openapi_document[];
extern const size_t openapi_document_size;
