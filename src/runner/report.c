/* Encoding and sending of reports, until they are answered. */
#include "runner/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/strutil.h"

#define FIRST_PAUSE_MS	 25
#define LONGEST_PAUSE_MS 1000

void report_answer_release(struct report_answer *answer)
{
	json_decref(answer->cursor);
	json_decref(answer->next);
	free(answer->refusal);
	*answer = (struct report_answer){0};
}

static json_t *offsets(uint64_t out, uint64_t errors)
{
	return json_pack("{s:I s:I}", "stdout", (json_int_t)out, "stderr", (json_int_t)errors);
}

static void encode(const struct grant *grant, const struct report *report, struct strbuf *body)
{
	json_t *header =
		json_pack("{s:I s:s s:i s:o s:o}", "epoch", (json_int_t)grant->epoch, "operation",
			  operation_to_string(grant->operation), "attempt", grant->attempt, "from",
			  offsets(report->from_stdout, report->from_stderr), "to",
			  offsets(report->to_stdout, report->to_stderr));
	if (report->cursor)
		json_object_set(header, "cursor", report->cursor);
	if (report->started)
		json_object_set(header, "started", report->started);
	if (report->ended)
		json_object_set(header, "ended", report->ended);
	json_object_set_new(header, "events",
			    report->batch ? json_incref(report->batch->events) : json_array());

	_cleanup_free_ char *line = json_dumps(header, JSON_COMPACT);
	json_decref(header);
	strbuf_addstr(body, line);
	strbuf_addch(body, '\n');
	if (report->batch)
		strbuf_add(body, report->batch->bytes.data, report->batch->bytes.size);
}

static uint64_t offset(const json_t *to, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(to, key));
	return value > 0 ? (uint64_t)value : 0;
}

static bool read_answer(const struct http_reply *reply, struct report_answer *ret)
{
	json_t *root = json_loadb(reply->body.data, reply->body.size, 0, NULL);
	const json_t *to = json_object_get(root, "to");
	json_t *cursor = json_object_get(root, "cursor");
	json_t *next = json_object_get(root, "next");

	if (!json_is_object(to)) {
		json_decref(root);
		return false;
	}
	*ret = (struct report_answer){
		.to_stdout = offset(to, "stdout"),
		.to_stderr = offset(to, "stderr"),
		.cursor = json_is_object(cursor) ? json_incref(cursor) : NULL,
		.next = json_is_object(next) ? json_incref(next) : NULL,
		.interrupt = json_is_true(json_object_get(root, "interrupt")),
	};
	json_decref(root);
	return true;
}

enum outcome {
	OUTCOME_ANSWERED,
	OUTCOME_UNKNOWN, /* try again */
	OUTCOME_REFUSED, /* it will never be taken */
	OUTCOME_LOST,	 /* nothing of this lease will */
};

static bool never_taken(int status)
{
	return status >= 400 && status < 500 && status != 401 && status != 408 && status != 429;
}

/* Not ours any more, or only not liked (by a proxy, too)? */
static enum outcome refused(const struct grant *grant, const struct http_reply *reply,
			    struct report_answer *ret)
{
	json_t *root = json_loadb(reply->body.data, reply->body.size, 0, NULL);
	const json_t *error = json_object_get(root, "error");
	const char *code = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));
	bool lost =
		code ? streq(code, "stale_epoch") || reply->status == 403 || reply->status == 404
		     : false;

	log_warning("the server refuses a report of job %s: HTTP %d %s", grant->job_id,
		    reply->status, message ? message : "");
	free(ret->refusal);
	ret->refusal = lost ? NULL
			    : xasprintf("HTTP %d%s%s", reply->status, message ? ": " : "",
					message ? message : "");
	json_decref(root);
	return lost ? OUTCOME_LOST : OUTCOME_REFUSED;
}

static int post_report(struct http_client *http, const char *job_id, const char *body, size_t size,
		       struct http_reply *ret, struct error **err)
{
	_cleanup_free_ char *path = xasprintf("/runner/v1/jobs/%s/report", job_id);
	const struct http_call call = {
		.method = "POST",
		.path = path,
		.content_type = "application/x-planton-report",
		.body = body,
		.body_len = size,
		.timeout_ms = 60000,
	};
	return http_client_call(http, &call, ret, err);
}

