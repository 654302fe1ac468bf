/*
 * Reports of one attempt. The server's offsets and cursor are the truth: whenever
 * an answer may have been lost it is asked for them, and all that follows is
 * read again from there, so nothing is told twice or left out.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "http/client.h"
#include "runner/batch.h"
#include "runner/grant.h"

enum report_status {
	REPORT_STORED,	/* answer is filled */
	REPORT_RESYNC,	/* go on from answer.to and answer.cursor; what was in the report may be
			   stored or not */
	REPORT_LOST,	/* the lease is not ours any more */
	REPORT_REFUSED, /* the lease is good, but this will never be stored: answer.refusal says why
			 */
};

struct report_answer {
	uint64_t to_stdout, to_stderr;
	json_t *cursor; /* NULL: nothing of this attempt is stored */
	json_t *next;	/* {"type": ...} or NULL */
	bool interrupt;
	char *refusal;
};

void report_answer_release(struct report_answer *answer);

struct report {
	uint64_t from_stdout, from_stderr, to_stdout, to_stderr;
	json_t *cursor, *started, *ended; /* borrowed; started and ended may be NULL */
	const struct batch *batch;
};

/* Called between tries; true: give up (the process ends). */
typedef bool report_pause(unsigned milliseconds, void *userdata);

/* Tries until the server has answered. The caller releases *ret. */
enum report_status report_send(struct http_client *http, const struct grant *grant,
			       const struct report *report, report_pause *pause, void *userdata,
			       struct report_answer *ret);
/*
 * For a grant that cannot be used: its attempt ends as failed, for that reason. Tries
 * once; false when the server did not take it, and so will give the grant again.
 */
bool report_unusable(struct http_client *http, const json_t *grant, const struct error *why);

/* Only asks where to go on: REPORT_RESYNC or REPORT_LOST; *ret holds no refusal. */
enum report_status report_probe(struct http_client *http, const struct grant *grant,
				report_pause *pause, void *userdata, struct report_answer *ret);
