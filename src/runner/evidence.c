/* The journal is read from the output itself: it is all there, whatever was reported. */
#include "runner/evidence.h"

#include <fcntl.h>
#include <string.h>

#include "base/encoding.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "base/strutil.h"

#define STATE_MAX	 ((size_t)64 << 20)
#define MAX_JOURNAL	 20000
#define FIRST_PAUSE_MS	 25
#define LONGEST_PAUSE_MS 1000

bool evidence_has_errored_state(const struct attempt *attempt)
{
	_cleanup_close_ int fd = workspace_open(
		&attempt->job->workspace, attempt->install->engine->errored_state, O_RDONLY);
	return fd >= 0;
}

static bool is_change(const json_t *payload)
{
	const char *phase = json_string_value(json_object_get(payload, "phase"));
	const char *action = json_string_value(json_object_get(payload, "action"));

	return phase && action && !streq(action, "read") && !streq(action, "refresh") &&
	       (streq(phase, "started") || streq(phase, "done") || streq(phase, "failed"));
}

static json_t *journal(struct attempt *attempt)
{
	json_t *entries = json_array();
	struct engine_line line = ENGINE_LINE_INIT;
	struct tail_line text;
	struct tail tail;

	if (attempt->process.stdout_fd < 0 || !attempt->install ||
	    (attempt->grant->operation != OPERATION_APPLY &&
	     attempt->grant->operation != OPERATION_DESTROY))
		return entries;
	tail_init(&tail, attempt->process.stdout_fd, 0, false);
	while (json_array_size(entries) < MAX_JOURNAL && tail_next(&tail, true, &text) == 1) {
		engine_line_reset(&line);
		if (!text.cut)
			attempt->install->engine->parse_line(text.data, text.size, &line);
		if (line.type == EVENT_RESOURCE && is_change(line.payload))
			json_array_append_new(
				entries, masker_apply_json(attempt->job->masker, line.payload));
	}
	tail_release(&tail);
	engine_line_release(&line);
	return entries;
}

static json_t *errored_state(const struct attempt *attempt)
{
	_cleanup_free_ char *content = NULL;
	size_t size;

	if (!attempt->install ||
	    workspace_read(&attempt->job->workspace, attempt->install->engine->errored_state,
			   STATE_MAX, &content, &size) < 0)
		return json_null();
	_cleanup_free_ char *encoded = base64_encode(content, size);
	return json_string(encoded);
}

/* 1 taken, 0 to be tried again, -1 refused for good. */
static int post(struct job *job, const char *path, const char *body)
{
	_cleanup_error_ struct error *error = NULL;
	struct http_reply reply = {0};
	struct http_call call = {
		.method = "POST",
		.path = path,
		.content_type = "application/json",
		.body = body,
		.body_len = strlen(body),
		.timeout_ms = 120000,
	};

	if (http_client_call(job->http, &call, &reply, &error) < 0)
		return 0;
	int status = reply.status;
	http_reply_release(&reply);
	if (status >= 200 && status < 300)
		return 1;
	if (status >= 500 || status == 401 || status == 408 || status == 429)
		return 0;
	log_warning("the server refuses evidence of job %s: HTTP %d", job->id, status);
	return -1;
}

bool evidence_send(struct attempt *attempt, json_t *ended, bool final)
{
	const struct grant *grant = attempt->grant;
	_cleanup_free_ char *path = xasprintf("/runner/v1/jobs/%s/evidence", grant->job_id);
	json_t *root =
		json_pack("{s:I s:s s:i s:O? s:o s:o s:b}", "epoch", (json_int_t)grant->epoch,
			  "operation", operation_to_string(grant->operation), "attempt",
			  grant->attempt, "ended", ended, "journal", journal(attempt),
			  "erroredState", errored_state(attempt), "final", final);
	_cleanup_free_ char *body = json_dumps(root, JSON_COMPACT);
	json_decref(root);

	for (unsigned wait = FIRST_PAUSE_MS;; wait = MIN(wait * 2, (unsigned)LONGEST_PAUSE_MS)) {
		if (post(attempt->job, path, body) != 0)
			return true;
		if (attempt_pause(wait, attempt))
			return false;
	}
}
