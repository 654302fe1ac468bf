/* A fresh control over a fresh SQLite store for each test, people's verbs in one call each, and a
 * scripted runner. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/alloc.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "control/jobs.h"
#include "control/resources.h"
#include "control/runners.h"
#include "control/states.h"
#include "model/json.h"

struct fixture {
	char *folder;
	struct store *store;
	struct catalog *catalog;
	struct master_key *master_key;
	struct control *control;
	unsigned lease_seconds;
	bool restarts;	 /* a new control, over the same store, before every call */
	bool duplicates; /* every report is sent twice, and must change nothing the second time */
};

/* A runner as the server sees one. */
struct runner {
	struct fixture *fixture;
	char *id;
	struct key_pair keys;
	json_t *held; /* {job: grant} */
};

/* Where one attempt's output has got to. */
struct attempt {
	struct runner *runner;
	json_t *grant; /* owned by runner->held */
	const char *job;
	int64_t offset;
	int sent;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);
#define CONTROL_TEST(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

void fixture_restart(struct fixture *f);

extern _Thread_local struct error *test_error;
#define ERR &test_error
/* The value, which must not be negative; else the error is the test's failure. */
#define OK(call)	  check_ok((call), #call, __FILE__, __LINE__)
#define FAILS(code, call) check_fails((code), (call), #call, __FILE__, __LINE__)
int64_t check_ok(int64_t r, const char *call, const char *file, int line);
void check_fails(enum error_code code, int64_t r, const char *call, const char *file, int line);

struct work *begin(struct fixture *f);
void end(struct work *w);

/* ---- People. Ids are owned by the fixture's arena of the test: freed at its end. ---- */
/* A Playground of that name; flow: the inline flow control as JSON, or NULL. Returns its id. */
const char *apply(struct fixture *f, const char *name, const char *message, const char *flow,
		  const char **ret_job);
const char *create_job(struct fixture *f, const char *resource_id, enum job_operation operation);
/* The rendered job; the caller drops it. */
json_t *job(struct fixture *f, const char *id);
void cancel(struct fixture *f, const char *id, bool force);
void resume(struct fixture *f, const char *id);
/* status/result[/error code] */
void assert_job(struct fixture *f, const char *id, const char *expected);
/* "init:succeeded refresh:skipped …": result, or status while it has none */
void assert_operations(struct fixture *f, const char *id, const char *expected);
/* Substring of blockedBy.reason; NULL: it only waits for a runner. */
void assert_blocked(struct fixture *f, const char *id, const char *by);
/* The stream: gapless, beginning with job_status queued; returns its length. */
int64_t assert_stream(struct fixture *f, const char *id);
json_t *resource_status(struct fixture *f, const char *id);

/* ---- The runner ---- */
struct runner *runner_new(struct fixture *f, const char *name, int capacity);
void runner_free(struct runner *r);
/* The whole answer of one poll that has just arrived; grants are held. The caller drops it. */
json_t *poll_server(struct runner *r);
/* Polls, and expects a grant of exactly that job and operation. */
struct attempt claim(struct runner *r, const char *job_id, const char *operation);
void assert_idle(struct runner *r);
void forget(struct runner *r, const char *job_id);

struct ending {
	const char *result; /* succeeded */
	const char *facts;  /* JSON */
	const char *error;  /* summary of one */
	int signal;	    /* that ended the engine */
	bool goes_on;	    /* another attempt of the operation follows */
};
/* events: JSON list without logs, or NULL; with one line of log when log. Returns the answer, the
 * caller drops it. */
json_t *report(struct attempt *a, const char *started, const char *events, const char *log,
	       const struct ending *ending);
/* Starts, logs a line and ends succeeded. */
json_t *run(struct attempt *a);
/* Expects a grant of that operation in the answer (dropped), and holds it. */
struct attempt granted(struct runner *r, json_t *answer, const char *operation);
/* Expects a release with status/result in the answer (dropped); the job is no longer held. */
void released(struct attempt *a, json_t *answer, const char *expected);
/* Writes a state with these resources ("type.name", space separated) by the attempt's credential.
 */
void write_state(struct attempt *a, int64_t serial, const char *addresses);
int try_write_state(struct attempt *a, int64_t serial, const char *addresses, struct error **err);
/* Of the grant's state credential; the caller frees it. */
char *state_password(struct attempt *a);

/* init and the fused plan, up to the answer of the preview's end. */
json_t *run_to_preview_end(struct runner *r, const char *job_id, struct attempt *ret_last);
/* The whole life of an update or destroy without a pause. */
void run_job(struct runner *r, const char *job_id, int64_t serial, const char *addresses);
