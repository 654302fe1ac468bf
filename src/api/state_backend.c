/*
 * OpenTofu's "http" state backend: GET, POST ?ID=, LOCK, UNLOCK; a conflict is 423 with the
 * holder's lock document as the body.
 */
#include "api/exchange.h"
#include "base/seal.h"
#include "control/states.h"

#define LOCK_MAX ((size_t)64 << 10)

static const char *state_id(struct exchange *x)
{
	return http_request_param(x->request, "stateId");
}

static int get(struct exchange *x, struct error **err)
{
	char *bytes = NULL;
	size_t size = 0;
	int r = state_read(x->work, state_id(x), NULL, &bytes, &size, err);
	if (r < 0 || !bytes)
		return r;
	strbuf_add(&x->bytes, bytes, size);
	secure_wipe(bytes, size);
	free(bytes);
	x->content_type = "application/json";
	return 0;
}

static int post(struct exchange *x, struct error **err)
{
	size_t size;
	const void *bytes = http_request_body(x->request, &size);
	x->status = 200;
	return state_write(x->work, state_id(x), &x->launch, http_request_query(x->request, "ID"),
			   http_request_header(x->request, "Content-MD5"), bytes, size, err);
}

static int lock(struct exchange *x, struct error **err)
{
	size_t size;
	const void *info = http_request_body(x->request, &size);
	x->status = 200;
	return state_lock(x->work, state_id(x), &x->launch, info, size, &x->locked_by, err);
}

static int unlock(struct exchange *x, struct error **err)
{
	size_t size;
	const void *info = http_request_body(x->request, &size);
	x->status = 200;
	return state_unlock(x->work, state_id(x), &x->launch, info, size, &x->locked_by, err);
}

static int refuse_delete(struct exchange *x, struct error **err)
{
	(void)x;
	int r = error_set(err, ERROR_METHOD_NOT_ALLOWED,
			  "a state is deleted with its resource only");
	error_hint(err, "planton destroy, then planton delete");
	return r;
}

#define STATE_ROUTE(method_, name_) \
	.method = method_, .pattern = "/state/v1/{stateId}", .name = name_, .audience = API_ENGINE

const struct api_route api_state_backend_routes[] = {
	{STATE_ROUTE(HTTP_GET, "readState"), .access = API_READ, .run = get},
	{STATE_ROUTE(HTTP_POST, "writeState"), .access = API_WRITE, .input = API_BYTES,
	 .max_body = STATE_MAX_BYTES, .query = API_NAMES("ID"), .run = post},
	{STATE_ROUTE(HTTP_LOCK, "lockState"), .access = API_WRITE, .input = API_BYTES,
	 .max_body = LOCK_MAX, .run = lock},
	{STATE_ROUTE(HTTP_UNLOCK, "unlockState"), .access = API_WRITE, .input = API_BYTES,
	 .max_body = LOCK_MAX, .run = unlock},
	{STATE_ROUTE(HTTP_DELETE, "deleteState"), .access = API_READ, .run = refuse_delete},
	{.pattern = NULL},
};
