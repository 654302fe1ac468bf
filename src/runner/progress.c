/* From lines to events. */
#include "runner/progress.h"

#include <string.h>

#include "base/strutil.h"
#include "base/utf8.h"

#define MAX_ERRORS	 10
#define MAX_ERROR_DETAIL 2000
/* Of an event's payload; what the server takes is more. */
#define MAX_PAYLOAD ((size_t)1 << 20)

void progress_init(struct progress *progress)
{
	*progress = (struct progress){
		.errors = json_array(),
		.line = ENGINE_LINE_INIT,
		.masked = STRBUF_INIT,
	};
}

void progress_release(struct progress *progress)
{
	json_decref(progress->errors);
	progress->errors = NULL;
	engine_line_release(&progress->line);
	strbuf_release(&progress->masked);
}

json_t *progress_to_cursor(const struct progress *p)
{
	return json_pack(
		"{s:s s:i s:i s:i s:i s:o s:o s:b s:b s:I s:b s:b s:b s:i s:b s:b s:b s:O}",
		"operation", operation_to_string(p->operation), "refreshesStarted",
		(int)p->refreshes_started, "refreshesComplete", (int)p->refreshes_complete, "drift",
		(int)p->drift, "replacesPlanned", (int)p->replaces_planned, "planned",
		engine_counts_to_json(&p->planned), "applied", engine_counts_to_json(&p->applied),
		"outputsChange", p->outputs_change, "appliedSummary", p->applied_summary,
		"logBytes", (json_int_t)p->log_bytes, "logFull", p->log_full, "skipStdout",
		p->skip_stdout, "skipStderr", p->skip_stderr, "diffsSent", (int)p->diffs_sent,
		"diffsDone", p->diffs_done, "notesSent", p->notes_sent, "providerLost",
		p->provider_lost, "errors", p->errors);
}

static uint32_t number(const json_t *cursor, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(cursor, key));
	return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static bool flag(const json_t *cursor, const char *key)
{
	return json_is_true(json_object_get(cursor, key));
}

void progress_from_cursor(struct progress *p, const json_t *cursor)
{
	const char *name = json_string_value(json_object_get(cursor, "operation"));
	enum operation operation = name ? operation_from_string(name) : _OPERATION_INVALID;
	json_t *errors = json_object_get(cursor, "errors");
	json_int_t log_bytes = json_integer_value(json_object_get(cursor, "logBytes"));

	if (operation != _OPERATION_INVALID)
		p->operation = operation;
	p->refreshes_started = number(cursor, "refreshesStarted");
	p->refreshes_complete = number(cursor, "refreshesComplete");
	p->drift = number(cursor, "drift");
	p->replaces_planned = number(cursor, "replacesPlanned");
	p->planned = engine_counts_from_json(json_object_get(cursor, "planned"));
	p->applied = engine_counts_from_json(json_object_get(cursor, "applied"));
	p->outputs_change = flag(cursor, "outputsChange");
	p->applied_summary = flag(cursor, "appliedSummary");
	p->log_bytes = log_bytes > 0 ? (uint64_t)log_bytes : 0;
	p->log_full = flag(cursor, "logFull");
	p->skip_stdout = flag(cursor, "skipStdout");
	p->skip_stderr = flag(cursor, "skipStderr");
	p->diffs_sent = number(cursor, "diffsSent");
	p->diffs_done = flag(cursor, "diffsDone");
	p->notes_sent = flag(cursor, "notesSent");
	p->provider_lost = flag(cursor, "providerLost");
	json_decref(p->errors);
	/* The parser goes on changing it; the answer that it came in belongs to others. */
	p->errors = json_is_array(errors) ? json_copy(errors) : json_array();
}

static void add_text(struct progress *p, const char *stream, const char *text, size_t size,
		     bool cut, struct batch *batch)
{
	if (p->log_full)
		return;
	p->log_bytes += size + 1;
	if (p->log_bytes > LOG_MAX_BYTES) {
		static const char marker[] = "[the log of this attempt passed its limit of 100 MB: "
					     "further lines are left out]";
		p->log_full = true;
		batch_add_line(batch, p->operation, stream, marker, sizeof(marker) - 1, false);
		return;
	}
	batch_add_line(batch, p->operation, stream, text, size, cut);
}

/* One line of the engine's may be several for people. */
static void add_lines(struct progress *p, const char *stream, const char *text, size_t size,
		      bool cut, bool single, struct batch *batch)
{
	const char *end = text + size;

	for (;;) {
		const char *newline = single ? NULL : memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		size_t length = (size_t)(stop - text);
		bool shortened = length > LINE_MAX_BYTES;
		add_text(p, stream, text, shortened ? LINE_MAX_BYTES : length,
			 shortened || (cut && !newline), batch);
		if (!newline)
			return;
		text = newline + 1;
	}
}

static void count_action(struct engine_counts *counts, const char *action)
{
	if (streq(action, "create"))
		counts->create++;
	else if (streq(action, "update"))
		counts->update++;
	else if (streq(action, "delete"))
		counts->delete ++;
	else if (streq(action, "replace"))
		counts->replace++;
	else if (streq(action, "import"))
		counts->import++;
	else if (streq(action, "forget"))
		counts->forget++;
}

static bool is_apply(const struct progress *p)
{
	return p->command == ENGINE_APPLY || p->command == ENGINE_APPLY_REFRESH_ONLY;
}

/* Reading is over, and what follows is the preview's, unless drift has to be recorded before. */
static void go_on_to_preview(struct progress *p, struct batch *batch)
{
	if (!p->fused || p->operation != OPERATION_REFRESH || (p->drift > 0 && !p->drift_is_final))
		return;
	batch_add_operation_end(batch, OPERATION_REFRESH, "succeeded", NULL, p->drift);
	p->operation = OPERATION_PREVIEW;
	batch_add_operation_begin(batch, OPERATION_PREVIEW);
}

