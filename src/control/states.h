/*
 * The built-in state backend: versions sealed with the master key, all kept; writes fenced by the
 * epoch of the launch whose credential asks; locks derived from leases.
 */
#pragma once

#include <jansson.h>

#include "base/strbuf.h"
#include "control/work.h"

#define STATE_MAX_BYTES	     ((size_t)64 << 20)
#define STATE_LOCK_MAX_BYTES ((size_t)64 << 10)
#define STATE_REASON_MAX     2000 /* bytes */

/* Checks basic auth of an engine launch: username "<job>.<epoch>", password its token, for this
 * state. Fills the attempt. A void credential is ERROR_STALE_EPOCH. */
int state_authenticate(struct work *w, const char *state_id, const char *username,
		       const char *password, struct attempt_row *ret, struct error **err);

/* Newest version in the clear; *ret_len 0 and NULL when there is none. Caller wipes and frees. */
int state_read(struct work *w, const char *state_id, const char *version_id /* NULL: newest */,
	       char **ret_bytes, size_t *ret_len, struct error **err);
/* by: the launch; lock_id: as given by ?ID=. content_md5: base64 or NULL. */
int state_write(struct work *w, const char *state_id, const struct attempt_row *by,
		const char *lock_id, const char *content_md5, const void *bytes, size_t len,
		struct error **err);
/* On conflict ERROR_LOCKED and *ret_holder: the holder's info JSON text. */
int state_lock(struct work *w, const char *state_id, const struct attempt_row *by, const void *info,
	       size_t len, char **ret_holder, struct error **err);
int state_unlock(struct work *w, const char *state_id, const struct attempt_row *by,
		 const void *info, size_t len, char **ret_holder, struct error **err);
/* {"held":false} or {held, lockId, stackJobId, runnerId, operation, who, createdAt, holderAlive,
 * safeToBreak, advice} */
int state_lock_render(struct work *w, const char *state_id, json_t **ret, struct error **err);
/* A copy of an older version with a higher serial; refused while a job of the resource is running
 * or holds a plan, and while a lost engine may write. */
int state_rollback(struct work *w, const char *state_id, const char *version_id, const char *reason,
		   struct state_version_row *ret, struct error **err);
/* How many resources the newest version holds; 0 when there is none. */
int state_resource_count(struct work *w, const char *state_id, int64_t *ret, struct error **err);
json_t *state_version_render(const struct state_version_row *v, bool current);

/*
 * From a state file's text. Pure, and without building all of it: only spans of interest are looked
 * at, so that numbers which fit no type of ours do no harm. No message shows anything of the file.
 */
int state_parse(const char *bytes, size_t len, int64_t *ret_serial, char **ret_lineage,
		int64_t *ret_resources, struct error **err);
/* Appends the file with another serial, every other byte as it was. */
int state_with_serial(const char *bytes, size_t len, int64_t serial, struct strbuf *out,
		      struct error **err);

#define STATE_OUTPUT_MAX_BYTES	((size_t)256 << 10)
#define STATE_OUTPUTS_MAX_BYTES ((size_t)1 << 20)
#define STATE_OUTPUTS_MAX	1000
#define STATE_OUTPUT_NAME_MAX	255
/* {"name": {"value","type","sensitive"}}. What is over a limit has "omitted", which says why,
 * instead of its value; outputs past STATE_OUTPUTS_MAX are left out. */
int state_outputs(const char *bytes, size_t len, json_t **ret, struct error **err);
/* {address: true} of every instance, as engines print addresses ("a.b[0]", "module.m.a.b[\"k\"]").
 */
int state_addresses(const char *bytes, size_t len, json_t **ret, struct error **err);
