/* How a job ended, and what it does at the moment. */
#include <string.h>

#include "base/strutil.h"
#include "cli/text.h"
#include "cli/view.h"
#include "model/json.h"

enum status job_view_status(const struct job_view *v)
{
	return v->status;
}

static bool is_operating(const struct job_view *v)
{
	return v->status == STATUS_RUNNING && v->current >= 0 &&
	       v->operations[v->current].status == STATUS_RUNNING;
}

bool job_view_is_waiting(const struct job_view *v)
{
	return v->status == STATUS_QUEUED || (v->status == STATUS_RUNNING && !is_operating(v));
}

const char *job_view_id(const struct job_view *v)
{
	return v->id;
}

static bool was_refused(const struct job_view *v)
{
	const char *code = v->error_code;
	return code && (error_code_from_string(code) == ERROR_PRECONDITION_FAILED ||
			startswith(code, "preflight") || startswith(code, "policy"));
}

enum exit_code job_view_exit(const struct job_view *v)
{
	if (v->status == STATUS_AWAITING_APPROVAL)
		return EXIT_CODE_AWAITING_APPROVAL;
	if (v->status != STATUS_COMPLETED)
		return EXIT_CODE_OK;
	switch (v->result) {
	case RESULT_SUCCEEDED:
		return EXIT_CODE_OK;
	case RESULT_CANCELLED:
		return EXIT_CODE_CANCELLED;
	default:
		return was_refused(v) ? EXIT_CODE_REFUSED : EXIT_CODE_JOB_FAILED;
	}
}

enum exit_code exit_code_worse(enum exit_code a, enum exit_code b)
{
	static const enum exit_code order[] = {
		EXIT_CODE_OK,	       EXIT_CODE_AWAITING_APPROVAL,
		EXIT_CODE_CANCELLED,   EXIT_CODE_REFUSED,
		EXIT_CODE_JOB_FAILED,  EXIT_CODE_NOT_FOUND,
		EXIT_CODE_NOT_ALLOWED, EXIT_CODE_USAGE,
		EXIT_CODE_ERROR,
	};
	for (size_t i = ARRAY_SIZE(order); i-- > 0;)
		if (order[i] == a || order[i] == b)
			return order[i];
	return EXIT_CODE_ERROR;
}

bool job_view_has_changes(const struct job_view *v)
{
	static const char *const kinds[] = {"create",  "update", "delete",
					    "replace", "import", "forget"};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (json_get_int(v->counts, kinds[i], 0) > 0)
			return true;
	return !v->counts && v->plan.count > 0;
}

static void add_summary(const struct job_view *v, struct strbuf *out)
{
	strbuf_addstr(out, " · ");
	if (v->job_operation == JOB_REFRESH && v->drift > 0)
		strbuf_addf(out, "drift in %lld resource%s", (long long)v->drift,
			    v->drift == 1 ? "" : "s");
	else if (v->job_operation == JOB_REFRESH)
		strbuf_addstr(out, "no drift");
	else
		counts_add(out, v->counts, v->job_operation == JOB_PREVIEW);
}

void job_view_end(struct job_view *v, struct strbuf *out)
{
	if (v->status != STATUS_COMPLETED)
		return;
	bool succeeded = v->result == RESULT_SUCCEEDED, cancelled = v->result == RESULT_CANCELLED;
	enum style style = succeeded ? STYLE_GREEN : cancelled ? STYLE_YELLOW : STYLE_BOLD_RED;
	view_begin(v, out);
	style_add(out, v->o.colour, style,
		  succeeded   ? "Succeeded"
		  : cancelled ? "Cancelled"
			      : "Failed");
	if (v->ran) {
		strbuf_addstr(out, cancelled ? " after " : " in ");
		text_add_duration(out, v->running_ms);
	}
	if (v->o.summary && (succeeded || v->counts_are_done))
		add_summary(v, out);
	const char *why = v->error_message ? v->error_message : v->reason;
	if (!succeeded && why) {
		strbuf_addstr(out, " · ");
		text_add(out, why);
	}
	strbuf_addch(out, '\n');
	if (v->o.outputs && succeeded)
		outputs_show(v, out);
	if (!succeeded && !cancelled && !v->o.logs) {
		view_begin(v, out);
		strbuf_addf(out, "Log: planton sj logs %s   Again: planton sj rerun %s\n", v->id,
			    v->id);
	}
}

static uint64_t since(uint64_t now_ms, uint64_t then_ms)
{
	return now_ms > then_ms && then_ms ? now_ms - then_ms : 0;
}

static void add_row(struct strbuf *out, const struct row *row, uint64_t now_ms)
{
	static const struct {
		const char *action, *word;
	} doing[] = {{"create", "creating"},
		     {"update", "updating"},
		     {"delete", "deleting"},
		     {"replace", "replacing"},
		     {"import", "importing"}};
	const char *word = "working";
	for (size_t i = 0; i < ARRAY_SIZE(doing); i++)
		if (streq(doing[i].action, row->action))
			word = doing[i].word;
	text_add(out, row->address);
	strbuf_addf(out, " %s ", word);
	text_add_ticking(out, since(now_ms, row->started_ms));
}

static void add_state(const struct job_view *v, uint64_t now_ms, struct strbuf *line)
{
	if (v->status == STATUS_AWAITING_APPROVAL) {
		strbuf_addstr(line, "awaiting approval ");
		text_add_ticking(line, since(now_ms, v->since_ms));
		strbuf_addf(line, "   planton sj resume %s", v->id);
	} else if (is_operating(v)) {
		strbuf_addf(line, "%-7s ", operation_to_string(v->current));
		text_add_ticking(line, since(now_ms, v->operations[v->current].started_ms));
	} else {
		strbuf_addf(line, "%s ", status_to_string(v->status));
		text_add_ticking(line, since(now_ms, v->since_ms));
		if (v->reason)
			strbuf_addstr(line, "   ");
		text_add(line, v->reason);
	}
}

void job_view_live(const struct job_view *v, uint64_t now_ms, unsigned frame, size_t columns,
		   size_t max_lines, struct strbuf *out)
{
	static const char *const frames[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
	if (v->status == STATUS_COMPLETED)
		return;
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	strbuf_addf(&line, "%s ",
		    v->status == STATUS_AWAITING_APPROVAL ? "⏸"
							  : frames[frame % ARRAY_SIZE(frames)]);
	if (v->o.many) {
		text_add(&line, v->label);
		strbuf_addstr(&line, "  ");
	}
	add_state(v, now_ms, &line);

	bool changing = v->current == OPERATION_APPLY || v->current == OPERATION_DESTROY;
	size_t done = 0, lines = 1;
	for (size_t i = 0; i < v->plan.count; i++)
		done += v->plan.items[i].phase == ROW_DONE;
	if (changing && v->plan.count)
		strbuf_addf(&line, "   %zu/%zu", done, v->plan.count);
	bool first = true;
	for (size_t i = 0; changing && i < v->plan.count && lines <= max_lines; i++) {
		if (v->plan.items[i].phase != ROW_STARTED)
			continue;
		if (!first) {
			if (lines++ == max_lines)
				break;
			text_add_cut(out, line.data, line.size, columns);
			strbuf_addch(out, '\n');
			strbuf_reset(&line);
		}
		strbuf_addstr(&line, first ? "   " : "    ");
		add_row(&line, &v->plan.items[i], now_ms);
		first = false;
	}
	text_add_cut(out, line.data, line.size, columns);
	strbuf_addch(out, '\n');
}
