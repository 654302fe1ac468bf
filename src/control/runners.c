/* Runners: who they are, what they keep with us, and what becomes of their jobs when they are lost.
 */
#include "control/runners.h"

#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "base/ulid.h"
#include "control/control.h"
#include "control/jobs_state.h"
#include "control/keys.h"
#include "control/leases.h"
#include "control/runners_lost.h"
#include "model/ident.h"
#include "model/json.h"

#define CAPACITY_MAX	   1000
#define ARTIFACT_MAX_BYTES ((size_t)256 << 20)
#define DEPENDENTS_SHOWN   10

/* ---- The work root: a plan may hold paths of the workspace that it was made in ---- */

struct dependents {
	char **shown;
	size_t count;
};

static void dependents_release(struct dependents *d)
{
	strv_free(d->shown);
}

static int add_dependent(struct work *w, const struct job_row *row, void *ctx, struct error **err)
{
	(void)w;
	(void)err;
	struct dependents *d = ctx;
	_cleanup_json_ json_t *pause = json_of_text(row->pause);
	if (!row->runner_id && !json_get_str(pause, "planDigest"))
		return 0;
	if (d->count++ < DEPENDENTS_SHOWN)
		strv_addf(&d->shown, "%s (%s)", row->id,
			  row->runner_id ? "in a runner's hands" : "its plan was shown");
	return 0;
}

static int list_dependents(struct work *w, struct dependents *ret, struct error **err)
{
	static const enum status begun[] = {STATUS_RUNNING, STATUS_AWAITING_APPROVAL};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(begun) && r >= 0; i++) {
		const struct job_filter filter = {.status = begun[i],
						  .result = _RESULT_INVALID,
						  .operation = _JOB_OPERATION_INVALID,
						  .oldest_first = true};
		r = job_foreach(w, &filter, add_dependent, ret, err);
	}
	return r;
}

static bool works_under(const struct runner_row *runner, const char *work_root)
{
	_cleanup_json_ json_t *info = json_of_text(runner->info);
	return streq_null(json_get_str(info, "workRoot"), work_root);
}

/* The name of another runner that is at work under that root, NULL when there is none. */
static int find_other_there(struct work *w, const char *public_key, const char *work_root,
			    char **ret_name, struct error **err)
{
	struct runner_row *rows = NULL;
	int n = runner_list(w->tx, &rows, err);
	for (int i = 0; i < n; i++) {
		if (!*ret_name && !streq(rows[i].public_key, public_key) && !rows[i].abandoned &&
		    works_under(&rows[i], work_root) &&
		    lease_is_live(w->control->leases, rows[i].id))
			*ret_name = xstrdup(rows[i].name);
		runner_row_release(&rows[i]);
	}
	free(rows);
	return MIN(n, 0);
}

static int refuse_root(const char *known, const char *given, const char *why, struct error **err)
{
	return error_set_field(err, ERROR_CONFLICT, "workRoot",
			       "workspaces of this server are under %s; this runner has %s%s",
			       known, given, why);
}

static int move_work_root(struct work *w, const char *public_key, const char *known,
			  const char *given, struct error **err)
{
	_cleanup_free_ char *other = NULL;
	_cleanup_(dependents_release) struct dependents dependents = {0};
	int r = find_other_there(w, public_key, known, &other, err);
	if (r >= 0 && !other)
		r = list_dependents(w, &dependents, err);
	if (r < 0)
		return r;
	if (other) {
		_cleanup_free_ char *why = xasprintf(", and runner %s works there", other);
		r = refuse_root(known, given, why, err);
		error_hint(err, "start it with --work-root %s, or stop the other runner first",
			   known);
	} else if (dependents.count > 0) {
		_cleanup_free_ char *jobs = strv_join(dependents.shown, ", ");
		_cleanup_free_ char *why = xasprintf(
			", and %zu stack jobs depend on the former: %s%s", dependents.count, jobs,
			dependents.count > DEPENDENTS_SHOWN ? ", ..." : "");
		r = refuse_root(known, given, why, err);
		error_hint(err,
			   "start it with --work-root %s, or cancel the jobs whose plan was shown "
			   "and run them again; those in a runner's hands end with its lease",
			   known);
	} else {
		log_fields(LOG_LEVEL_INFO, "workspaces are under another path from now on",
			   "before", known, "now", given, NULL);
		r = meta_set(w->tx, "work_root", given, err);
	}
	return r;
}