static enum outcome post(struct http_client *http, const struct grant *grant,
			 const struct report *report, struct report_answer *ret)
{
	_cleanup_strbuf_ struct strbuf body = STRBUF_INIT;
	_cleanup_error_ struct error *error = NULL;
	struct http_reply reply = {0};
	enum outcome outcome = OUTCOME_UNKNOWN;

	encode(grant, report, &body);
	if (post_report(http, grant->job_id, body.data, body.size, &reply, &error) < 0) {
		_cleanup_free_ char *why = error_describe(error);
		log_debug("report of %s: %s", grant->job_id, why);
		return OUTCOME_UNKNOWN;
	}
	if (reply.status == 200) {
		outcome = read_answer(&reply, ret) ? OUTCOME_ANSWERED : OUTCOME_UNKNOWN;
	} else if (never_taken(reply.status)) {
		outcome = refused(grant, &reply, ret);
	}
	http_reply_release(&reply);
	return outcome;
}

/* Its words as they came: they need not be understood. NULL when some are missing. */
static json_t *unusable_report(const json_t *grant, const char *why)
{
	json_t *attempt = json_object_get(grant, "attempt");
	json_t *operation = json_object_get(attempt, "operation");
	json_int_t now = (json_int_t)now_realtime_ms();

	return json_pack("{s:O s:O s:O s:o s:o s:{} s:[] s:{s:I s:[O]} s:{s:I s:s s:[{s:s}]}}",
			 "epoch", json_object_get(grant, "epoch"), "operation", operation,
			 "attempt", json_object_get(attempt, "number"), "from", offsets(0, 0), "to",
			 offsets(0, 0), "cursor", "events", "started", "time", now, "covers",
			 operation, "ended", "time", now, "result", "failed", "errors", "summary",
			 why);
}

bool report_unusable(struct http_client *http, const json_t *grant, const struct error *why)
{
	_cleanup_error_ struct error *error = NULL;
	_cleanup_free_ char *reason = error_describe(why);
	_cleanup_free_ char *text = xasprintf("the runner cannot use its grant: %s", reason);
	const char *job = json_string_value(json_object_get(json_object_get(grant, "job"), "id"));
	json_t *report = job ? unusable_report(grant, text) : NULL;

	log_error("job %s: %s", job ? job : "?", text);
	if (!report)
		return false;
	_cleanup_free_ char *line = json_dumps(report, JSON_COMPACT);
	_cleanup_free_ char *body = xasprintf("%s\n", line);
	json_decref(report);
	struct http_reply reply = {0};
	bool taken = post_report(http, job, body, strlen(body), &reply, &error) == 0 &&
		     reply.status == 200;
	if (!taken)
		log_error("the server does not take that: HTTP %d %s", reply.status,
			  error ? error->message : "");
	http_reply_release(&reply);
	return taken;
}

enum report_status report_probe(struct http_client *http, const struct grant *grant,
				report_pause *pause, void *userdata, struct report_answer *ret)
{
	const struct report question = {0};

	for (unsigned wait = FIRST_PAUSE_MS;; wait = MIN(wait * 2, (unsigned)LONGEST_PAUSE_MS)) {
		switch (post(http, grant, &question, ret)) {
		case OUTCOME_ANSWERED:
			return REPORT_RESYNC;
		case OUTCOME_REFUSED:
			report_answer_release(ret);
			return REPORT_LOST;
		case OUTCOME_LOST:
			return REPORT_LOST;
		case OUTCOME_UNKNOWN:
			break;
		}
		if (pause(wait, userdata))
			return REPORT_LOST;
	}
}

enum report_status report_send(struct http_client *http, const struct grant *grant,
			       const struct report *report, report_pause *pause, void *userdata,
			       struct report_answer *ret)
{
	switch (post(http, grant, report, ret)) {
	case OUTCOME_ANSWERED:
		if (ret->to_stdout == report->to_stdout && ret->to_stderr == report->to_stderr)
			return REPORT_STORED;
		return REPORT_RESYNC;
	case OUTCOME_REFUSED:
		return REPORT_REFUSED;
	case OUTCOME_LOST:
		return REPORT_LOST;
	case OUTCOME_UNKNOWN:
		break;
	}
	if (pause(FIRST_PAUSE_MS, userdata))
		return REPORT_LOST;
	return report_probe(http, grant, pause, userdata, ret);
}
