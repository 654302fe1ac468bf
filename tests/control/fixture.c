#include "fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/fileutil.h"
#include "base/strbuf.h"
#include "base/strv.h"
#include "base/tree.h"

_Thread_local struct error *test_error;
static char **kept; /* strings of the present test */

static const char *keep(const char *text)
{
	strv_add(&kept, text);
	return kept[strv_length(kept) - 1];
}

int64_t check_ok(int64_t r, const char *call, const char *file, int line)
{
	if (r < 0) {
		_cleanup_free_ char *text =
			test_error ? error_describe(test_error) : xstrdup("(no error)");
		print_error("%s: %s\n", call, text);
		_fail(file, line);
	}
	return r;
}

void check_fails(enum error_code code, int64_t r, const char *call, const char *file, int line)
{
	if (r >= 0 || !test_error || test_error->code != code) {
		print_error("%s: %s instead of %s (%s)\n", call,
			    r >= 0 ? "succeeded" : error_code_string(test_error->code),
			    error_code_string(code), test_error ? test_error->message : "");
		_fail(file, line);
	}
	error_free(test_error);
	test_error = NULL;
}

static void make_control(struct fixture *f)
{
	const struct control_options o = {.store = f->store,
					  .catalog = f->catalog,
					  .master_key = f->master_key,
					  .lease_seconds = f->lease_seconds};
	OK(control_new(&o, &f->control, ERR));
}

void fixture_restart(struct fixture *f)
{
	control_free(f->control);
	make_control(f);
}

static const struct actor admin = {.principal = "admin", .admin = true};

static struct work *begin_as(struct fixture *f, const struct actor *actor)
{
	struct work *w = NULL;
	if (f->restarts)
		fixture_restart(f);
	OK(work_begin(f->control, actor, STORE_WRITE, &w, ERR));
	return w;
}

struct work *begin(struct fixture *f)
{
	return begin_as(f, &admin);
}

void end(struct work *w)
{
	OK(work_commit(w, ERR));
}

int fixture_setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	char template[] = "/tmp/planton-control-XXXXXX";
	if (!mkdtemp(template))
		return -1;
	f->folder = xstrdup(template);
	f->lease_seconds = 30;
	_cleanup_free_ char *path = path_join(f->folder, "planton.db", NULL);
	char *const catalogs[] = {CATALOG_FOLDER, TEST_CATALOG_FOLDER};
	OK(store_open(path, &f->store, ERR));
	OK(catalog_load(catalogs, 2, &f->catalog, ERR));
	assert_int_equal(master_key_generate(&f->master_key), 0);
	make_control(f);
	struct work *w = begin(f);
	OK(resources_bootstrap(w, ERR));
	end(w);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	control_free(f->control);
	store_close(f->store);
	catalog_free(f->catalog);
	master_key_free(f->master_key);
	rm_rf(f->folder);
	free(f->folder);
	free(f);
	strv_free(kept);
	kept = NULL;
	error_free(test_error);
	test_error = NULL;
	return 0;
}

/* ---- People ---- */

const char *apply(struct fixture *f, const char *name, const char *message, const char *flow,
		  const char **ret_job)
{
	json_t *manifest = json_pack("{s:s s:s s:{s:s s:s} s:{s:s}}", "apiVersion",
				     "playground.planton.dev/v1", "kind", "Playground", "metadata",
				     "name", name, "env", "dev", "spec", "message", message);
	if (flow) {
		json_t *placement = json_object();
		json_object_set_new(placement, "flowControl", json_loads(flow, 0, NULL));
		json_object_set_new(manifest, "placement", placement);
	}
	_cleanup_(apply_result_release) struct apply_result result = {0};
	struct work *w = begin(f);
	OK(resource_apply(w, manifest, &(struct apply_options){.create_job = ret_job != NULL},
			  &result, ERR));
	end(w);
	json_decref(manifest);
	if (ret_job)
		*ret_job = result.job.id ? keep(result.job.id) : NULL;
	return keep(result.resource.id);
}