static int check_work_root(struct work *w, const char *public_key, const char *work_root,
			   struct error **err)
{
	_cleanup_free_ char *known = NULL;
	int r = meta_get(w->tx, "work_root", &known, err);
	if (r < 0)
		return r;
	if (!known)
		return meta_set(w->tx, "work_root", work_root, err);
	return streq(known, work_root) ? 0 : move_work_root(w, public_key, known, work_root, err);
}

int runner_check_work_root(struct work *w, const struct runner_row *runner, struct error **err)
{
	_cleanup_free_ char *known = NULL;
	int r = meta_get(w->tx, "work_root", &known, err);
	if (r < 0 || !known || works_under(runner, known))
		return r;
	_cleanup_json_ json_t *info = json_of_text(runner->info);
	r = refuse_root(known, json_get_str(info, "workRoot"), "", err);
	error_hint(err, "start it again with --work-root %s", known);
	return r;
}

static int check_registration(const json_t *body, struct error **err)
{
	static const char *const needed[] = {"name", "publicKey", "version", "workRoot"};
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (isempty(json_get_str(body, needed[i])))
			return error_set_field(err, ERROR_INVALID_ARGUMENT, needed[i],
					       "%s is missing", needed[i]);
	const char *key = json_get_str(body, "publicKey");
	_cleanup_free_ uint8_t *raw = NULL;
	size_t size;
	if (base64_decode(key, strlen(key), &raw, &size) < 0 || size != BOX_KEY_SIZE)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "publicKey",
				       "publicKey is no base64 of %d bytes", BOX_KEY_SIZE);
	int64_t capacity = json_get_int(body, "capacity", 0);
	if (capacity < 1 || capacity > CAPACITY_MAX)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "capacity",
				       "capacity is 1 to %d", CAPACITY_MAX);
	return 0;
}

static json_t *info_of(const json_t *body)
{
	json_t *given = json_object_get(body, "info");
	json_t *info = json_is_object(given) ? json_deep_copy(given) : json_new_object();
	json_set_string(info, "bootId", json_get_str(body, "bootId"));
	json_set_string(info, "workRoot", json_get_str(body, "workRoot"));
	return info;
}

static int put_runner(struct work *w, const json_t *body, struct runner_row *row,
		      struct error **err)
{
	_cleanup_error_ struct error *lookup = NULL;
	int r = runner_get_by_public_key(w->tx, json_get_str(body, "publicKey"), row, &lookup);
	if (r < 0 && lookup->code != ERROR_NOT_FOUND)
		return error_move(err, &lookup);
	if (r < 0) {
		row->id = id_new(ID_PREFIX_RUNNER);
		row->public_key = xstrdup(json_get_str(body, "publicKey"));
		row->created_ms = w->now_ms;
	}
	_cleanup_json_ json_t *info = info_of(body);
	const json_t *labels = json_object_get(body, "labels");
	replace_string(&row->name, json_get_str(body, "name"));
	replace_string(&row->version, json_get_str(body, "version"));
	free(row->labels);
	row->labels =
		json_is_object(labels) ? json_to_text(labels, JSON_WRITE_COMPACT) : xstrdup("{}");
	free(row->info);
	row->info = json_to_text(info, JSON_WRITE_COMPACT);
	row->capacity = (int)json_get_int(body, "capacity", 1);
	row->last_seen_ms = w->now_ms;
	row->abandoned = false;
	return runner_put(w->tx, row, err);
}

int runner_register(struct work *w, const json_t *body, json_t **ret_answer, struct error **err)
{
	_cleanup_(runner_row_release) struct runner_row row = {0};
	int r = check_registration(body, err);
	if (r >= 0)
		r = check_work_root(w, json_get_str(body, "publicKey"),
				    json_get_str(body, "workRoot"), err);
	if (r >= 0)
		r = put_runner(w, body, &row, err);
	if (r < 0)
		return r;
	lease_touch(w->control->leases, row.id);
	json_t *document = json_new_object();
	json_set_string(document, "runnerId", row.id);
	json_set_int(document, "leaseSeconds", w->control->lease_seconds);
	if (!streq_null(w->actor.runner_id, row.id)) {
		char *token = NULL;
		_cleanup_free_ char *name = xasprintf("runner:%s", row.id);
		r = key_create(w, name, "runner", row.id, &token, err);
		if (r < 0) {
			json_decref(document);
			return r;
		}
		json_set_string(document, "key", token);
		secure_wipe(token, strlen(token));
		free(token);
	}
	*ret_answer = document;
	return 0;
}

