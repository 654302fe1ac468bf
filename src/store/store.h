/*
 * What the platform remembers, in domain verbs. SQLite is behind it now, PostgreSQL later: verbs
 * are written once, in SQL that both speak ($1 placeholders), over a small driver (db.h) that each
 * database implements.
 *
 * Every verb works inside a transaction. A write transaction is exclusive with other writers on
 * SQLite; nothing is visible to anybody before store_commit() returned 0 and everything is durable
 * (synchronous=FULL) then. All calls block: only worker threads make them, never an event loop. A
 * struct store may be shared by threads; a struct store_tx belongs to one thread.
 *
 * Rows own their strings; x_release() frees them; a zeroed row may be released. NULL means absent.
 * Times are milliseconds since the epoch, UTC; 0 means "not yet". Documents are JSON text in UTF-8.
 * Functions return 0 (or a count) or a negative error with *err set: ERROR_NOT_FOUND (also what a
 * row refers to), ERROR_ALREADY_EXISTS (uniqueness), ERROR_CONFLICT (a compare-and-set failed),
 * ERROR_UNAVAILABLE (another process kept the database locked), ERROR_INTERNAL (the database said
 * no).
 *
 * When a write is refused by the database (anything but a row that was sought and not found, or a
 * failed compare-and-set) its transaction can only be rolled back: store_commit() then stores
 * nothing and says so. Lists: *ret_rows is NULL when there are none; the caller releases each row
 * and frees the array.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/enums.h"

struct store;
struct store_tx;

enum store_access { STORE_READ, STORE_WRITE };

/* path: the SQLite file; created, and migrated to the newest schema, as needed. A schema newer than
 * this binary is refused with an error that says so. */
int store_open(const char *path, struct store **ret, struct error **err);
void store_close(struct store *s);
/* Consistent copy into a new file while in use (SQLite's backup API); appears whole or not at all.
 * ERROR_ALREADY_EXISTS when there is a file of that name. */
int store_backup(struct store *s, const char *to_path, struct error **err);

/* STORE_READ sees what was committed before its first read, until it ends. At most 4 of them and
 * one STORE_WRITE are open at a time, and others wait: a thread holds one transaction, never two.
 */
int store_begin(struct store *s, enum store_access access, struct store_tx **ret,
		struct error **err);
/* Both end the transaction and free tx, whatever they return. */
int store_commit(struct store_tx *tx, struct error **err);
void store_rollback(struct store_tx *tx);
void store_rollbackp(struct store_tx **tx); /* for _cleanup_; NULL is fine */

/* What follows can be undone by itself, so that its failure is not the transaction's. One at a
 * time; ended by exactly one of the other two. */
int store_try(struct store_tx *tx, struct error **err);
int store_try_keep(struct store_tx *tx, struct error **err);
int store_try_undo(struct store_tx *tx, struct error **err);

/* Small named values: "cluster_id", "work_root", ... */
int meta_get(struct store_tx *tx, const char *key, char **ret_value /* NULL if absent */,
	     struct error **err);
int meta_set(struct store_tx *tx, const char *key, const char *value, struct error **err);

/* ---- API resources and their versions
 * ------------------------------------------------------------------- */

struct resource_row {
	char *id;
	enum resource_type type;
	char *org;  /* organization slug; NULL for an organization itself */
	char *env;  /* environment slug, or NULL */
	char *kind; /* the cloud resource kind, else NULL */
	char *slug;
	char *name;
	char *version_id;
	char *manifest; /* metadata + spec as the user wrote it (camelCase; sensitive values sealed)
			 */
	char *status;	/* {"outputs":…, "lastJob":…, "held":…,
			   "pinned":{"provider","provisioner","backend"}}; "{}" at first */
	char *created_by, *updated_by;
	int64_t created_ms, updated_ms;
};
void resource_row_release(struct resource_row *r);

struct resource_filter {
	enum resource_type type;
	const char *org, *env, *kind, *slug; /* NULL: any */
};

int resource_insert(struct store_tx *tx, const struct resource_row *r, struct error **err);
/* Replaces manifest, name, version_id, updated_* and nothing else; ERROR_CONFLICT unless the stored
 * version_id is expected_version. */
int resource_update(struct store_tx *tx, const struct resource_row *r, const char *expected_version,
		    struct error **err);
int resource_set_status(struct store_tx *tx, const char *id, const char *status,
			struct error **err);
int resource_get(struct store_tx *tx, const char *id, struct resource_row *ret, struct error **err);
/* Its versions, jobs and states stay, for audit. */
int resource_delete(struct store_tx *tx, const char *id, struct error **err);
/* In order of id, those after cursor (an id, or NULL), at most limit. Returns the count. */
int resource_list(struct store_tx *tx, const struct resource_filter *f, const char *cursor,
		  size_t limit, struct resource_row **ret_rows, struct error **err);
