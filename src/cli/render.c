/* A job's events, one after another, as lines; its state as far as the lines need it. */
#include "cli/render.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/strutil.h"
#include "cli/text.h"
#include "cli/view.h"
#include "model/json.h"

#define NAME_COLUMNS 8

static void json_unref(void *value)
{
	json_decref(value);
}

struct job_view *job_view_new(const char *id, const char *label, enum job_operation operation,
			      const struct render_options *options)
{
	struct job_view *v = xcalloc(1, sizeof(*v));
	v->id = xstrdup(id);
	v->label = xstrdup(label);
	v->job_operation = operation;
	v->o = *options;
	v->current = _OPERATION_INVALID;
	v->drift = -1;
	v->refreshed = hashmap_new(NULL);
	v->diffs = hashmap_new(json_unref);
	v->drift_diffs = hashmap_new(json_unref);
	return v;
}

static void rows_clear(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].address);
		free(rows->items[i].action);
	}
	free(rows->items);
	*rows = (struct rows){0};
}

static void tail_clear(struct job_view *v)
{
	for (size_t i = 0; i < TAIL_LINES; i++)
		replace_string(&v->tail[i], NULL);
	v->n_tail = 0;
}

void job_view_free(struct job_view *v)
{
	if (!v)
		return;
	rows_clear(&v->plan);
	rows_clear(&v->drifted);
	tail_clear(v);
	hashmap_free(v->refreshed);
	hashmap_free(v->diffs);
	hashmap_free(v->drift_diffs);
	json_decref(v->counts);
	json_decref(v->outputs);
	free(v->id);
	free(v->label);
	free(v->reason);
	free(v->error_code);
	free(v->error_message);
	free(v);
}

void view_begin(const struct job_view *v, struct strbuf *out)
{
	if (v->o.stamps) {
		time_t seconds = (time_t)(v->now_ms / 1000);
		struct tm local;
		char stamp[16];
		localtime_r(&seconds, &local);
		strftime(stamp, sizeof(stamp), "%H:%M:%S ", &local);
		strbuf_addstr(out, stamp);
	}
	if (v->o.many) {
		strbuf_addf(out, "%s[", style_on(v->o.colour, STYLE_DIM));
		text_add(out, v->label);
		strbuf_addf(out, "]%s ", style_off(v->o.colour, STYLE_DIM));
	}
}

static struct row *row_get(struct rows *rows, const char *address)
{
	for (size_t i = 0; i < rows->count; i++)
		if (streq(rows->items[i].address, address))
			return &rows->items[i];
	return NULL;
}

static struct row *row_make(struct rows *rows, const char *address, const char *action)
{
	struct row *row = row_get(rows, address);
	if (!row) {
		rows->items = xreallocarray(rows->items, rows->count + 1, sizeof(*rows->items));
		row = &rows->items[rows->count++];
		*row = (struct row){.address = xstrdup(address)};
	}
	replace_string(&row->action, action);
	return row;
}

/* "✓ init       0.4s", without the end of the line. */
static void operation_line(const struct job_view *v, struct strbuf *out, const char *mark,
			   enum style style, const char *name)
{
	view_begin(v, out);
	style_add(out, v->o.colour, style, mark);
	strbuf_addf(out, " %-*s", NAME_COLUMNS, name);
}

static void add_plan_counts(const struct job_view *v, struct strbuf *out, const json_t *summary)
{
	int64_t replace = json_get_int(summary, "replace", 0);
	int64_t create = json_get_int(summary, "create", 0) + replace,
		remove = json_get_int(summary, "delete", 0) + replace;
	int64_t update = json_get_int(summary, "update", 0),
		import = json_get_int(summary, "import", 0);
	int64_t forget = json_get_int(summary, "forget", 0);
	if (!create && !remove && !update && !import && !forget) {
		strbuf_addstr(out, "no changes");
		return;
	}
	bool colour = v->o.colour;
	strbuf_addf(out, "%s+%lld%s ", style_on(colour && create, STYLE_GREEN), (long long)create,
		    style_off(colour && create, STYLE_GREEN));
	strbuf_addf(out, "%s~%lld%s ", style_on(colour && update, STYLE_YELLOW), (long long)update,
		    style_off(colour && update, STYLE_YELLOW));
	strbuf_addf(out, "%s-%lld%s", style_on(colour && remove, STYLE_RED), (long long)remove,
		    style_off(colour && remove, STYLE_RED));
	if (import)
		strbuf_addf(out, " (%lld to import)", (long long)import);
	if (forget)
		strbuf_addf(out, " (%lld to forget)", (long long)forget);
}

