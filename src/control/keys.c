/* API keys and the memory of answered requests. */
#include "control/keys.h"

#include <string.h>

#include "base/digest.h"
#include "base/strutil.h"
#include "base/ulid.h"
#include "model/ident.h"

int key_create(struct work *w, const char *name, const char *role, const char *runner_id,
	       char **ret_token, struct error **err)
{
	char token[TOKEN_SIZE], hash[DIGEST_HEX_SIZE];
	token_new(token);
	digest_hex(DIGEST_BLAKE2B, token, strlen(token), hash);
	_cleanup_free_ char *id = id_new(ID_PREFIX_API_KEY);
	struct api_key_row row = {
		.id = id,
		.name = (char *)name,
		.hash = hash,
		.role = (char *)role,
		.runner_id = (char *)runner_id,
		.created_ms = w->now_ms,
	};
	int r = api_key_insert(w->tx, &row, err);
	if (r >= 0)
		*ret_token = xstrdup(token);
	secure_wipe(token, sizeof(token));
	return r;
}

int key_authenticate(struct work *w, const char *token, struct api_key_row *ret_row,
		     struct actor *ret, struct error **err)
{
	char hash[DIGEST_HEX_SIZE];
	digest_hex(DIGEST_BLAKE2B, token, strlen(token), hash);
	_cleanup_error_ struct error *lookup = NULL;
	int r = api_key_get_by_hash(w->tx, hash, ret_row, &lookup);
	if (r < 0) {
		if (lookup->code != ERROR_NOT_FOUND)
			return error_move(err, &lookup);
		r = error_set(err, ERROR_UNAUTHENTICATED, "this API key is not known here");
		error_hint(err, "use the key of this server: `planton login`, PLANTON_TOKEN or "
				"PLANTON_TOKEN_FILE");
		return r;
	}
	*ret = (struct actor){
		.principal = ret_row->name,
		.runner_id = ret_row->runner_id,
		.admin = streq(ret_row->role, "admin"),
	};
	return 0;
}

int idempotency_check(struct work *w, const char *key, const char *request_hash,
		      struct idempotency_row *ret, struct error **err)
{
	_cleanup_error_ struct error *lookup = NULL;
	struct idempotency_row row = {0};
	int r = idempotency_get(w->tx, w->actor.principal, key, &row, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	if (!streq(row.request_hash, request_hash)) {
		idempotency_row_release(&row);
		return error_set_field(
			err, ERROR_UNPROCESSABLE, "Idempotency-Key",
			"this Idempotency-Key was used for another request; use a new one");
	}
	*ret = row;
	return 1;
}

int idempotency_remember(struct work *w, const char *key, const char *request_hash, int status,
			 const char *response, struct error **err)
{
	struct idempotency_row row = {
		.key = (char *)key,
		.principal = (char *)w->actor.principal,
		.request_hash = (char *)request_hash,
		.response = (char *)response,
		.http_status = status,
		.created_ms = w->now_ms,
	};
	return idempotency_put(w->tx, &row, err);
}
