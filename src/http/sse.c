/* The incremental parser of text/event-stream (WHATWG HTML, 9.2.6), with a cap on each event. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/strutil.h"
#include "http/client.h"

struct sse_parser {
	size_t max_event;
	sse_event_fn fn;
	void *ctx;
	struct strbuf line;
	struct strbuf data;
	char *event;
	char *id; /* of the last event that had one */
	bool has_data;
	bool after_cr; /* a line feed that follows belongs to the line end before it */
	bool started;  /* the byte order mark is behind us */
};

struct sse_parser *sse_parser_new(size_t max_event, sse_event_fn fn, void *ctx)
{
	struct sse_parser *p = xcalloc(1, sizeof(*p));
	p->max_event = max_event;
	p->fn = fn;
	p->ctx = ctx;
	strbuf_init(&p->line);
	strbuf_init(&p->data);
	return p;
}

void sse_parser_free(struct sse_parser *p)
{
	if (!p)
		return;
	strbuf_release(&p->line);
	strbuf_release(&p->data);
	free(p->event);
	free(p->id);
	free(p);
}

static int dispatch(struct sse_parser *p)
{
	int r = 0;
	if (p->has_data)
		r = p->fn(p->event ? p->event : "message", p->id ? p->id : "", p->data.data,
			  p->data.size, p->ctx);
	strbuf_reset(&p->data);
	p->has_data = false;
	replace_string(&p->event, NULL);
	return r;
}

static void take_field(struct sse_parser *p, const char *name, const char *value, size_t size)
{
	if (streq(name, "data")) {
		if (p->has_data)
			strbuf_addch(&p->data, '\n');
		strbuf_add(&p->data, value, size);
		p->has_data = true;
	} else if (streq(name, "event")) {
		replace_string(&p->event, size > 0 ? value : NULL);
	} else if (streq(name, "id") && !memchr(value, '\0', size)) {
		replace_string(&p->id, value);
	}
}

/* The line is complete. */
static int take_line(struct sse_parser *p)
{
	char *line = p->line.data;
	size_t size = p->line.size;
	if (!p->started) {
		p->started = true;
		if (size >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
			strbuf_consume(&p->line, 3);
			line = p->line.data;
			size = p->line.size;
		}
	}
	if (size == 0)
		return dispatch(p);

	char *colon = memchr(line, ':', size);
	if (!colon) {
		take_field(p, line, "", 0);
	} else if (colon > line) {
		*colon = '\0';
		const char *value = colon + 1;
		if (*value == ' ')
			value++;
		take_field(p, line, value, (size_t)(line + size - value));
	}
	strbuf_reset(&p->line);
	return 0;
}

int sse_parser_feed(struct sse_parser *p, const void *bytes, size_t len)
{
	const char *cursor = bytes, *end = cursor + len;
	while (cursor < end) {
		if (p->after_cr && *cursor == '\n')
			cursor++;
		p->after_cr = false;

		const char *stop = cursor;
		while (stop < end && *stop != '\n' && *stop != '\r')
			stop++;
		size_t size = (size_t)(stop - cursor);
		if (size > p->max_event || p->line.size + p->data.size > p->max_event - size)
			return -EMSGSIZE;
		strbuf_add(&p->line, cursor, size);
		if (stop == end)
			break;
		p->after_cr = *stop == '\r';
		cursor = stop + 1;
		int r = take_line(p);
		if (r != 0)
			return r;
	}
	return 0;
}