static void add_refresh_result(const struct job_view *v, struct strbuf *out)
{
	size_t refreshed = hashmap_count(v->refreshed);
	if (refreshed)
		strbuf_addf(out, "%zu resource%s, ", refreshed, refreshed == 1 ? "" : "s");
	if (v->drift > 0)
		strbuf_addf(out, "%sdrift in %lld resource%s%s",
			    style_on(v->o.colour, STYLE_YELLOW), (long long)v->drift,
			    v->drift == 1 ? "" : "s", style_off(v->o.colour, STYLE_YELLOW));
	else
		strbuf_addstr(out, "no drift");
}

static void show_tail(const struct job_view *v, struct strbuf *out)
{
	size_t from = v->n_tail > TAIL_LINES ? v->n_tail - TAIL_LINES : 0;
	for (size_t i = from; i < v->n_tail; i++) {
		const char *line = v->tail[i % TAIL_LINES];
		view_begin(v, out);
		strbuf_addstr(out, "    ");
		text_add_safe(out, line, strlen(line), v->o.colour);
		strbuf_addch(out, '\n');
	}
}

static void show_errors(struct job_view *v, const json_t *payload, struct strbuf *out)
{
	size_t i;
	json_t *e;
	if (v->diagnosed)
		return;
	json_array_foreach(json_object_get(payload, "errors"), i, e)
	{
		if (json_is_string(e)) {
			_cleanup_json_ json_t *diagnostic = json_new_object();
			json_set_string(diagnostic, "summary", json_string_value(e));
			diagnostic_show(v, diagnostic, out);
		} else {
			diagnostic_show(v, e, out);
		}
	}
	if (!v->o.logs)
		show_tail(v, out);
}

static void show_completed(struct job_view *v, enum operation operation, const json_t *payload,
			   struct strbuf *out)
{
	static const struct {
		const char *mark, *word;
		enum style style;
	} marks[_RESULT_MAX] = {
		[RESULT_TBD] = {"?", "ended", STYLE_YELLOW},
		[RESULT_SUCCEEDED] = {"✓", NULL, STYLE_GREEN},
		[RESULT_FAILED] = {"✗", "failed", STYLE_RED},
		[RESULT_CANCELLED] = {"⊘", "cancelled", STYLE_YELLOW},
		[RESULT_SKIPPED] = {"-", "skipped", STYLE_DIM},
	};
	struct operation_view *ov = &v->operations[operation];
	operation_line(v, out, marks[ov->result].mark, marks[ov->result].style,
		       operation_to_string(operation));
	_cleanup_strbuf_ struct strbuf time = STRBUF_INIT;
	int64_t duration = json_get_int(payload, "durationMs", -1);
	if (duration < 0 && ov->started_ms && v->now_ms >= ov->started_ms)
		duration = (int64_t)(v->now_ms - ov->started_ms);
	if (duration >= 0 && ov->result != RESULT_SKIPPED)
		text_add_duration(&time, (uint64_t)duration);
	strbuf_addf(out, " %6s", time.data);
	_cleanup_strbuf_ struct strbuf rest = STRBUF_INIT;
	if (marks[ov->result].word)
		strbuf_addstr(&rest, marks[ov->result].word);
	else if (json_get_bool(payload, "reused", false))
		strbuf_addstr(&rest, "reused");
	else if (operation == OPERATION_REFRESH)
		add_refresh_result(v, &rest);
	else if (operation == OPERATION_PREVIEW)
		add_plan_counts(v, &rest, json_object_get(payload, "summary"));
	if (rest.size)
		strbuf_addf(out, "   %s", rest.data);
	strbuf_addch(out, '\n');
}

static void operation_completed(struct job_view *v, enum operation operation, const json_t *payload,
				struct strbuf *out)
{
	struct operation_view *ov = &v->operations[operation];
	const json_t *summary = json_object_get(payload, "summary");
	bool changes = operation == OPERATION_APPLY || operation == OPERATION_DESTROY;
	int64_t drift = json_get_int(payload, "drift", -1);
	if (drift >= 0 || v->drift < 0)
		v->drift = MAX(drift, (int64_t)v->drifted.count);
	if (json_is_object(summary) && (changes || operation == OPERATION_PREVIEW)) {
		json_decref(v->counts);
		v->counts = json_incref((json_t *)summary);
		v->counts_are_done = changes;
	}
	if (ov->shown)
		return;
	ov->shown = true;
	show_completed(v, operation, payload, out);
	if (operation == OPERATION_REFRESH && !v->o.logs)
		rows_show(v, &v->drifted, v->drift_diffs, "drifted", out);
	if (operation == OPERATION_PREVIEW) {
		if (!v->o.logs)
			rows_show(v, &v->plan, v->diffs, NULL, out);
		v->plan_shown = true;
	}
	if (ov->result == RESULT_FAILED)
		show_errors(v, payload, out);
}

