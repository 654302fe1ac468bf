/*
 * A job's events. Log lines are stored as segments of many lines, everything else as a row each;
 * both draw their numbers from stack_job.last_seq, and reading merges them by number.
 */
#include <assert.h>

#include "store/segment.h"
#include "store/tx.h"

#define SEGMENT_LINES_MAX 4096
#define SEGMENT_BYTES_MAX ((size_t)1 << 20)

/* Reserves n numbers; *ret_first is the first of them. */
static int take_seqs(struct store_tx *tx, const char *job_id, size_t n, int64_t *ret_first,
		     struct error **err)
{
	int64_t last;
	int r = db_number(tx->db, err, &last,
			  "UPDATE stack_job SET last_seq = last_seq + $1 WHERE id = $2 "
			  "RETURNING last_seq",
			  db_int((int64_t)n), db_text(job_id));
	if (r < 0)
		return error_wrap(err, "cannot add events to stack job %s", job_id);
	*ret_first = last - (int64_t)n + 1;
	return 0;
}

static struct db_value operation_value(enum operation op)
{
	return db_text(op == _OPERATION_INVALID ? NULL : operation_to_string(op));
}

int event_append(struct store_tx *tx, const char *job_id, enum event_type type, enum operation op,
		 int64_t time_ms, const char *payload_json, int64_t *ret_seq, struct error **err)
{
	int64_t seq = 0;

	assert(type != EVENT_LOG);
	int r = take_seqs(tx, job_id, 1, &seq, err);
	if (r < 0)
		return r;
	r = db_exec(tx->db, err,
		    "INSERT INTO job_event (job_id, seq, type, operation, time_ms, payload) "
		    "VALUES ($1, $2, $3, $4, $5, $6)",
		    db_text(job_id), db_int(seq), db_text(event_type_to_string(type)),
		    operation_value(op), db_int(time_ms), db_text(payload_json));
	if (r < 0)
		return r;
	*ret_seq = seq;
	return 0;
}

/* How many of the n lines go into one segment, and how many bytes they have. */
static size_t segment_take(const uint32_t *lengths, size_t n, size_t *ret_bytes)
{
	size_t lines = 0, bytes = 0;

	while (lines < MIN(n, (size_t)SEGMENT_LINES_MAX)) {
		if (lines > 0 && bytes + lengths[lines] > SEGMENT_BYTES_MAX)
			break;
		bytes += lengths[lines++];
	}
	*ret_bytes = bytes;
	return lines;
}

int event_append_log(struct store_tx *tx, const char *job_id, enum operation op, int attempt,
		     const char *stream, int64_t time_ms, const void *bytes,
		     const uint32_t *lengths, const uint8_t *cut, size_t n, int64_t *ret_first,
		     struct error **err)
{
	_cleanup_strbuf_ struct strbuf encoded = STRBUF_INIT;
	const char *at = bytes;
	int64_t first = 0;
	size_t lines, size;

	int r = take_seqs(tx, job_id, n, &first, err);
	if (r < 0)
		return r;
	for (size_t done = 0; done < n; done += lines, at += size) {
		lines = segment_take(lengths + done, n - done, &size);
		strbuf_reset(&encoded);
		for (size_t i = done; i < done + lines; i++)
			segment_add_length(&encoded, lengths[i], cut && cut[i]);
		r = db_exec(tx->db, err,
			    "INSERT INTO log_segment (job_id, last_seq, line_count, operation, "
			    "attempt, stream, time_ms, lengths, bytes) "
			    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
			    db_text(job_id), db_int(first + (int64_t)(done + lines) - 1),
			    db_int((int64_t)lines), operation_value(op), db_int(attempt),
			    db_text(stream), db_int(time_ms), db_bytes(encoded.data, encoded.size),
			    db_bytes(at, size));
		if (r < 0)
			return r;
	}
	*ret_first = first;
	return 0;
}
