/* Collects events in the protocol's form. */
#include "runner/batch.h"

#include "base/clock.h"
#include "base/strutil.h"

/* About what an event costs on the wire beside its strings. */
#define EVENT_SIZE 128
/* Of a payload's members: what the server takes is 64 levels, with those of the report. */
#define MAX_NESTING 56

void batch_init(struct batch *batch)
{
	*batch = (struct batch){.events = json_array(), .bytes = STRBUF_INIT};
}

void batch_release(struct batch *batch)
{
	json_decref(batch->events);
	strbuf_release(&batch->bytes);
	batch->events = NULL;
}

void batch_reset(struct batch *batch)
{
	json_decref(batch->events);
	batch->events = json_array();
	if (batch->bytes.capacity > 2 * BATCH_MAX_BYTES)
		strbuf_release(&batch->bytes);
	else
		strbuf_reset(&batch->bytes);
	batch->log = NULL;
	batch->lines = batch->event_bytes = 0;
}

bool batch_is_empty(const struct batch *batch)
{
	return json_array_size(batch->events) == 0;
}

bool batch_is_full(const struct batch *batch)
{
	return batch->lines >= BATCH_MAX_LINES ||
	       batch->bytes.size + batch->event_bytes >= BATCH_MAX_BYTES;
}

static json_t *new_event(const char *type, enum operation operation)
{
	return json_pack("{s:s s:I s:s}", "type", type, "time", (json_int_t)now_realtime_ms(),
			 "operation", operation_to_string(operation));
}

void batch_add_line(struct batch *batch, enum operation operation, const char *stream,
		    const char *line, size_t size, bool cut)
{
	if (!batch->log || batch->log_operation != operation || !streq(batch->log_stream, stream)) {
		batch->log = new_event("log", operation);
		json_object_set_new(batch->log, "stream", json_string(stream));
		json_object_set_new(batch->log, "lengths", json_array());
		json_array_append_new(batch->events, batch->log);
		batch->log_operation = operation;
		batch->log_stream = stream;
	}
	json_t *lengths = json_object_get(batch->log, "lengths");
	if (cut) {
		if (!json_object_get(batch->log, "cut"))
			json_object_set_new(batch->log, "cut", json_array());
		json_array_append_new(json_object_get(batch->log, "cut"),
				      json_integer((json_int_t)json_array_size(lengths)));
	}
	json_array_append_new(lengths, json_integer((json_int_t)size));
	strbuf_add(&batch->bytes, line, size);
	batch->lines++;
}

static void append(struct batch *batch, json_t *event)
{
	json_array_append_new(batch->events, event);
	batch->event_bytes += EVENT_SIZE;
	batch->log = NULL;
}

static bool is_nested_deeper(const json_t *value, int levels)
{
	const char *key;
	size_t i;
	json_t *item;

	if (!json_is_object(value) && !json_is_array(value))
		return false;
	if (levels == 0)
		return true;
	json_object_foreach((json_t *)value, key,
			    item) if (is_nested_deeper(item, levels - 1)) return true;
	json_array_foreach(value, i, item) if (is_nested_deeper(item, levels - 1)) return true;
	return false;
}

/* What the server would refuse the whole report for. */
static void leave_out_deep_members(json_t *payload)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(payload, next, key,
				 value) if (is_nested_deeper(value, MAX_NESTING))
		json_object_set_new(payload, key, json_string("(nested too deeply to be shown)"));
}

void batch_add_event(struct batch *batch, enum event_type type, enum operation operation,
		     json_t *payload)
{
	leave_out_deep_members(payload);
	json_t *event = new_event(event_type_to_string(type), operation);

	batch->event_bytes += json_dumpb(payload, NULL, 0, JSON_COMPACT);
	json_object_set_new(event, "payload", payload);
	append(batch, event);
}

void batch_add_operation_begin(struct batch *batch, enum operation operation)
{
	append(batch, new_event("operation_begin", operation));
}

void batch_add_operation_end(struct batch *batch, enum operation operation, const char *result,
			     json_t *summary, uint32_t drift)
{
	json_t *event = new_event("operation_end", operation);

	json_object_set_new(event, "result", json_string(result));
	if (summary)
		json_object_set_new(event, "summary", summary);
	json_object_set_new(event, "drift", json_integer(drift));
	append(batch, event);
}
