/* Grants. */
#include "control/grants.h"

#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "control/control.h"
#include "control/manifests.h"
#include "model/json.h"
#include "model/sensitive.h"

#define ARTIFACT_KEY_SIZE 32
#define FORMER_VERSIONS	  50

static char *artifact_key_context(const char *job_id)
{
	return xasprintf("artifact_key:%s", job_id);
}

char *artifact_key_new(struct work *w, const char *job_id)
{
	uint8_t key[ARTIFACT_KEY_SIZE];
	random_bytes(key, sizeof(key));
	char *text = base64_encode(key, sizeof(key));
	_cleanup_free_ char *context = artifact_key_context(job_id);
	char *sealed = control_seal(w->control, context, text, strlen(text));
	secure_wipe(key, sizeof(key));
	secure_wipe(text, strlen(text));
	free(text);
	return sealed;
}

static int add_artifact_key(struct work *w, const struct job_state *s, json_t *secrets,
			    struct error **err)
{
	_cleanup_json_ json_t *options = json_of_text(s->row.options);
	_cleanup_free_ char *context = artifact_key_context(s->row.id);
	const char *sealed = json_get_str(options, "artifactKey");
	char *key = NULL;
	size_t size;
	if (!sealed)
		return error_set(err, ERROR_INTERNAL, "stack job %s has no artifact key",
				 s->row.id);
	int r = control_unseal(w->control, context, sealed, &key, &size, err);
	if (r < 0)
		return r;
	json_set_string(secrets, "artifactKey", key);
	secure_wipe(key, size);
	free(key);
	return 0;
}

/* env and files of the job's connection, and which of their values are secret. */
static int add_credentials(struct work *w, const struct job_state *s, enum operation o,
			   json_t *secrets, struct error **err)
{
	const char *id = json_get_str(s->essentials, "providerCredentials.connectionId");
	json_t *opened = NULL;
	if (o != OPERATION_INIT && id) {
		_cleanup_(resource_row_release) struct resource_row connection = {0};
		int r = resource_get(w->tx, id, &connection, err);
		if (r >= 0)
			r = connection_open(w, &connection, &opened, err);
		if (r < 0)
			return r;
	}
	json_t *env = json_incref(json_object_get(opened, "env")),
	       *files = json_incref(json_object_get(opened, "files")),
	       *mask = json_incref(json_object_get(opened, "mask"));
	json_set_value(secrets, "env", env ? env : json_new_object());
	json_set_value(secrets, "files", files ? files : json_new_array());
	json_set_value(secrets, "mask", mask ? mask : json_new_array());
	json_decref(opened);
	return 0;
}

static json_t *render_job(const struct job_row *j)
{
	char created[RFC3339_SIZE];
	rfc3339_format((uint64_t)j->created_ms, created);
	_cleanup_json_ json_t *stored = json_of_text(j->options);
	json_t *options = json_new_object(), *job = json_new_object();
	json_t *targets = json_incref(json_object_get(stored, "targets")),
	       *replaces = json_incref(json_object_get(stored, "replaces"));
	json_set_value(options, "targets", targets ? targets : json_new_array());
	json_set_value(options, "replaces", replaces ? replaces : json_new_array());
	json_set_string(job, "id", j->id);
	json_set_string(job, "operation", job_operation_to_string(j->operation));
	json_set_int(job, "number", j->number);
	json_set_string_or_null(job, "org", j->org);
	json_set_string_or_null(job, "env", j->env);
	json_set_string_or_null(job, "kind", j->kind);
	json_set_string_or_null(job, "slug", j->slug);
	json_set_string_or_null(job, "resourceId", j->resource_id);
	json_set_string(job, "stateId", j->state_id);
	json_set_string_or_null(job, "actor", j->actor);
	json_set_string_or_null(job, "message", j->message);
	json_set_string(job, "createdAt", created);
	json_set_value(job, "options", options);
	return job;
}

static json_t *render_module(struct work *w, const struct job_state *s)
{
	json_t *module = json_new_object();
	json_set_string_or_null(module, "digest", json_get_str(s->essentials, "iacModule.digest"));
	json_set_string_or_null(module, "provisioner",
				json_get_str(s->essentials, "iacModule.provisioner"));
	const struct cloud_resource_kind *known;
	if (catalog_kind_find(w->control->catalog, s->row.kind, &known, NULL) >= 0) {
		json_t *kind = json_new_object(), *sensitive = json_new_array();
		for (char **pointer = known->sensitive; pointer && *pointer; pointer++)
			json_append_value(sensitive, json_new_string(*pointer));
		json_set_string(kind, "name", known->name);
		json_set_value(kind, "schema", json_incref((json_t *)schema_json(known->schema)));
		json_set_value(kind, "sensitive", sensitive);
		json_set_value(module, "kind", kind);
	}
	return module;
}