void progress_reading_done(struct progress *p, struct batch *batch)
{
	go_on_to_preview(p, batch);
}

static void take_summary(struct progress *p, const struct engine_counts *counts)
{
	/* The engine counts a replacement as a creation and a deletion. */
	uint32_t replaced = MIN(p->replaces_planned, MIN(counts->create, counts->delete));

	p->applied_summary = true;
	p->applied = *counts;
	p->applied.create -= replaced;
	p->applied.delete -= replaced;
	p->applied.replace = replaced;
}

static void take_mark(struct progress *p, struct batch *batch)
{
	struct engine_line *line = &p->line;

	switch (line->mark) {
	case ENGINE_MARK_REFRESH_STARTED:
		p->refreshes_started++;
		break;
	case ENGINE_MARK_REFRESH_COMPLETE:
		p->refreshes_complete++;
		break;
	case ENGINE_MARK_DRIFT:
		p->drift++;
		break;
	case ENGINE_MARK_PLANNED:
		go_on_to_preview(p, batch);
		if (streq(line->action, "outputs"))
			p->outputs_change = true;
		else if (is_apply(p) && streq(line->action, "replace"))
			p->replaces_planned++;
		else if (!is_apply(p))
			count_action(&p->planned, line->action);
		break;
	case ENGINE_MARK_PLAN_SUMMARY:
		go_on_to_preview(p, batch);
		break;
	case ENGINE_MARK_APPLIED:
		if (!p->applied_summary)
			count_action(&p->applied, line->action);
		break;
	case ENGINE_MARK_APPLY_SUMMARY:
		take_summary(p, &line->counts);
		break;
	case ENGINE_MARK_ERROR:
		/* When all that was read could be read, it is the planning that failed. */
		if (p->refreshes_started == p->refreshes_complete)
			go_on_to_preview(p, batch);
		break;
	case ENGINE_MARK_NONE:
		break;
	}
}

static char *shortened(const char *text)
{
	size_t size = strlen(text);
	return xstrndup(text, utf8_truncate(text, size, MAX_ERROR_DETAIL));
}

static json_t *new_error(const struct progress *p, const char *summary, const char *detail)
{
	_cleanup_free_ char *short_summary = shortened(summary);
	_cleanup_free_ char *short_detail = shortened(detail ? detail : "");
	json_t *error = json_pack("{s:s s:s}", "summary", short_summary, "detail", short_detail);
	json_t *masked = error ? masker_apply_json(p->masker, error) : NULL;

	json_decref(error);
	return masked;
}

void progress_add_error(struct progress *p, const char *summary, const char *detail)
{
	json_t *error =
		json_array_size(p->errors) < MAX_ERRORS ? new_error(p, summary, detail) : NULL;

	if (error)
		json_array_append_new(p->errors, error);
}

void progress_lead_error(struct progress *p, const char *summary, const char *detail)
{
	json_t *error = new_error(p, summary, detail);

	if (!error)
		return;
	json_array_insert_new(p->errors, 0, error);
	json_array_remove(p->errors, MAX_ERRORS);
}

static void take_payload(struct progress *p, struct batch *batch)
{
	struct engine_line *line = &p->line;

	/* A saved plan's apply tells the plan again. Outputs the server takes from the state, whose
	 * owner it is. */
	if (!line->payload || line->type == EVENT_OUTPUTS ||
	    (is_apply(p) && line->mark == ENGINE_MARK_PLANNED))
		return;
	if (line->mark == ENGINE_MARK_ERROR) {
		const char *summary = json_string_value(json_object_get(line->payload, "summary"));
		progress_add_error(p, summary,
				   json_string_value(json_object_get(line->payload, "detail")));
		p->provider_lost =
			p->provider_lost || (summary && p->engine->is_lost_provider(summary));
	}
	if (json_dumpb(line->payload, NULL, 0, JSON_COMPACT) > MAX_PAYLOAD)
		return;
	batch_add_event(batch, line->type, p->operation,
			masker_apply_json(p->masker, line->payload));
}

void progress_add_line(struct progress *p, const char *stream, const struct tail_line *line,
		       struct batch *batch)
{
	bool structured = streq(stream, "stdout") && !line->cut;

	engine_line_reset(&p->line);
	if (structured)
		p->engine->parse_line(line->data, line->size, &p->line);
	else
		strbuf_add(&p->line.text, line->data, line->size);

	bool cut = line->cut || p->line.text.size > LINE_MAX_BYTES;
	if (cut)
		strbuf_set_size(&p->line.text, MIN(p->line.text.size, LINE_MAX_BYTES));
	take_mark(p, batch);
	strbuf_reset(&p->masked);
	if (cut)
		masker_apply_cut(p->masker, p->line.text.data, p->line.text.size, &p->masked);
	else
		masker_apply(p->masker, p->line.text.data, p->line.text.size, &p->masked);
	add_lines(p, stream, p->masked.data, p->masked.size, cut, !structured, batch);
	take_payload(p, batch);
	if (p->line.text.capacity > LINE_MAX_BYTES)
		strbuf_release(&p->line.text);
	if (p->masked.capacity > LINE_MAX_BYTES)
		strbuf_release(&p->masked);
}

struct engine_counts progress_counts(const struct progress *p)
{
	if (is_apply(p))
		return p->applied;
	struct engine_counts counts = p->planned;
	uint32_t touched = counts.update + counts.delete + counts.replace + counts.forget;
	counts.unchanged = p->refreshes_complete > touched ? p->refreshes_complete - touched : 0;
	return counts;
}
