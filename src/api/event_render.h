/* The one rendering of a stored event, for pages and streams alike. */
#pragma once

#include "base/strbuf.h"
#include "store/store.h"

/* Appends one line of JSON, docs/protocol.md "An event". */
void event_render(struct strbuf *out, const struct event *e);