/* What the job's last attempt that ended told of itself. */
static json_t *previous_facts(const struct job_state *s)
{
	for (size_t i = s->n_attempts; i-- > 0;) {
		const struct attempt_row *a = &s->attempts[i];
		if (!a->ended_ms)
			continue;
		_cleanup_json_ json_t *stored = attempt_facts(a);
		json_t *facts = json_is_object(json_object_get(stored, "facts"))
					? json_deep_copy(json_object_get(stored, "facts"))
					: json_new_object();
		json_set_string(facts, "operation", operation_to_string(a->operation));
		json_set_int(facts, "attempt", a->number);
		json_set_string(facts, "result", json_get_str(stored, "outcome"));
		return facts;
	}
	return NULL;
}

static json_t *render_plan(const struct job_state *s, enum operation o)
{
	if (!operation_is_change(o) && !s->view.approved_change)
		return json_null();
	_cleanup_free_ char *digest = job_state_plan_digest(s);
	if (!digest)
		return json_null();
	json_t *plan = json_new_object();
	json_set_string(plan, "digest", digest);
	json_set_string_or_null(plan, "artifact", s->view.approved_change ? "pack" : NULL);
	return plan;
}

static json_t *render_operations(const struct sequence *sequence)
{
	json_t *operations = json_new_array();
	for (size_t i = 0; i < sequence->n_run; i++)
		json_append_value(operations,
				  json_new_string(operation_to_string(sequence->run[i])));
	return operations;
}

/* The secrets of a launch, sealed to the runner; base64. */
static int seal_for_runner(struct work *w, const char *runner_id, const json_t *secrets, char **ret,
			   struct error **err)
{
	_cleanup_(runner_row_release) struct runner_row runner = {0};
	int r = runner_get(w->tx, runner_id, &runner, err);
	if (r < 0)
		return r;
	_cleanup_free_ uint8_t *key = NULL;
	size_t size;
	if (base64_decode(runner.public_key, strlen(runner.public_key), &key, &size) < 0 ||
	    size != BOX_KEY_SIZE)
		return error_set(err, ERROR_INTERNAL, "runner %s has no usable public key",
				 runner_id);
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	_cleanup_strbuf_ struct strbuf box = STRBUF_INIT;
	json_write(&text, secrets, JSON_WRITE_COMPACT);
	r = box_seal(key, text.data, text.size, &box);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot seal for runner %s",
				       runner_id);
	*ret = base64_encode(box.data, box.size);
	return 0;
}

struct former {
	struct work *work;
	const char *resource_id;
	json_t *mask;
	struct error *error;
};

static json_t *note_former(const char *pointer, const json_t *value, void *ctx)
{
	struct former *f = ctx;
	const char *sealed = sealed_marker_text(value);
	json_t *opened;
	(void)pointer;
	if (sealed && !f->error &&
	    manifest_open_value(f->work->control, f->resource_id, sealed, &opened, &f->error) >= 0)
		json_append_value(f->mask, opened);
	return NULL;
}

/* A secret that was changed still stands in the state, and so in the plan that replaces it: the
 * values of earlier versions are masked, too. */
static int mask_former_values(struct work *w, const struct job_row *job, json_t *secrets,
			      struct error **err)
{
	if (!job->resource_id)
		return 0;
	struct version_row *versions = NULL;
	int n = version_list(w->tx, job->resource_id, NULL, FORMER_VERSIONS, &versions, err);
	struct former f = {.work = w,
			   .resource_id = job->resource_id,
			   .mask = json_object_get(secrets, "mask")};
	for (int i = 0; i < n; i++) {
		_cleanup_json_ json_t *manifest = json_of_text(versions[i].manifest);
		json_decref(json_copy_with(manifest, note_former, &f));
		version_row_release(&versions[i]);
	}
	free(versions);
	return f.error ? error_move(err, &f.error) : MIN(n, 0);
}

/* What may be missing for this launch: manifest and secrets. */
static int collect(struct work *w, const struct job_state *s, enum operation o,
		   json_t **ret_manifest, json_t *secrets, struct error **err)
{
	json_t *values = NULL;
	int r = resource_manifest_for_engine(w, &s->row, ret_manifest, &values, err);
	if (r < 0)
		return r;
	json_set_value(secrets, "values", values);
	r = add_credentials(w, s, o, secrets, err);
	if (r >= 0)
		r = mask_former_values(w, &s->row, secrets, err);
	return r < 0 ? r : add_artifact_key(w, s, secrets, err);
}

static int refuse(struct work *w, struct job_state *s, enum operation o, const char *code,
		  const char *message, struct error **err)
{
	struct job_effects f;
	const struct job_step step = {.event = {.type = JOB_EVENT_LAUNCH_REFUSED,
						.operation = o,
						.error_code = code,
						.error_message = message}};
	int r = job_state_step(w, s, &step, &f, err);
	return MIN(r, 0);
}

