/* State versions at rest. */
#include "control/state_seal.h"

#include "base/digest.h"
#include "base/ulid.h"
#include "control/control.h"
#include "model/ident.h"

static char *version_context(const char *version_id)
{
	return xasprintf("state_version:%s", version_id);
}

int state_version_store(struct work *w, struct state_version_row *row, const void *bytes,
			size_t len, struct error **err)
{
	char md5[DIGEST_HEX_SIZE];
	digest_hex(DIGEST_MD5, bytes, len, md5);
	row->id = id_new(ID_PREFIX_VERSION);
	row->md5 = xstrdup(md5);
	row->size = (int64_t)len;
	row->created_ms = w->now_ms;

	_cleanup_free_ char *context = version_context(row->id);
	struct strbuf sealed = STRBUF_INIT;
	int r = master_key_seal(w->control->master_key, context, bytes, len, &sealed);
	if (r < 0) {
		strbuf_release(&sealed);
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot seal the state");
	}
	row->sealed = strbuf_detach(&sealed, &row->sealed_len);
	return state_version_append(w->tx, row, err);
}

int state_version_open(struct control *c, const struct state_version_row *row, char **ret_bytes,
		       size_t *ret_len, struct error **err)
{
	_cleanup_free_ char *context = version_context(row->id);
	struct strbuf clear = STRBUF_INIT;
	int r = master_key_unseal(c->master_key, context, row->sealed, row->sealed_len, &clear);
	if (r < 0) {
		strbuf_release_secret(&clear);
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot open state version %s",
				       row->id);
	}
	*ret_bytes = strbuf_detach(&clear, ret_len);
	return 0;
}