static void operation_started(struct job_view *v, enum operation operation, const json_t *payload,
			      struct strbuf *out)
{
	int64_t attempt = json_get_int(payload, "attempt", 1);
	struct operation_view *ov = &v->operations[operation];
	bool again = ov->started_ms != 0;
	if (!again)
		ov->started_ms = v->now_ms;
	v->current = operation;
	tail_clear(v);
	v->diagnosed = false;
	if (again && operation == OPERATION_REFRESH) {
		hashmap_free(v->refreshed);
		v->refreshed = hashmap_new(NULL);
	} else if (again && operation == OPERATION_PREVIEW) {
		rows_clear(&v->plan);
	}
	if (v->o.logs) {
		view_begin(v, out);
		strbuf_addf(out, "%s▸ %s%s", style_on(v->o.colour, STYLE_BOLD),
			    operation_to_string(operation), style_off(v->o.colour, STYLE_BOLD));
		if (attempt > 1)
			strbuf_addf(out, " (attempt %lld)", (long long)attempt);
		strbuf_addch(out, '\n');
	}
}

/* "↻ init     again: The engine was ended by signal 9 (Killed)" */
static void show_again(const struct job_view *v, enum operation operation, const char *reason,
		       struct strbuf *out)
{
	operation_line(v, out, "↻", STYLE_YELLOW, operation_to_string(operation));
	strbuf_addstr(out, " again: ");
	text_add(out, reason);
	strbuf_addch(out, '\n');
}

static void on_operation_status(struct job_view *v, enum operation operation, const json_t *payload,
				struct strbuf *out)
{
	const char *status_word = json_get_str(payload, "status"),
		   *result_word = json_get_str(payload, "result");
	if (operation < 0 || !status_word)
		return;
	struct operation_view *ov = &v->operations[operation];
	enum result result = result_word ? result_from_string(result_word) : RESULT_TBD;
	ov->status = status_from_string(status_word);
	ov->result = result < 0 ? RESULT_TBD : result;
	if (ov->status == STATUS_QUEUED && json_get_str(payload, "reason"))
		show_again(v, operation, json_get_str(payload, "reason"), out);
	else if (ov->status == STATUS_RUNNING)
		operation_started(v, operation, payload, out);
	else if (ov->status == STATUS_COMPLETED)
		operation_completed(v, operation, payload, out);
}

static void show_pause(const struct job_view *v, struct strbuf *out)
{
	view_begin(v, out);
	style_add(out, v->o.colour, STYLE_YELLOW, "⏸ awaiting approval");
	if (v->reason) {
		strbuf_addstr(out, " (");
		text_add(out, v->reason);
		strbuf_addch(out, ')');
	}
	strbuf_addf(out, ". Resume: planton sj resume %s\n", v->id);
}

static void on_job_status(struct job_view *v, const json_t *payload, struct strbuf *out)
{
	const char *status_word = json_get_str(payload, "status"),
		   *result_word = json_get_str(payload, "result");
	enum status status = status_word ? status_from_string(status_word) : _STATUS_INVALID;
	enum result result = result_word ? result_from_string(result_word) : RESULT_TBD;
	if (status < 0)
		return;
	bool news = status != v->status || v->since_ms == 0;
	if (v->status == STATUS_RUNNING && v->ran && v->now_ms > v->since_ms)
		v->running_ms += v->now_ms - v->since_ms;
	v->status = status;
	v->result = result < 0 ? RESULT_TBD : result;
	v->since_ms = v->now_ms;
	v->ran |= status == STATUS_RUNNING;
	replace_string(&v->reason, json_get_str(payload, "reason"));
	if (json_is_object(json_object_get(payload, "error"))) {
		replace_string(&v->error_code, json_get_str(payload, "error.code"));
		replace_string(&v->error_message, json_get_str(payload, "error.message"));
	}
	if (json_is_object(json_object_get(payload, "summary")) && !v->counts)
		v->counts = json_incref(json_object_get(payload, "summary"));
	if (status == STATUS_AWAITING_APPROVAL && news) {
		show_pause(v, out);
	} else if (v->o.logs && status != STATUS_COMPLETED) {
		const char *runner = json_get_str(payload, "runner");
		view_begin(v, out);
		strbuf_addf(out, "▸ %s", status_to_string(status));
		if (runner)
			strbuf_addstr(out, " on ");
		text_add(out, runner);
		if (v->reason)
			strbuf_addstr(out, ": ");
		text_add(out, v->reason);
		strbuf_addch(out, '\n');
	}
}