/* 1: a row for the launch; the newest one if its engine never started. */
static int put_attempt(struct work *w, struct job_state *s, enum operation o,
		       const char *token_hash, struct error **err)
{
	struct attempt_row *latest = job_state_latest_attempt(s);
	if (latest && !latest->started_ms && !latest->ended_ms && latest->operation == o) {
		latest->epoch = s->row.epoch;
		replace_string(&latest->runner_id, s->row.runner_id);
		replace_string(&latest->state_token_hash, token_hash);
		return attempt_update(w->tx, latest, err);
	}
	int number = job_state_attempt_number(s, o, INT64_MAX);
	s->attempts = xreallocarray(s->attempts, s->n_attempts + 1, sizeof(*s->attempts));
	struct attempt_row *a = &s->attempts[s->n_attempts++];
	*a = (struct attempt_row){
		.job_id = xstrdup(s->row.id),
		.operation = o,
		.number = number,
		.epoch = s->row.epoch,
		.runner_id = xstrdup(s->row.runner_id),
		.state_token_hash = xstrdup(token_hash),
		.result = RESULT_TBD,
	};
	return attempt_insert(w->tx, a, err);
}

static json_t *render(struct work *w, const struct job_state *s, const struct attempt_row *a,
		      json_t *manifest, const char *sealed)
{
	json_t *grant = json_new_object(), *attempt = json_new_object(), *state = json_new_object(),
	       *progress = json_new_object();
	json_t *previous = previous_facts(s);
	_cleanup_free_ char *address = xasprintf("/state/v1/%s", s->row.state_id);
	_cleanup_free_ char *username = xasprintf("%s.%lld", s->row.id, (long long)a->epoch);
	json_set_string(attempt, "operation", operation_to_string(a->operation));
	json_set_int(attempt, "number", a->number);
	json_set_value(attempt, "previous", previous ? previous : json_null());
	json_set_string(state, "address", address);
	json_set_string(state, "username", username);
	json_set_int(progress, "offset", a->offset);
	json_set_int(progress, "offsetStderr", a->offset_stderr);
	json_set_value(progress, "cursor", a->cursor ? json_of_text(a->cursor) : json_null());
	json_set_value(grant, "job", render_job(&s->row));
	json_set_value(grant, "operations", render_operations(&s->sequence));
	json_set_bool(grant, "pauseBeforeChange",
		      s->view.pause_before_change && !s->view.approved_change);
	json_set_int(grant, "epoch", a->epoch);
	json_set_value(grant, "attempt", attempt);
	json_set_value(grant, "module", render_module(w, s));
	json_set_value(grant, "manifest", manifest);
	json_set_value(grant, "state", state);
	json_set_string(grant, "sealed", sealed);
	json_set_value(grant, "progress", progress);
	json_set_value(grant, "plan", render_plan(s, a->operation));
	json_set_bool(grant, "interrupt", s->row.force_requested);
	json_set_int(grant, "timeoutSeconds", w->control->operation_timeout_seconds);
	json_set_int(grant, "jobDeadlineMs", 0);
	return grant;
}

static const char *refusal_code(const struct error *why)
{
	return why->code == ERROR_UNPROCESSABLE ? "unresolved_reference"
						: "credentials_unavailable";
}

int grant_issue(struct work *w, struct job_state *s, enum operation o, json_t **ret_grant,
		struct error **err)
{
	if (operation_is_change(o) && s->view.approved_change) {
		bool moved;
		int r = job_state_has_moved(w, s, &moved, err);
		if (r < 0)
			return r;
		if (moved)
			return refuse(w, s, o, "plan_stale",
				      "the state has changed since the plan was approved, so the "
				      "plan was not applied; run `planton "
				      "stack-job rerun`",
				      err);
	}
	_cleanup_json_ json_t *secrets = json_new_object();
	json_t *manifest = NULL;
	_cleanup_error_ struct error *why = NULL;
	int r = collect(w, s, o, &manifest, secrets, &why);
	if (r < 0) {
		json_decref(manifest);
		return refuse(w, s, o, refusal_code(why), why->message, err);
	}

	char token[TOKEN_SIZE], hash[DIGEST_HEX_SIZE];
	token_new(token);
	digest_hex(DIGEST_BLAKE2B, token, strlen(token), hash);
	json_set_string(secrets, "statePassword", token);
	secure_wipe(token, sizeof(token));
	_cleanup_free_ char *sealed = NULL;
	s->row.epoch++;
	r = seal_for_runner(w, s->row.runner_id, secrets, &sealed, err);
	if (r >= 0)
		r = put_attempt(w, s, o, hash, err);
	if (r >= 0)
		r = job_state_store(w, s, err);
	if (r < 0) {
		json_decref(manifest);
		return r;
	}
	*ret_grant = render(w, s, job_state_latest_attempt(s), manifest, sealed);
	return 1;
}
