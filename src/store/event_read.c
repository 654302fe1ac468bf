/* Reading a job's events: rows and the lines of log segments, merged by number. */
#include "base/strbuf.h"
#include "base/strutil.h"
#include "store/segment.h"
#include "store/tx.h"

/* Events that a driver may have to hold at once. */
#define EVENTS_PAGE 64

/* Both results stand at their next row, whose first number is at hand; INT64_MAX at their end. */
struct walk {
	struct store_tx *tx;
	const char *job_id;
	const char *operation; /* NULL: any */
	unsigned types;
	size_t events_left, bytes_left;
	int (*fn)(const struct event *e, void *ctx);
	void *ctx;

	struct db_rows *events;
	size_t in_page;
	int64_t next_event;
	struct db_rows *segments;
	int64_t next_line;
};

static void walk_release(struct walk *w)
{
	db_rows_end(w->events);
	db_rows_end(w->segments);
}

static bool walk_done(const struct walk *w)
{
	return w->events_left == 0 || w->bytes_left == 0;
}

static int pass(struct walk *w, const struct event *e, size_t size)
{
	int r = w->fn(e, w->ctx);
	w->events_left--;
	w->bytes_left -= MIN(size, w->bytes_left);
	return r;
}

static enum operation operation_of(const char *word)
{
	return word ? operation_from_string(word) : _OPERATION_INVALID;
}

static int query_events(struct walk *w, int64_t after, struct error **err)
{
	_cleanup_strbuf_ struct strbuf sql = STRBUF_INIT;
	struct db_value values[4] = {db_text(w->job_id), db_int(after), db_int(EVENTS_PAGE)};
	size_t n = 3;
	const char *separator = " AND type IN (";

	strbuf_addstr(&sql, "SELECT seq, type, operation, time_ms, payload FROM job_event "
			    "WHERE job_id = $1 AND seq > $2");
	for (enum event_type type = 0; type < _EVENT_TYPE_MAX && w->types; type++) {
		if (!(w->types & 1U << type))
			continue;
		strbuf_addf(&sql, "%s'%s'", separator, event_type_to_string(type));
		separator = ", ";
	}
	if (w->types)
		strbuf_addch(&sql, ')');
	if (w->operation) {
		values[n++] = db_text(w->operation);
		strbuf_addstr(&sql, " AND operation = $4");
	}
	strbuf_addstr(&sql, " ORDER BY seq LIMIT $3");
	db_rows_end(TAKE_PTR(w->events));
	w->in_page = 0;
	return db_query_values(w->tx->db, err, &w->events, sql.data, values, n);
}

static int advance_events(struct walk *w, struct error **err)
{
	int r = db_next(w->events, err);
	if (r == 0 && w->in_page == EVENTS_PAGE) {
		r = query_events(w, w->next_event, err);
		if (r == 0)
			r = db_next(w->events, err);
	}
	if (r < 0)
		return r;
	w->in_page++;
	w->next_event = r > 0 ? db_get_int(w->events, 0) : INT64_MAX;
	return 0;
}

/* To the segment with the first line after that number. One at a time: they may be large. */
static int advance_segments(struct walk *w, int64_t after, struct error **err)
{
	int r;

	db_rows_end(TAKE_PTR(w->segments));
	if (w->operation)
		r = db_query(w->tx->db, err, &w->segments,
			     "SELECT last_seq, line_count, operation, attempt, stream, time_ms, "
			     "lengths, bytes FROM log_segment "
			     "WHERE job_id = $1 AND last_seq > $2 AND operation = $3 "
			     "ORDER BY last_seq LIMIT 1",
			     db_text(w->job_id), db_int(after), db_text(w->operation));
	else
		r = db_query(w->tx->db, err, &w->segments,
			     "SELECT last_seq, line_count, operation, attempt, stream, time_ms, "
			     "lengths, bytes FROM log_segment "
			     "WHERE job_id = $1 AND last_seq > $2 ORDER BY last_seq LIMIT 1",
			     db_text(w->job_id), db_int(after));
	if (r < 0)
		return r;
	r = db_next(w->segments, err);
	if (r < 0)
		return r;
	w->next_line = INT64_MAX;
	if (r > 0)
		w->next_line = db_get_int(w->segments, 0) - db_get_int(w->segments, 1) + 1;
	return 0;
}

static int pass_event(struct walk *w)
{
	const struct event e = {
		.seq = w->next_event,
		.time_ms = db_get_int(w->events, 3),
		.type = event_type_from_string(db_get_text(w->events, 1)),
		.operation = operation_of(db_get_text(w->events, 2)),
		.payload = db_get_text(w->events, 4),
	};
	return pass(w, &e, strlen(e.payload));
}

/* The lines of the segment at hand that come after that number. */
static int pass_lines(struct walk *w, int64_t after, struct error **err)
{
	size_t lengths_size, bytes_size;
	const unsigned char *lengths = db_get_bytes(w->segments, 6, &lengths_size);
	const char *bytes = db_get_bytes(w->segments, 7, &bytes_size);
	struct segment_reader reader = {lengths, lengths + lengths_size, bytes, bytes + bytes_size};
	int64_t last = db_get_int(w->segments, 0);
	struct event e = {
		.time_ms = db_get_int(w->segments, 5),
		.type = EVENT_LOG,
		.operation = operation_of(db_get_text(w->segments, 2)),
		.attempt = (int)db_get_int(w->segments, 3),
		.stream = db_get_text(w->segments, 4),
	};
	for (e.seq = w->next_line; e.seq <= last && !walk_done(w); e.seq++) {
		struct segment_line line;
		if (!segment_next(&reader, &line))
			return error_set(err, ERROR_INTERNAL,
					 "the log of stack job %s is damaged at event %lld",
					 w->job_id, (long long)e.seq);
		if (e.seq <= after)
			continue;
		e.line = line.bytes;
		e.line_len = line.length;
		e.line_cut = line.cut;
		int r = pass(w, &e, line.length);
		if (r != 0)
			return r;
	}
	return 0;
}

static int walk_start(struct walk *w, int64_t after, struct error **err)
{
	const unsigned logs = 1U << EVENT_LOG;
	int r = 0;

	w->next_event = w->next_line = INT64_MAX;
	if (w->types != logs) {
		r = query_events(w, after, err);
		if (r == 0)
			r = advance_events(w, err);
	}
	if (r == 0 && (w->types == 0 || w->types & logs))
		r = advance_segments(w, after, err);
	return r;
}

int event_read(struct store_tx *tx, const char *job_id, int64_t after, enum operation op,
	       unsigned type_mask, size_t max_events, size_t max_bytes,
	       int (*fn)(const struct event *e, void *ctx), void *ctx, struct error **err)
{
	_cleanup_(walk_release) struct walk w = {
		.tx = tx,
		.job_id = job_id,
		.operation = op == _OPERATION_INVALID ? NULL : operation_to_string(op),
		.types = type_mask,
		.events_left = max_events ?: SIZE_MAX,
		.bytes_left = max_bytes ?: SIZE_MAX,
		.fn = fn,
		.ctx = ctx,
	};
	int r = walk_start(&w, after, err);

	while (r == 0 && !walk_done(&w) && MIN(w.next_event, w.next_line) != INT64_MAX) {
		if (w.next_event < w.next_line) {
			r = pass_event(&w);
			if (r == 0 && !walk_done(&w))
				r = advance_events(&w, err);
		} else {
			int64_t last = db_get_int(w.segments, 0);
			r = pass_lines(&w, after, err);
			if (r == 0 && !walk_done(&w))
				r = advance_segments(&w, last, err);
		}
	}
	return r;
}
