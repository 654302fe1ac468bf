/* Events as JSON, written straight into the buffer: a busy job has thousands a second. */
#include "api/event_render.h"

#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

/* Text must be valid UTF-8. */
static void add_escaped(struct strbuf *out, const char *text, size_t size)
{
	size_t plain = 0;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		strbuf_add(out, text + plain, i - plain);
		plain = i + 1;
		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", c);
		else if (c == '\t')
			strbuf_addstr(out, "\\t");
		else
			strbuf_addf(out, "\\u%04x", c);
	}
	strbuf_add(out, text + plain, size - plain);
}

static void add_log(struct strbuf *out, const struct event *e)
{
	strbuf_addstr(out, "{\"line\":\"");
	if (utf8_is_valid(e->line, e->line_len)) {
		add_escaped(out, e->line, e->line_len);
	} else {
		_cleanup_strbuf_ struct strbuf repaired = STRBUF_INIT;
		utf8_add_lossy(&repaired, e->line, e->line_len);
		add_escaped(out, repaired.data, repaired.size);
	}
	strbuf_addf(out, "\",\"stream\":\"%s\",\"attempt\":%d%s}", e->stream, e->attempt,
		    e->line_cut ? ",\"cut\":true" : "");
}

void event_render(struct strbuf *out, const struct event *e)
{
	char time[RFC3339_SIZE];
	rfc3339_format((uint64_t)e->time_ms, time);
	strbuf_addf(out, "{\"seq\":%lld,\"time\":\"%s\",\"type\":\"%s\",\"operation\":",
		    (long long)e->seq, time, event_type_to_string(e->type));
	if (e->operation == _OPERATION_INVALID)
		strbuf_addstr(out, "null");
	else
		strbuf_addf(out, "\"%s\"", operation_to_string(e->operation));
	strbuf_addstr(out, ",\"payload\":");
	if (e->type == EVENT_LOG)
		add_log(out, e);
	else
		strbuf_addstr(out, e->payload ? e->payload : "null");
	strbuf_addch(out, '}');
}
