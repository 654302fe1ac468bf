/* What the rules of the queue have to know of one job's neighbours and its resource. */
#include <string.h>

#include "base/strutil.h"
#include "control/jobs_state.h"
#include "model/json.h"

#define OLDEST_MAX  64 /* of the unfinished jobs ahead */
#define RUNNING_MAX 8
#define PAGE	    100

int job_foreach(struct work *w, const struct job_filter *f,
		int (*fn)(struct work *w, const struct job_row *row, void *ctx, struct error **err),
		void *ctx, struct error **err)
{
	_cleanup_free_ char *cursor = NULL;
	int r = 0;
	for (int n = PAGE; n == PAGE && r >= 0;) {
		struct job_row *rows = NULL;
		n = job_list(w->tx, f, cursor, PAGE, &rows, err);
		if (n < 0)
			return n;
		for (int i = 0; i < n; i++) {
			if (r >= 0)
				r = fn(w, &rows[i], ctx, err);
			if (i == n - 1) {
				free(cursor);
				cursor = xasprintf("%lld", (long long)rows[i].number);
			}
			job_row_release(&rows[i]);
		}
		free(rows);
	}
	return r;
}

int job_hold_of(struct work *w, const char *resource_id, struct hold *ret, json_t **ret_document,
		struct error **err)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_error_ struct error *lookup = NULL;
	*ret = (struct hold){.kind = HOLD_NONE};
	*ret_document = NULL;
	if (!resource_id)
		return 0;
	int r = resource_get(w->tx, resource_id, &resource, &lookup);
	if (r < 0)
		return lookup->code == ERROR_NOT_FOUND ? 0 : error_move(err, &lookup);
	if (!strstr(resource.status, "\"held\""))
		return 0;
	json_t *status = json_of_text(resource.status);
	const json_t *held = json_object_get(status, "held");
	enum hold_kind kind = hold_kind_from_string(json_get_str(held, "kind"));
	*ret_document = status;
	if (kind == _HOLD_INVALID)
		return 0;
	ret->kind = kind;
	ret->runner = json_get_str(held, "runner");
	ret->job = json_get_str(held, "job");
	ret->resource = resource_id;
	return 0;
}

struct neighbours {
	struct queue_job jobs[OLDEST_MAX + RUNNING_MAX];
	size_t count;
	struct job_row *rows[2];
	int n_rows[2];
};

static void neighbours_release(struct neighbours *n)
{
	for (int k = 0; k < 2; k++) {
		for (int i = 0; i < n->n_rows[k]; i++)
			job_row_release(&n->rows[k][i]);
		free(n->rows[k]);
	}
}

static int add_neighbours(struct work *w, const char *resource_id, enum status status, size_t limit,
			  int slot, struct neighbours *n, struct error **err)
{
	const struct job_filter filter = {
		.resource_id = resource_id,
		.status = status,
		.result = _RESULT_INVALID,
		.operation = _JOB_OPERATION_INVALID,
		.unfinished = true,
		.oldest_first = true,
	};
	int count = job_list(w->tx, &filter, NULL, limit, &n->rows[slot], err);
	if (count < 0)
		return count;
	n->n_rows[slot] = count;
	for (int i = 0; i < count; i++) {
		const struct job_row *j = &n->rows[slot][i];
		n->jobs[n->count++] = (struct queue_job){j->id, j->number, j->status,
							 j->runner_id != NULL, j->operation};
	}
	return 0;
}

static int decide_sources(struct work *w, const struct job_row *row, const struct queue_job *self,
			  struct queue_verdict *ret, char **ret_blocker, struct error **err)
{
	_cleanup_json_ json_t *sources = NULL;
	int r = resource_sources(w, row, &sources, err);
	const char *id;
	json_t *name;
	json_object_foreach(sources, id, name)
	{
		_cleanup_(neighbours_release) struct neighbours n = {0};
		if (r >= 0)
			r = add_neighbours(w, id, _STATUS_INVALID, OLDEST_MAX, 0, &n, err);
		if (r < 0)
			return r;
		queue_decide_source(self, n.jobs, n.count, json_string_value(name), ret);
		if (ret->may_start)
			continue;
		*ret_blocker = xstrdup(ret->job);
		ret->job = *ret_blocker;
		return 0;
	}
	return r;
}

int job_queue_verdict(struct work *w, const struct job_row *row, struct queue_verdict *ret,
		      char **ret_blocker, struct error **err)
{
	_cleanup_(neighbours_release) struct neighbours n = {0};
	_cleanup_json_ json_t *document = NULL;
	struct hold hold;
	*ret_blocker = NULL;
	int r = job_hold_of(w, row->resource_id, &hold, &document, err);
	if (r >= 0 && row->resource_id)
		r = add_neighbours(w, row->resource_id, _STATUS_INVALID, OLDEST_MAX, 0, &n, err);
	if (r >= 0 && n.count == OLDEST_MAX)
		r = add_neighbours(w, row->resource_id, STATUS_RUNNING, RUNNING_MAX, 1, &n, err);
	if (r < 0)
		return r;
	const struct queue_job self = {row->id, row->number, row->status, false, row->operation};
	queue_decide(&self, n.jobs, n.count, &hold, ret);
	if (ret->may_start && row->status == STATUS_QUEUED && row->operation == JOB_UPDATE)
		return decide_sources(w, row, &self, ret, ret_blocker, err);
	*ret_blocker = xstrdup_null(ret->job);
	ret->job = *ret_blocker;
	return 0;
}