const char *create_job(struct fixture *f, const char *resource_id, enum job_operation operation)
{
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	OK(resource_get(w->tx, resource_id, &resource, ERR));
	OK(job_create(w, &(struct job_request){.resource = &resource, .operation = operation}, &row,
		      ERR));
	end(w);
	return keep(row.id);
}

json_t *job(struct fixture *f, const char *id)
{
	_cleanup_(job_row_release) struct job_row row = {0};
	json_t *document = NULL;
	struct work *w = begin(f);
	OK(job_get(w->tx, id, &row, ERR));
	OK(job_render(w, &row, false, &document, ERR));
	end(w);
	return document;
}

void cancel(struct fixture *f, const char *id, bool force)
{
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	OK(job_cancel(w, id, "no longer wanted", force, &row, ERR));
	end(w);
}

void resume(struct fixture *f, const char *id)
{
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	OK(job_resume(w, id, "looks right", NULL, &row, ERR));
	end(w);
}

void assert_job(struct fixture *f, const char *id, const char *expected)
{
	_cleanup_json_ json_t *document = job(f, id);
	const char *code = json_get_str(document, "status.error.code");
	_cleanup_free_ char *text = xasprintf("%s/%s%s%s", json_get_str(document, "status.status"),
					      json_get_str(document, "status.result"),
					      code ? "/" : "", code ? code : "");
	assert_string_equal(text, expected);
}

void assert_operations(struct fixture *f, const char *id, const char *expected)
{
	_cleanup_json_ json_t *document = job(f, id);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	size_t i;
	json_t *o;
	json_array_foreach(json_get(document, "status.operations"), i, o)
	{
		const char *result = json_get_str(o, "result");
		strbuf_addf(&text, "%s%s:%s", i ? " " : "", json_get_str(o, "operation"),
			    streq(result, "tbd") ? json_get_str(o, "status") : result);
	}
	assert_string_equal(text.data, expected);
}

void assert_blocked(struct fixture *f, const char *id, const char *by)
{
	_cleanup_json_ json_t *document = job(f, id);
	const char *reason = json_get_str(document, "status.blockedBy.reason");
	assert_non_null(reason);
	if (!by) {
		assert_true(strstr(reason, "is taken") || strstr(reason, "no runner is connected"));
		return;
	}
	if (!strstr(reason, by))
		fail_msg("\"%s\" says nothing of \"%s\"", reason, by);
}

static int next_event(const struct event *e, void *ctx)
{
	int64_t *last = ctx;
	assert_int_equal(e->seq, *last + 1);
	if (e->seq == 1)
		assert_int_equal(e->type, EVENT_JOB_STATUS);
	*last = e->seq;
	return 0;
}

int64_t assert_stream(struct fixture *f, const char *id)
{
	int64_t last = 0;
	_cleanup_(job_row_release) struct job_row row = {0};
	struct work *w = begin(f);
	OK(job_get(w->tx, id, &row, ERR));
	OK(event_read(w->tx, id, 0, _OPERATION_INVALID, 0, 100000, (size_t)64 << 20, next_event,
		      &last, ERR));
	end(w);
	assert_int_equal(last, row.last_seq);
	return last;
}

json_t *resource_status(struct fixture *f, const char *id)
{
	_cleanup_(resource_row_release) struct resource_row row = {0};
	json_t *status = NULL;
	struct work *w = begin(f);
	OK(resource_get(w->tx, id, &row, ERR));
	end(w);
	OK(json_parse(row.status, strlen(row.status), JSON_DEFAULT_MAX_SIZE, &status, ERR));
	return status;
}

/* ---- The runner ---- */

static struct work *begin_runner(struct runner *r)
{
	const struct actor actor = {.principal = "runner", .runner_id = r->id};
	return begin_as(r->fixture, &actor);
}