static void on_log(struct job_view *v, const json_t *payload, struct strbuf *out)
{
	const char *line = json_get_str(payload, "line");
	if (!line)
		return;
	if (!v->o.logs) {
		replace_string(&v->tail[v->n_tail++ % TAIL_LINES], line);
		return;
	}
	view_begin(v, out);
	text_add_safe(out, line, strlen(line), v->o.colour);
	strbuf_addstr(out, json_get_bool(payload, "cut", false) ? " … (cut)\n" : "\n");
}

static bool changes_something(const char *action)
{
	return !streq(action, "noop") && !streq(action, "read") && !streq(action, "refresh");
}

static void show_resource(const struct job_view *v, const char *address, const char *action,
			  const char *phase, int64_t elapsed_ms, struct strbuf *out)
{
	bool failed = streq(phase, "failed");
	enum style style = failed ? STYLE_RED : action_style(action);
	view_begin(v, out);
	strbuf_addf(out, "  %s%s ", style_on(v->o.colour, style),
		    failed ? "✗" : action_symbol(action));
	text_add(out, address);
	strbuf_addf(out, "%s   %s %s", style_off(v->o.colour, style), action, phase);
	if (elapsed_ms >= 0 && !streq(phase, "started")) {
		strbuf_addch(out, ' ');
		text_add_duration(out, (uint64_t)elapsed_ms);
	}
	strbuf_addch(out, '\n');
}

static void on_resource(struct job_view *v, enum operation operation, const json_t *payload,
			struct strbuf *out)
{
	const char *address = json_get_str(payload, "address"),
		   *action = json_get_str(payload, "action");
	const char *phase = json_get_str(payload, "phase");
	if (!address || !action || !phase)
		return;
	int64_t elapsed = json_get_int(payload, "elapsedMs", -1);
	bool done = streq(phase, "done"), failed = streq(phase, "failed");
	if (v->o.logs && (changes_something(action) || done || failed))
		show_resource(v, address, action, phase, elapsed, out);

	if (streq(phase, "drift")) {
		row_make(&v->drifted, address, action);
	} else if (streq(action, "refresh") || streq(action, "read")) {
		if (done && operation == OPERATION_REFRESH)
			hashmap_put(v->refreshed, address, v);
	} else if (streq(phase, "planned")) {
		if (changes_something(action))
			row_make(&v->plan, address, action);
	} else {
		struct row *row = row_get(&v->plan, address);
		if (!row)
			row = row_make(&v->plan, address, action);
		if (streq(phase, "started"))
			row->started_ms = v->now_ms;
		row->phase = done ? ROW_DONE : failed ? ROW_FAILED : ROW_STARTED;
		if (!v->o.logs && (failed || (done && (v->o.stamps || !v->plan_shown))))
			show_resource(v, address, action, phase, elapsed, out);
	}
}

static void on_diff(struct job_view *v, const json_t *payload, struct strbuf *out)
{
	const char *address = json_get_str(payload, "address");
	if (!address)
		return;
	bool drift = json_get_bool(payload, "drift", false);
	bool late = !drift && (v->plan_shown || v->o.logs) && v->o.diff;
	hashmap_put(drift ? v->drift_diffs : v->diffs, address, json_incref((json_t *)payload));
	if (!late)
		return;
	view_begin(v, out);
	const char *action = json_get_str(payload, "action");
	enum style style = action_style(action);
	strbuf_addf(out, "  %s%s ", style_on(v->o.colour, style), action_symbol(action));
	text_add(out, address);
	strbuf_addf(out, "%s\n", style_off(v->o.colour, style));
	diff_block(v, payload, out);
}

void job_view_event(struct job_view *v, const json_t *event, struct strbuf *out)
{
	const char *type = json_get_str(event, "type"),
		   *operation_word = json_get_str(event, "operation");
	const char *time = json_get_str(event, "time");
	const json_t *payload = json_object_get(event, "payload");
	enum operation operation =
		operation_word ? operation_from_string(operation_word) : _OPERATION_INVALID;
	uint64_t ms;
	if (time && rfc3339_parse(time, &ms) == 0)
		v->now_ms = ms;
	switch (type ? event_type_from_string(type) : _EVENT_TYPE_INVALID) {
	case EVENT_JOB_STATUS:
		on_job_status(v, payload, out);
		break;
	case EVENT_OPERATION_STATUS:
		on_operation_status(v, operation, payload, out);
		break;
	case EVENT_LOG:
		on_log(v, payload, out);
		break;
	case EVENT_RESOURCE:
		on_resource(v, operation, payload, out);
		break;
	case EVENT_DIAGNOSTIC:
		diagnostic_show(v, payload, out);
		break;
	case EVENT_DIFF:
		on_diff(v, payload, out);
		break;
	case EVENT_OUTPUTS:
		json_decref(v->outputs);
		v->outputs = json_incref(json_object_get(payload, "outputs"));
		break;
	default:
		break; /* a newer server's */
	}
}
