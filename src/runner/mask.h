/*
 * Replaces secrets in whatever leaves the runner. A masker holds the secrets of
 * one job; it is built once, then only read, by any thread.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/strbuf.h"

#define MASK_TEXT "(sensitive)"
/* Shorter values would hide half of every line. */
#define MASK_MIN_LENGTH 4

struct masker;

struct masker *masker_new(void);
void masker_free(struct masker *masker);

DEFINE_CLEANUP(struct masker *, masker_free);
#define _cleanup_masker_ _cleanup_(masker_free_p)

/*
 * Adds a value: itself, or each of its lines, and the forms in which it may be
 * printed: escaped as in JSON, base64, percent-encoded. Not after masker_finish().
 */
void masker_add(struct masker *masker, const char *secret);
/* Every string in a JSON value. */
void masker_add_json(struct masker *masker, const json_t *value);
void masker_finish(struct masker *masker);

/* Appends data to out, with all secrets replaced; overlapping ones become one. */
void masker_apply(const struct masker *masker, const char *data, size_t size, struct strbuf *out);
/* The same for text that was cut off: what may be the beginning of a secret at its end goes, too.
 */
void masker_apply_cut(const struct masker *masker, const char *data, size_t size,
		      struct strbuf *out);
/* A copy with every string and key masked, or value itself with another reference. */
json_t *masker_apply_json(const struct masker *masker, json_t *value);

/* Text that comes in pieces; a secret may lie across their borders. */
struct mask_stream {
	const struct masker *masker;
	uint32_t state;
	struct strbuf held;  /* may still become part of a secret */
	struct strbuf marks; /* a byte of flags for each of them */
};

void mask_stream_init(struct mask_stream *stream, const struct masker *masker);
void mask_stream_feed(struct mask_stream *stream, const char *data, size_t size,
		      struct strbuf *out);
void mask_stream_end(struct mask_stream *stream, bool cut, struct strbuf *out);
void mask_stream_release(struct mask_stream *stream);
