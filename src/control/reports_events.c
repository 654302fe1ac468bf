/* The events of one report. */
#include <string.h>

#include "base/strbuf.h"
#include "base/strutil.h"
#include "control/reports.h"
#include "model/json.h"

struct storing {
	struct work *work;
	struct job_state *state;
	const struct attempt_row *attempt;
	const char *logs; /* what is not stored yet */
	size_t logs_left;
	size_t lines;
};

static int64_t time_of(const struct storing *s, const json_t *event)
{
	int64_t time = json_get_int(event, "time", 0);
	return time > 0 ? time : s->work->now_ms;
}

static int operation_of(const struct storing *s, const json_t *event, enum operation *ret,
			struct error **err)
{
	const char *name = json_get_str(event, "operation");
	enum operation o = name ? operation_from_string(name) : s->attempt->operation;
	if (o == _OPERATION_INVALID || !job_state_operation(s->state, o) ||
	    !s->state->view.operations[o].included)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
				       "stack job %s has no operation %s", s->state->row.id,
				       name ? name : "(none)");
	*ret = o;
	return 0;
}

static int number_of(const struct storing *s, enum operation o)
{
	return o == s->attempt->operation
		       ? s->attempt->number
		       : job_state_attempt_number(s->state, o, s->attempt->epoch);
}

static int store_log(struct storing *s, const json_t *event, enum operation o, struct error **err)
{
	const char *stream = json_get_str(event, "stream");
	const json_t *lengths = json_object_get(event, "lengths"),
		     *cut = json_object_get(event, "cut");
	size_t n = json_array_size(lengths), total = 0;
	if (!stream || (!streq(stream, "stdout") && !streq(stream, "stderr")))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
				       "a log's stream is stdout or stderr");
	s->lines += n;
	if (s->lines > REPORT_MAX_LINES)
		return error_set_field(err, ERROR_TOO_LARGE, "/events",
				       "the report is over its limit of %d lines",
				       REPORT_MAX_LINES);
	if (n == 0)
		return 0;
	_cleanup_free_ uint32_t *sizes = xcalloc(n, sizeof(*sizes));
	_cleanup_free_ uint8_t *marks = xcalloc(n, sizeof(*marks));
	size_t i;
	json_t *item;
	json_array_foreach(lengths, i, item)
	{
		json_int_t length = json_integer_value(item);
		if (!json_is_integer(item) || length < 0 || (uint64_t)length > s->logs_left - total)
			return error_set_field(
				err, ERROR_INVALID_ARGUMENT, "/events",
				"the lengths of log lines pass the report's %zu bytes",
				s->logs_left);
		sizes[i] = (uint32_t)length;
		total += (size_t)length;
	}
	json_array_foreach(cut, i, item)
	{
		json_int_t index = json_integer_value(item);
		if (!json_is_integer(item) || index < 0 || (uint64_t)index >= n)
			return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
					       "cut names a line that is not there");
		marks[index] = 1;
	}
	int64_t first;
	int r = event_append_log(s->work->tx, s->state->row.id, o, number_of(s, o), stream,
				 time_of(s, event), s->logs, sizes, marks, n, &first, err);
	s->logs += total;
	s->logs_left -= total;
	return r;
}

static int end_operation(struct storing *s, const json_t *event, enum operation o,
			 struct error **err)
{
	const json_t *drift = json_object_get(event, "drift");
	int64_t drifted = json_integer_value(drift);
	const struct job_step step = {
		.event = {.type = JOB_EVENT_OPERATION_SPLIT, .operation = o},
		.time_ms = time_of(s, event),
		.summary = json_is_object(json_object_get(event, "summary"))
				   ? json_object_get(event, "summary")
				   : NULL,
		.drift = json_is_integer(drift) ? &drifted : NULL,
		.attempt = number_of(s, o),
	};
	if (!streq_null(json_get_str(event, "result"), "succeeded"))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
				       "operation_end is for an operation that succeeded before "
				       "its engine went on; others are told by ended");
	struct job_effects f;
	return job_state_step(s->work, s->state, &step, &f, err);
}

static int begin_operation(struct storing *s, enum operation o, struct error **err)
{
	if (s->state->view.operations[o].status == STATUS_RUNNING)
		return 0;
	return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
			       "operation_begin of %s, which does not follow what ended",
			       operation_to_string(o));
}

static int store_payload(struct storing *s, const json_t *event, enum event_type type,
			 enum operation o, struct error **err)
{
	const json_t *payload = json_object_get(event, "payload");
	if (!json_is_object(payload))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
				       "an event of type %s needs a payload",
				       event_type_to_string(type));
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	json_write(&text, payload, JSON_WRITE_COMPACT);
	if (text.size > REPORT_MAX_PAYLOAD)
		return error_set_field(err, ERROR_TOO_LARGE, "/events",
				       "an event's payload of %zu bytes is over its limit of %zu",
				       text.size, REPORT_MAX_PAYLOAD);
	int64_t seq;
	return event_append(s->work->tx, s->state->row.id, type, o, time_of(s, event), text.data,
			    &seq, err);
}

static int store_one(struct storing *s, const json_t *event, struct error **err)
{
	const char *name = json_get_str(event, "type");
	enum operation o = _OPERATION_INVALID;
	int r = operation_of(s, event, &o, err);
	if (r < 0)
		return r;
	if (streq_null(name, "operation_end"))
		return end_operation(s, event, o, err);
	if (streq_null(name, "operation_begin"))
		return begin_operation(s, o, err);
	enum event_type type = event_type_from_string(name);
	switch (type) {
	case EVENT_LOG:
		return store_log(s, event, o, err);
	case EVENT_RESOURCE:
	case EVENT_DIAGNOSTIC:
	case EVENT_DIFF:
		return store_payload(s, event, type, o, err);
	default:
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
				       "runners report no events of type %s",
				       name ? name : "(none)");
	}
}

int report_store_events(struct work *w, struct job_state *s, const struct attempt_row *attempt,
			const json_t *events, const void *logs, size_t logs_len, struct error **err)
{
	if (json_array_size(events) > REPORT_MAX_EVENTS)
		return error_set_field(err, ERROR_TOO_LARGE, "/events",
				       "the report is over its limit of %d events",
				       REPORT_MAX_EVENTS);
	if (logs_len > REPORT_MAX_LOG_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
				 "the report's log of %zu bytes is over its limit of %zu", logs_len,
				 REPORT_MAX_LOG_BYTES);
	struct storing storing = {
		.work = w, .state = s, .attempt = attempt, .logs = logs, .logs_left = logs_len};
	size_t i;
	json_t *event;
	json_array_foreach(events, i, event)
	{
		int r = store_one(&storing, event, err);
		if (r < 0)
			return r;
	}
	if (storing.logs_left > 0)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "/events",
				       "%zu bytes of log belong to no line", storing.logs_left);
	if (json_array_size(events) > 0) {
		_cleanup_free_ char *topic = xasprintf("job:%s", s->row.id);
		work_wake_after(w, topic);
	}
	return 0;
}