struct runner *runner_new(struct fixture *f, const char *name, int capacity)
{
	struct runner *r = xcalloc(1, sizeof(*r));
	r->fixture = f;
	r->held = json_object();
	assert_int_equal(key_pair_generate(&r->keys), 0);
	_cleanup_free_ char *public_key = base64_encode(r->keys.public_key, BOX_KEY_SIZE);
	_cleanup_json_ json_t *body = json_pack(
		"{s:s s:s s:s s:i s:s s:s}", "name", name, "publicKey", public_key, "version", "1",
		"capacity", capacity, "workRoot", "/var/lib/planton/work", "bootId", "b");
	_cleanup_json_ json_t *answer = NULL;
	struct work *w = begin(f);
	OK(runner_register(w, body, &answer, ERR));
	end(w);
	r->id = xstrdup(json_get_str(answer, "runnerId"));
	assert_non_null(json_get_str(answer, "key"));
	return r;
}

void runner_free(struct runner *r)
{
	json_decref(r->held);
	free(r->id);
	free(r);
}

static void hold(struct runner *r, json_t *grant)
{
	json_object_set(r->held, json_get_str(grant, "job.id"), grant);
}

json_t *poll_server(struct runner *r)
{
	json_t *answer = NULL, *held = json_array(), *grant;
	const char *id;
	json_object_foreach(r->held, id, grant)
		json_array_append_new(held, json_pack("{s:s s:I}", "job", id, "epoch",
						      (json_int_t)json_get_int(grant, "epoch", 0)));
	_cleanup_json_ json_t *body = json_pack("{s:o}", "held", held);
	struct work *w = begin_runner(r);
	runner_poll_began(r->fixture->control, r->id);
	OK(runner_poll(w, body, true, true, &answer, ERR));
	end(w);
	runner_poll_ended(r->fixture->control, r->id);
	size_t i;
	json_array_foreach(json_object_get(answer, "jobs"), i, grant) hold(r, grant);
	return answer;
}

static struct attempt attempt_of(struct runner *r, const char *job_id, const char *operation)
{
	json_t *grant = json_object_get(r->held, job_id);
	assert_non_null(grant);
	assert_string_equal(json_get_str(grant, "attempt.operation"), operation);
	return (struct attempt){.runner = r, .grant = grant, .job = keep(job_id)};
}

struct attempt claim(struct runner *r, const char *job_id, const char *operation)
{
	_cleanup_json_ json_t *answer = poll_server(r);
	const json_t *jobs = json_object_get(answer, "jobs");
	assert_int_equal(json_array_size(jobs), 1);
	assert_string_equal(json_get_str(json_array_get(jobs, 0), "job.id"), job_id);
	return attempt_of(r, job_id, operation);
}

void assert_idle(struct runner *r)
{
	_cleanup_json_ json_t *answer = poll_server(r);
	assert_int_equal(json_array_size(json_object_get(answer, "jobs")), 0);
}

void forget(struct runner *r, const char *job_id)
{
	json_object_del(r->held, job_id);
}

static json_t *send_report(struct attempt *a, const json_t *header, const char *log)
{
	json_t *answer = NULL;
	struct work *w = begin_runner(a->runner);
	OK(runner_report(w, a->job, header, log ? log : "", log ? strlen(log) : 0, &answer, ERR));
	end(w);
	return answer;
}

static json_t *send_again(struct attempt *a, const json_t *header, const char *log, json_t *first)
{
	int64_t before = assert_stream(a->runner->fixture, a->job);
	json_t *again = send_report(a, header, log);
	assert_int_equal(assert_stream(a->runner->fixture, a->job), before);
	assert_true(json_equal(json_object_get(first, "to"), json_object_get(again, "to")));
	assert_string_equal(json_get_str(first, "next.type"), json_get_str(again, "next.type"));
	if (json_get_str(first, "next.grant.job.id"))
		assert_true(json_get_int(again, "next.grant.epoch", 0) >
			    json_get_int(first, "next.grant.epoch", 0));
	json_decref(first);
	return again;
}

