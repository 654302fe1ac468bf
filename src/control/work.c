/* Units of work: one store transaction, an actor, and what to wake once it is committed. */
#include "control/work.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/strv.h"
#include "control/control.h"
#include "control/leases.h"

#define DEFAULT_LEASE_SECONDS		  30
#define DEFAULT_OPERATION_TIMEOUT_SECONDS (6 * 3600)

int control_new(const struct control_options *o, struct control **ret, struct error **err)
{
	struct control *c = xcalloc(1, sizeof(*c));
	c->store = o->store;
	c->catalog = o->catalog;
	c->master_key = o->master_key;
	c->wake = o->wake;
	c->wake_ctx = o->wake_ctx;
	c->lease_seconds = o->lease_seconds ? o->lease_seconds : DEFAULT_LEASE_SECONDS;
	c->operation_timeout_seconds = o->operation_timeout_seconds
					       ? o->operation_timeout_seconds
					       : DEFAULT_OPERATION_TIMEOUT_SECONDS;
	int r = lease_table_new(c, &c->leases, err);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	lease_table_free(c->leases);
	free(c);
}

int work_begin(struct control *c, const struct actor *a, enum store_access access,
	       struct work **ret, struct error **err)
{
	struct store_tx *tx = NULL;
	int r = store_begin(c->store, access, &tx, err);
	if (r < 0)
		return r;
	struct work *w = xcalloc(1, sizeof(*w));
	w->control = c;
	w->tx = tx;
	w->actor = *a;
	w->now_ms = (int64_t)now_realtime_ms();
	*ret = w;
	return 0;
}

static void work_free(struct work *w)
{
	strv_free(w->topics);
	free(w);
}

static void take_back(struct work *w)
{
	if (w->forgot_unassigned)
		lease_unclaim_loading(w->control->leases);
}

int work_commit(struct work *w, struct error **err)
{
	int r = store_commit(TAKE_PTR(w->tx), err);
	if (r < 0)
		take_back(w);
	if (r >= 0 && w->control->wake)
		for (char **topic = w->topics; topic && *topic; topic++)
			w->control->wake(*topic, w->control->wake_ctx);
	work_free(w);
	return r;
}

void work_rollback(struct work *w)
{
	store_rollback(TAKE_PTR(w->tx));
	take_back(w);
	work_free(w);
}

void work_rollbackp(struct work **w)
{
	if (*w)
		work_rollback(TAKE_PTR(*w));
}

void work_wake_after(struct work *w, const char *topic)
{
	if (!strv_contains(w->topics, topic))
		strv_add(&w->topics, topic);
}

char *control_seal(const struct control *c, const char *context, const void *data, size_t size)
{
	_cleanup_strbuf_ struct strbuf sealed = STRBUF_INIT;
	if (master_key_seal(c->master_key, context, data, size, &sealed) < 0)
		out_of_memory();
	return base64_encode(sealed.data, sealed.size);
}

int control_unseal(const struct control *c, const char *context, const char *base64, char **ret,
		   size_t *ret_size, struct error **err)
{
	_cleanup_free_ uint8_t *sealed = NULL;
	size_t size;
	int r = base64_decode(base64, strlen(base64), &sealed, &size);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot read the sealed value of %s",
				       context);
	struct strbuf clear = STRBUF_INIT;
	r = master_key_unseal(c->master_key, context, sealed, size, &clear);
	if (r < 0) {
		strbuf_release_secret(&clear);
		return error_set_errno(
			err, ERROR_INTERNAL, r, "cannot open the sealed value of %s%s", context,
			r == -ENOKEY ? ": it was sealed with another master key" : "");
	}
	*ret = strbuf_detach(&clear, ret_size);
	return 0;
}