/* The kinds that cloud resources are of, each once, as a vector (base/strv.h). */
int resource_kinds(struct store_tx *tx, char ***ret, struct error **err);

struct version_row {
	char *id, *resource_id, *previous_id;
	char *event; /* created | updated | deleted */
	char *actor, *message, *manifest, *diff, *stack_job_id;
	int64_t created_ms;
};
void version_row_release(struct version_row *v);
int version_append(struct store_tx *tx, const struct version_row *v, struct error **err);
int version_get(struct store_tx *tx, const char *id, struct version_row *ret, struct error **err);
/* Newest first; cursor: a version id. */
int version_list(struct store_tx *tx, const char *resource_id, const char *cursor, size_t limit,
		 struct version_row **ret_rows, struct error **err);

/* ---- Stack jobs
 * ------------------------------------------------------------------------------------------ */

struct job_row {
	char *id;
	char *resource_id; /* the cloud resource; for a preview of an unsaved manifest the one it
			      would be, or NULL */
	char *state_id; /* whose state the engine reads: resource_id, or the job's own id when there
			   is no resource */
	char *org, *env, *kind, *slug;
	enum job_operation operation;
	enum status status;
	enum result result;
	int64_t number;	 /* order of creation, from 1, unique; set by job_insert */
	int64_t epoch;	 /* of the present lease; 0 before the first. Only grows */
	char *runner_id; /* who holds the lease, or NULL */
	char *actor, *message;
	char *manifest, *version_id;
	char *options;	  /* {"targets":[…],"replaces":[…],"purge":bool,"refreshOnly":…} */
	char *essentials; /* as resolved; NULL before it left the queue; no secret values */
	char *preflight;  /* the report; NULL before */
	char *rerun_of;
	char *pause; /* while awaiting approval:
			{"at":"before_start"|"before_change","planDigest",…}; kept afterwards with
			the approval */
	char *error_code, *error_message;
	char *summary; /* {"create":n,"update":n,"delete":n,"replace":n,"unchanged":n,…} or NULL */
	/* A request for its cancel, also one that comes too late: cancel_requested is in time. */
	char *cancel_actor, *cancel_reason;
	int64_t cancel_ms;
	bool cancel_requested, force_requested;
	int64_t last_seq; /* of its newest event */
	int64_t created_ms, started_ms, ended_ms;
};
void job_row_release(struct job_row *j);

/* Sets j->number. */
int job_insert(struct store_tx *tx, struct job_row *j, struct error **err);
int job_get(struct store_tx *tx, const char *id, struct job_row *ret, struct error **err);
/* Writes status, result, epoch, runner_id, essentials, preflight, pause, error_*, summary,
 * cancel_*, force_requested, started_ms and ended_ms: the rest is the snapshot that the job was
 * made with, and last_seq moves with events only. ERROR_CONFLICT unless the stored (status, epoch)
 * are the expected ones. */
int job_update(struct store_tx *tx, const struct job_row *j, enum status expected_status,
	       int64_t expected_epoch, struct error **err);

struct job_filter {
	const char *resource_id, *org, *env, *kind, *runner_id;
	enum status status;	      /* _STATUS_INVALID: any */
	enum result result;	      /* _RESULT_INVALID: any */
	enum job_operation operation; /* _JOB_OPERATION_INVALID: any */
	bool unfinished;	      /* only those not completed */
	bool changes;		      /* only updates and destroys */
	bool oldest_first;	      /* default: newest first */
};
/* cursor: a job number in decimal, exclusive, or NULL. */
int job_list(struct store_tx *tx, const struct job_filter *f, const char *cursor, size_t limit,
	     struct job_row **ret_rows, struct error **err);
int64_t job_count(struct store_tx *tx, const struct job_filter *f, struct error **err);
/* The oldest unfinished jobs of the same state that were created before job number `number`, oldest
 * first, at most JOBS_AHEAD_MAX. */
#define JOBS_AHEAD_MAX 256
int job_list_ahead(struct store_tx *tx, const char *state_id, int64_t number,
		   struct job_row **ret_rows, struct error **err);
/* Queued jobs of which no earlier unfinished job of the same state is queued or running, oldest
 * first, at most limit: the candidates of a claim (the rules of lifecycle decide about those behind
 * a paused one or a held resource). Must stay fast with 10,000 queued jobs. */
int job_list_candidates(struct store_tx *tx, int64_t after_number, size_t limit,
			struct job_row **ret_rows, struct error **err);