json_t *report(struct attempt *a, const char *started, const char *events, const char *log,
	       const struct ending *ending)
{
	json_t *list = events ? json_loads(events, 0, NULL) : json_array();
	assert_non_null(list);
	int64_t size = log ? (int64_t)strlen(log) : 0;
	const char *operation = json_get_str(a->grant, "attempt.operation");
	if (log)
		json_array_insert_new(list, 0,
				      json_pack("{s:s s:I s:s s:s s:[I]}", "type", "log", "time",
						(json_int_t)1000, "operation", operation, "stream",
						"stdout", "lengths", (json_int_t)size));
	_cleanup_json_ json_t *header = json_pack(
		"{s:I s:s s:I s:{s:I s:i} s:{s:I s:i} s:{s:i} s:o}", "epoch",
		(json_int_t)json_get_int(a->grant, "epoch", 0), "operation", operation, "attempt",
		(json_int_t)json_get_int(a->grant, "attempt.number", 0), "from", "stdout",
		(json_int_t)a->offset, "stderr", 0, "to", "stdout", (json_int_t)(a->offset + size),
		"stderr", 0, "cursor", "n", ++a->sent, "events", list);
	if (started)
		json_object_set_new(header, "started", json_loads(started, 0, NULL));
	if (ending) {
		json_t *ended =
			json_pack("{s:I s:s s:i s:b}", "time", (json_int_t)2000, "result",
				  ending->result, "exitCode", 0, "operationEnds", !ending->goes_on);
		if (ending->signal)
			json_object_set_new(ended, "signal", json_integer(ending->signal));
		if (ending->facts)
			json_object_set_new(ended, "facts", json_loads(ending->facts, 0, NULL));
		if (ending->error)
			json_object_set_new(ended, "errors",
					    json_pack("[{s:s}]", "summary", ending->error));
		json_object_set_new(header, "ended", ended);
	}
	a->offset += size;
	json_t *answer = send_report(a, header, log);
	return a->runner->fixture->duplicates ? send_again(a, header, log, answer) : answer;
}

json_t *run(struct attempt *a)
{
	return report(a, "{\"time\": 1000, \"command\": \"x\"}", NULL, "one line of log",
		      &(struct ending){.result = "succeeded"});
}

struct attempt granted(struct runner *r, json_t *answer, const char *operation)
{
	assert_string_equal(json_get_str(answer, "next.type"), "grant");
	json_t *grant = json_get(answer, "next.grant");
	hold(r, grant);
	struct attempt a = attempt_of(r, json_get_str(grant, "job.id"), operation);
	json_decref(answer);
	return a;
}

void released(struct attempt *a, json_t *answer, const char *expected)
{
	assert_string_equal(json_get_str(answer, "next.type"), "release");
	_cleanup_free_ char *text = xasprintf("%s/%s", json_get_str(answer, "next.status"),
					      json_get_str(answer, "next.result"));
	assert_string_equal(text, expected);
	forget(a->runner, a->job);
	json_decref(answer);
}

static json_t *open_sealed(struct attempt *a)
{
	const char *sealed = json_get_str(a->grant, "sealed");
	uint8_t *box = NULL;
	size_t size;
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	assert_int_equal(base64_decode(sealed, strlen(sealed), &box, &size), 0);
	assert_int_equal(box_open(&a->runner->keys, box, size, &text), 0);
	free(box);
	json_t *secrets = json_loads(text.data, 0, NULL);
	assert_non_null(secrets);
	return secrets;
}

char *state_password(struct attempt *a)
{
	_cleanup_json_ json_t *secrets = open_sealed(a);
	return xstrdup(json_get_str(secrets, "statePassword"));
}