void runner_poll_began(struct control *c, const char *runner_id)
{
	lease_poll_began(c->leases, runner_id);
}

void runner_poll_ended(struct control *c, const char *runner_id)
{
	lease_poll_ended(c->leases, runner_id);
}

void runner_request_exit(struct control *c, const char *runner_id)
{
	lease_request_exit(c->leases, runner_id);
	if (c->wake) {
		_cleanup_free_ char *topic = xasprintf("runner:%s", runner_id);
		c->wake(topic, c->wake_ctx);
	}
}

char *runner_engine_problem(const struct runner_row *row)
{
	_cleanup_json_ json_t *info = json_of_text(row->info);
	return xstrdup_null(json_get_str(info, "engineProblem"));
}

json_t *runner_render(struct work *w, const struct runner_row *row)
{
	char created[RFC3339_SIZE], seen[RFC3339_SIZE];
	rfc3339_format((uint64_t)row->created_ms, created);
	rfc3339_format((uint64_t)row->last_seen_ms, seen);
	bool live = lease_is_live(w->control->leases, row->id);
	const struct job_filter held = runner_jobs_filter(row->id);
	int64_t jobs = job_count(w->tx, &held, NULL);
	_cleanup_free_ char *problem = runner_engine_problem(row);
	json_t *document = json_new_object();
	json_set_string(document, "id", row->id);
	json_set_string(document, "name", row->name);
	json_set_string(document, "version", row->version);
	json_set_string(document, "state",
			row->abandoned ? "abandoned"
			: live	       ? "online"
				       : "offline");
	json_set_string_or_null(document, "problem", problem);
	json_set_int(document, "capacity", row->capacity);
	json_set_int(document, "jobs", MAX(jobs, 0));
	json_set_value(document, "labels", json_of_text(row->labels));
	json_set_value(document, "info", json_of_text(row->info));
	json_set_string(document, "createdAt", created);
	json_set_string(document, "lastSeenAt", seen);
	return document;
}

/* ---- Artifacts: sealed by the runner, opaque here ---- */

static int check_holder(struct work *w, const char *job_id, int64_t epoch, struct error **err)
{
	_cleanup_(job_row_release) struct job_row job = {0};
	int r = job_get(w->tx, job_id, &job, err);
	if (r < 0)
		return r;
	if (!streq_null(job.runner_id, w->actor.runner_id) || job.epoch != epoch ||
	    job.status != STATUS_RUNNING)
		return error_set(err, ERROR_STALE_EPOCH, "epoch %lld of stack job %s is over",
				 (long long)epoch, job_id);
	return 0;
}

static int check_artifact_name(const char *name, struct error **err)
{
	if (streq(name, "pack"))
		return 0;
	return error_set(err, ERROR_NOT_FOUND, "there is no artifact %s; a job has: pack", name);
}

int runner_artifact_put(struct work *w, const char *job_id, const char *name, int64_t epoch,
			const char *digest, const void *bytes, size_t len, struct error **err)
{
	int r = check_artifact_name(name, err);
	if (r >= 0)
		r = check_holder(w, job_id, epoch, err);
	if (r < 0)
		return r;
	if (len > ARTIFACT_MAX_BYTES)
		return error_set(err, ERROR_TOO_LARGE,
				 "the artifact of %zu bytes is over its limit of %zu", len,
				 ARTIFACT_MAX_BYTES);
	return artifact_put(w->tx, job_id, name, digest, bytes, len, w->now_ms, err);
}

int runner_artifact_get(struct work *w, const char *job_id, const char *name, int64_t epoch,
			char **ret_digest, void **ret_bytes, size_t *ret_len, struct error **err)
{
	int r = check_artifact_name(name, err);
	if (r >= 0)
		r = check_holder(w, job_id, epoch, err);
	return r < 0 ? r : artifact_get(w->tx, job_id, name, ret_digest, ret_bytes, ret_len, err);
}