/* Raises the epoch of every unfinished job, as a restore must. */
int job_raise_epochs(struct store_tx *tx, int64_t by, struct error **err);

struct operation_row {
	char *job_id;
	enum operation operation;
	enum status status;
	enum result result;
	char *errors;  /* JSON array of {"summary","detail",…} or NULL */
	char *summary; /* counts, or NULL */
	int64_t started_ms, ended_ms;
};
void operation_row_release(struct operation_row *o);
int operation_put(struct store_tx *tx, const struct operation_row *o,
		  struct error **err); /* insert or replace */
/* In the order of enum operation. */
int operation_list(struct store_tx *tx, const char *job_id, struct operation_row **ret_rows,
		   struct error **err);

/* One run of one engine command. */
struct attempt_row {
	char *job_id;
	enum operation operation;
	int number;    /* from 1, per operation */
	char *command; /* "init", "plan", "plan_refresh_only", "apply_refresh_only", "apply", …
			  (engine.h) */
	int64_t epoch;
	char *runner_id;
	char *state_token_hash; /* BLAKE2b of the credential, hex; NULL when it got none */
	int64_t offset; /* bytes of the engine's output committed so far (stdout and stderr each
			   have a file: see streams) */
	int64_t offset_stderr;
	char *cursor; /* the runner's parser state at those offsets; opaque JSON */
	char *facts;  /* engine version, providers, exit record …; JSON */
	enum result result;
	int64_t started_ms, ended_ms;
};
void attempt_row_release(struct attempt_row *a);
int attempt_insert(struct store_tx *tx, const struct attempt_row *a, struct error **err);
int attempt_update(struct store_tx *tx, const struct attempt_row *a, struct error **err);
int attempt_get(struct store_tx *tx, const char *job_id, enum operation op, int number,
		struct attempt_row *ret, struct error **err);
/* The one of that job with the highest epoch. */
int attempt_get_latest(struct store_tx *tx, const char *job_id, struct attempt_row *ret,
		       struct error **err);
int attempt_get_by_token_hash(struct store_tx *tx, const char *hash, struct attempt_row *ret,
			      struct error **err);
/* In order of epoch. */
int attempt_list(struct store_tx *tx, const char *job_id, struct attempt_row **ret_rows,
		 struct error **err);

/* ---- Events: one append-only, gapless stream a job
 * -------------------------------------------------------- */

/* Appends one event that is not EVENT_LOG; sets *ret_seq, and job.last_seq in the same transaction.
 */
int event_append(struct store_tx *tx, const char *job_id, enum event_type type,
		 enum operation op /* or _INVALID */, int64_t time_ms, const char *payload_json,
		 int64_t *ret_seq, struct error **err);
/* Appends n log lines (without their newline; any bytes) as one segment; line i is lengths[i]
 * bytes, one after another in bytes. They get seqs *ret_first .. *ret_first+n-1. cut[i] (may be
 * NULL) marks a line that a limit shortened. A large batch is split into segments of at most 4096
 * lines and 1 MiB (or one longer line). */
int event_append_log(struct store_tx *tx, const char *job_id, enum operation op, int attempt,
		     const char *stream /* stdout|stderr */, int64_t time_ms, const void *bytes,
		     const uint32_t *lengths, const uint8_t *cut, size_t n, int64_t *ret_first,
		     struct error **err);

struct event {
	int64_t seq;
	int64_t time_ms;
	enum event_type type;
	enum operation operation; /* or _OPERATION_INVALID */
	const char *payload;	  /* JSON; NULL for a log */
	const void *line;	  /* log: raw bytes, no newline */
	size_t line_len;
	bool line_cut;
	const char *stream;
	int attempt;
};
/* Calls fn for each event with seq > after, in order, until fn returns non-zero (returned),
 * max_events have been passed, or payloads and lines of max_bytes or more (each 0: no limit; the
 * first event is passed however large it is). Memory stays below one segment and a few events. op:
 * only those of one operation, or _OPERATION_INVALID. type_mask: bit (1 << type), 0 = all. The
 * event lives until fn returns. */
int event_read(struct store_tx *tx, const char *job_id, int64_t after, enum operation op,
	       unsigned type_mask, size_t max_events, size_t max_bytes,
	       int (*fn)(const struct event *e, void *ctx), void *ctx, struct error **err);

/* ---- State of the built-in backend
 * ------------------------------------------------------------------------ */