int try_write_state(struct attempt *a, int64_t serial, const char *addresses, struct error **err)
{
	_cleanup_json_ json_t *secrets = open_sealed(a);
	const char *state_id = startswith(json_get_str(a->grant, "state.address"), "/state/v1/");
	json_t *resources = json_array();
	_cleanup_strv_ char **names = strv_split(addresses, ' ');
	for (char **name = names; name && *name; name++) {
		_cleanup_strv_ char **parts = strv_split(*name, '.');
		json_array_append_new(resources,
				      json_pack("{s:s s:s s:s s:s s:[{s:{}}]}", "mode", "managed",
						"type", parts[0], "name", parts[1], "provider", "p",
						"instances", "attributes"));
	}
	_cleanup_json_ json_t *state = json_pack(
		"{s:i s:s s:I s:s s:{s:{s:s s:s} s:{s:s s:s s:b}} s:o}", "version", 4,
		"terraform_version", "1", "serial", (json_int_t)serial, "lineage", "l", "outputs",
		"message", "value", "hello", "type", "string", "secret", "value", "s3cret", "type",
		"string", "sensitive", 1, "resources", resources);
	_cleanup_free_ char *text = json_to_text(state, JSON_WRITE_COMPACT);
	_cleanup_(attempt_row_release) struct attempt_row by = {0};
	struct work *w = begin_runner(a->runner);
	int r = state_authenticate(w, state_id, json_get_str(a->grant, "state.username"),
				   json_get_str(secrets, "statePassword"), &by, err);
	if (r >= 0)
		r = state_write(w, state_id, &by, NULL, NULL, text, strlen(text), err);
	if (r < 0)
		work_rollback(w);
	else
		end(w);
	return r;
}

void write_state(struct attempt *a, int64_t serial, const char *addresses)
{
	OK(try_write_state(a, serial, addresses, ERR));
}

json_t *run_to_preview_end(struct runner *r, const char *job_id, struct attempt *ret_last)
{
	struct attempt a = claim(r, job_id, "init");
	a = granted(r, run(&a), "refresh");
	json_decref(report(
		&a,
		"{\"time\": 1000, \"command\": \"plan\", \"covers\": [\"refresh\", \"preview\"]}",
		NULL, "refreshing", NULL));
	json_decref(report(
		&a, NULL,
		"[{\"type\": \"operation_end\", \"time\": 1100, \"operation\": \"refresh\", "
		"\"result\": \"succeeded\", \"drift\": 0},"
		" {\"type\": \"operation_begin\", \"time\": 1100, \"operation\": \"preview\"},"
		" {\"type\": \"resource\", \"time\": 1200, \"operation\": \"preview\", "
		"\"payload\": {\"address\": \"t.a\", \"type\": \"t\","
		" \"name\": \"a\", \"action\": \"create\", \"phase\": \"planned\"}}]",
		NULL, NULL));
	*ret_last = a;
	return report(&a, NULL, NULL, "planned",
		      &(struct ending){.result = "succeeded",
				       .facts = "{\"command\": \"plan\", \"planDigest\": \"d1\", "
						"\"changes\": {\"create\": 1}}"});
}

void run_job(struct runner *r, const char *job_id, int64_t serial, const char *addresses)
{
	struct attempt a;
	json_t *answer = run_to_preview_end(r, job_id, &a);
	const char *last = json_get_str(answer, "next.grant.attempt.operation");
	assert_non_null(last);
	_cleanup_free_ char *operation = xstrdup(last);
	a = granted(r, answer, operation);
	json_decref(report(&a, "{\"time\": 1300, \"command\": \"apply\"}", NULL, "changing", NULL));
	write_state(&a, serial, addresses);
	released(&a,
		 report(&a, NULL, NULL, NULL,
			&(struct ending){.result = "succeeded",
					 .facts = "{\"changes\": {\"create\": 1}}"}),
		 "completed/succeeded");
}
