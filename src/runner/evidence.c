/* The journal is read from the output itself: it is all there, whatever was reported. */
#include "runner/evidence.h"

#include <fcntl.h>
#include <string.h>

#include "base/encoding.h"
#include "base/fdutil.h"
#include "base/log.h"
#include "base/strutil.h"

#define STATE_MAX	 ((size_t)64 << 20)
#define FIRST_PAUSE_MS	 25
#define LONGEST_PAUSE_MS 1000

bool evidence_has_errored_state(const struct attempt *attempt)
{
	_cleanup_close_ int fd = workspace_open(&attempt->job->workspace,
						attempt->install->engine->errored_state, O_RDONLY);
	return fd >= 0;
}

static bool is_change(const json_t *payload)
{
	const char *phase = json_string_value(json_object_get(payload, "phase"));
	const char *action = json_string_value(json_object_get(payload, "action"));

	return phase && action && !streq(action, "read") && !streq(action, "refresh") &&
	       (streq(phase, "started") || streq(phase, "done") || streq(phase, "failed"));
}

static bool is_action(const json_t *entry, const char *action)
{
	return streq_null(json_string_value(json_object_get(entry, "action")), action);
}

/* What comes later goes to the end: from the front goes what the state was saved with long ago. */
static void take_entry(json_t *newest, const char *address, json_t *entry)
{
	json_t *earlier = json_incref(json_object_get(newest, address));

	/* What was to be replaced goes last: the new one is what matters. */
	if (earlier && is_action(entry, "delete") && is_action(earlier, "create")) {
		json_decref(entry);
		json_decref(earlier);
		return;
	}
	if (earlier)
		json_object_update_missing(entry, earlier);
	json_object_del(newest, address);
	json_decref(earlier);
	if (json_object_size(newest) >= EVIDENCE_MAX_ADDRESSES)
		json_object_del(newest, json_object_iter_key(json_object_iter(newest)));
	json_object_set_new(newest, address, entry);
}

json_t *evidence_journal(const struct engine *engine, const struct masker *masker, int stdout_fd)
{
	json_t *newest = json_object(), *entries = json_array(), *entry;
	struct engine_line line = ENGINE_LINE_INIT;
	struct tail_line text;
	struct tail tail;
	const char *address;

	tail_init(&tail, stdout_fd, 0, false);
	while (tail_next(&tail, true, &text) == 1) {
		engine_line_reset(&line);
		if (!text.cut)
			engine->parse_line(text.data, text.size, &line);
		if (line.type != EVENT_RESOURCE || !is_change(line.payload))
			continue;
		address = json_string_value(json_object_get(line.payload, "address"));
		if (address)
			take_entry(newest, address, masker_apply_json(masker, line.payload));
	}
	tail_release(&tail);
	engine_line_release(&line);
	json_object_foreach(newest, address, entry) json_array_append(entries, entry);
	json_decref(newest);
	return entries;
}

static json_t *journal(const struct attempt *attempt)
{
	enum operation operation = attempt->grant->operation;

	if (attempt->process.stdout_fd < 0 || !attempt->install ||
	    (operation != OPERATION_APPLY && operation != OPERATION_DESTROY))
		return json_array();
	return evidence_journal(attempt->install->engine, attempt->job->masker,
				attempt->process.stdout_fd);
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