struct state_version_row {
	char *id; /* ver_… */
	char *state_id;
	int64_t serial;
	char *lineage;
	int64_t size; /* bytes in the clear */
	char *md5;    /* of the clear bytes, hex */
	char *job_id; /* who wrote it; NULL for a rollback or push by a person */
	int64_t epoch;
	char *actor, *message;
	int64_t created_ms;
	int64_t resource_count;
	void *sealed; /* only state_version_get fills it */
	size_t sealed_len;
};
void state_version_row_release(struct state_version_row *s);
int state_version_append(struct store_tx *tx, const struct state_version_row *s,
			 struct error **err);
int state_version_get(struct store_tx *tx, const char *state_id,
		      const char *version_id /* NULL: newest */, struct state_version_row *ret,
		      struct error **err);
/* Newest first, without bodies; cursor: a version id. */
int state_version_list(struct store_tx *tx, const char *state_id, const char *cursor, size_t limit,
		       struct state_version_row **ret_rows, struct error **err);

struct state_lock_row {
	char *state_id, *lock_id, *info /* the engine's JSON */, *job_id;
	int64_t epoch, created_ms;
};
void state_lock_row_release(struct state_lock_row *l);
int state_lock_get(struct store_tx *tx, const char *state_id, struct state_lock_row *ret,
		   struct error **err); /* NOT_FOUND when free */
int state_lock_put(struct store_tx *tx, const struct state_lock_row *l, struct error **err);
/* Nothing happens when it is free. */
int state_lock_delete(struct store_tx *tx, const char *state_id, struct error **err);

/* ---- Evidence of what a lost runner left
 * ------------------------------------------------------------------- */

struct adoption_row {
	char *job_id, *resource_id, *address, *type, *provider;
	bool complete; /* reported complete but in no saved state; false: begun, outcome unknown */
	char *action;  /* create | update | delete | replace */
	char *id_key, *id_value;
	char *advice; /* the import that adopts it, or why none exists and what to do */
	int64_t created_ms, resolved_ms;
};
void adoption_row_release(struct adoption_row *a);
int adoption_put(struct store_tx *tx, const struct adoption_row *a,
		 struct error **err); /* key (job, address) */
int adoption_list(struct store_tx *tx, const char *job_id /* or NULL */,
		  const char *resource_id /* or NULL */, struct adoption_row **ret_rows,
		  struct error **err);

/* Bytes that came with a stale epoch: kept apart, never acted upon by themselves. */
int quarantine_put(struct store_tx *tx, const char *job_id, int64_t epoch, const char *name,
		   const void *sealed, size_t len, int64_t now_ms, struct error **err);

/* ---- Artifacts (sealed by the runner, opaque to us)
 * -------------------------------------------------------- */
int artifact_put(struct store_tx *tx, const char *job_id, const char *name, const char *digest,
		 const void *bytes, size_t len, int64_t now_ms, struct error **err);
int artifact_get(struct store_tx *tx, const char *job_id, const char *name, char **ret_digest,
		 void **ret_bytes, size_t *ret_len, struct error **err);
int artifact_delete_all(struct store_tx *tx, const char *job_id, struct error **err);

/* ---- Runners, keys, idempotency
 * ---------------------------------------------------------------------------- */
struct runner_row {
	char *id, *name, *public_key /* base64, X25519; unique */, *version, *labels /* JSON */,
		*info /* JSON: sandbox, engines, boot id, workRoot */;
	int capacity;
	int64_t created_ms, last_seen_ms;
	bool abandoned;
};
void runner_row_release(struct runner_row *r);
int runner_put(struct store_tx *tx, const struct runner_row *r,
	       struct error **err); /* insert or update by id */
int runner_get(struct store_tx *tx, const char *id, struct runner_row *ret, struct error **err);
int runner_get_by_public_key(struct store_tx *tx, const char *public_key, struct runner_row *ret,
			     struct error **err);
int runner_list(struct store_tx *tx, struct runner_row **ret_rows, struct error **err);

struct api_key_row {
	char *id, *name, *hash /* BLAKE2b hex */, *role /* admin | runner */, *runner_id;
	int64_t created_ms;
};
void api_key_row_release(struct api_key_row *k);
int api_key_insert(struct store_tx *tx, const struct api_key_row *k, struct error **err);
int api_key_get_by_hash(struct store_tx *tx, const char *hash, struct api_key_row *ret,
			struct error **err);

/* The stored answer of a mutating POST, written in the transaction that did the work. */
struct idempotency_row {
	char *key, *principal, *request_hash /* method, path and body */, *response;
	int http_status;
	int64_t created_ms;
};
void idempotency_row_release(struct idempotency_row *i);
int idempotency_get(struct store_tx *tx, const char *principal, const char *key,
		    struct idempotency_row *ret, struct error **err);
int idempotency_put(struct store_tx *tx, const struct idempotency_row *i, struct error **err);
int idempotency_expire(struct store_tx *tx, int64_t before_ms, struct error **err);
