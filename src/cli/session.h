/* One invocation: its settings, its way to the server, and how it prints. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "cli/config.h"
#include "cli/options.h"
#include "http/client.h"

enum format {
	FORMAT_TABLE,
	FORMAT_WIDE,
	FORMAT_JSON,
	FORMAT_YAML,
	FORMAT_NAME,
	FORMAT_JSONPATH,
	FORMAT_JSONL
};

struct cli {
	const struct command *root;
	struct settings settings;
	bool settings_known;
	struct http_client *http; /* made at the first call */
	enum format format;
	bool format_given;
	const char *jsonpath;
	bool colour_out, colour_err;
	bool verbose;
};

/* Resolves settings and formats from flags, environment and context. */
int cli_init(struct cli *cli, const struct command *root, const struct arguments *a,
	     struct error **err);
void cli_release(struct cli *cli);
/* Prints "error: …" and "hint: …", and says with what to exit. */
int cli_fail(const struct cli *cli, const struct error *error);

/* ---- calls (client.c) ---- */

/* A new handle to the server, for another thread; the caller frees. */
int cli_connect(const struct cli *cli, struct http_client **ret, struct error **err);

struct api_request {
	const char *method; /* NULL: GET, or POST with a body */
	const char *path;   /* below /api/v1, with query */
	const json_t *body;
	const char *if_match; /* a version id, or NULL */
};

/*
 * Answers 2xx put the JSON (or NULL when there is none) in *ret; others are an error with the
 * server's words. A POST has an Idempotency-Key and is repeated, like a GET, when the connection
 * fails.
 */
int api_call(struct cli *cli, const struct api_request *q, json_t **ret, struct error **err);
int api_get(struct cli *cli, const char *path, json_t **ret, struct error **err);
/* Steals body, which may be NULL for {}. */
int api_post(struct cli *cli, const char *path, json_t *body, json_t **ret, struct error **err);
/* The bytes as they are. */
int api_get_raw(struct cli *cli, const char *path, struct strbuf *out, struct error **err);
/* All items of a list, page by page, at most limit (0: all), as {"items": […]}. */
int api_list(struct cli *cli, const char *path, unsigned limit, json_t **ret, struct error **err);
/* Makes an error of an answer that is not 2xx. */
int api_error(int status, const char *body, size_t size, struct error **err);

/* "/a/<escaped>" and "?k=v", "&k=v"; a NULL value adds nothing. */
void path_add(struct strbuf *path, const char *collection, const char *ref);
void query_add(struct strbuf *path, const char *key, const char *value);
