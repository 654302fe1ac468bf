/*
 * API keys: random tokens of which only the BLAKE2b hash is stored.
 */
#pragma once

#include "control/work.h"

/* Makes and stores a key; *ret_token is shown once. role: "admin" or "runner". */
int key_create(struct work *w, const char *name, const char *role, const char *runner_id,
	       char **ret_token, struct error **err);
/* Whose token this is; ERROR_UNAUTHENTICATED otherwise. The strings of *ret live in *ret_row. */
int key_authenticate(struct work *w, const char *token, struct api_key_row *ret_row,
		     struct actor *ret, struct error **err);

/* Idempotency. Returns 1 and *ret when this request was answered before (caller replays), 0 when it
 * is new; ERROR_UNPROCESSABLE when the key was used for another request. */
int idempotency_check(struct work *w, const char *key, const char *request_hash,
		      struct idempotency_row *ret, struct error **err);
int idempotency_remember(struct work *w, const char *key, const char *request_hash, int status,
			 const char *response, struct error **err);
