/* All that is wrong with a document, each finding with the JSON pointer of its place; checks go on
 * after the first. */
#pragma once

#include <stddef.h>

#include <jansson.h>

#include "base/alloc.h"
#include "base/error.h"

/* Findings past this many are counted and not kept. */
#define ISSUES_MAX 100

struct issue {
	char *pointer; /* RFC 6901, "" for the document */
	char *message; /* begins with the place as people write it: "metadata.name is missing" */
};

struct issues {
	struct issue *items;
	size_t count;
	size_t dropped;
};

#define ISSUES_INIT \
	{           \
		0   \
	}

void issues_release(struct issues *issues);
#define _cleanup_issues_ _cleanup_(issues_release)

/* The message is "<path> <text>": issues_add(i, "/metadata/name", "is missing"). */
void issues_add(struct issues *issues, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* 0 when there are none; else a negative number and an error with all messages, joined by "; ",
 * field = the first pointer, and one detail for each. */
int issues_to_error(const struct issues *issues, enum error_code code, struct error **err);
/* [{"field": pointer, "message": ...}] */
json_t *issues_to_json(const struct issues *issues);
