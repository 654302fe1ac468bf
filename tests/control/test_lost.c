/* Runners that are lost, in each operation; what is held then, and how it is let go. */
#include "fixture.h"

#include <unistd.h>

#include "base/encoding.h"

static void let_leases_expire(struct fixture *f)
{
	usleep(1100 * 1000);
	OK(runners_tick(f->control, ERR));
}

static void evidence(struct runner *r, struct attempt *a, const char *journal, bool final,
		     enum error_code expected)
{
	_cleanup_json_ json_t *body = json_pack(
		"{s:I s:s s:I s:{s:s} s:o s:b}", "epoch",
		(json_int_t)json_get_int(a->grant, "epoch", 0), "operation",
		json_get_str(a->grant, "attempt.operation"), "attempt",
		(json_int_t)json_get_int(a->grant, "attempt.number", 0), "ended", "result",
		"succeeded", "journal", json_loads(journal, 0, NULL), "final", final);
	_cleanup_free_ char *errored = base64_encode("{}", 2);
	json_object_set_new(body, "erroredState", json_string(errored));
	const struct actor actor = {.principal = "runner", .runner_id = r->id};
	struct work *w = NULL;
	OK(work_begin(r->fixture->control, &actor, STORE_WRITE, &w, ERR));
	if (expected)
		FAILS(expected, runner_evidence(w, a->job, body, ERR));
	else
		OK(runner_evidence(w, a->job, body, ERR));
	end(w);
}

static void the_old_runner_is_refused_and_another_goes_on(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *one = runner_new(f, "one", 9), *two = runner_new(f, "two", 9);
	static const char *const reading[] = {"init", "refresh", "preview"};
	for (int at = 0; at < 3; at++) {
		const char *id;
		apply(f, reading[at], "hello", NULL, &id);
		struct attempt a = claim(one, id, "init");
		for (int i = 0; i < at; i++)
			a = granted(one, run(&a), reading[i + 1]);
		json_decref(report(&a, "{\"time\": 1, \"command\": \"x\"}", NULL, "begun", NULL));
		let_leases_expire(f);
		assert_job(f, id, "running/tbd");
		{
			_cleanup_json_ json_t *document = job(f, id);
			assert_null(json_get_str(document, "status.runnerId"));
		}
		FAILS(ERROR_STALE_EPOCH, try_write_state(&a, 1, "t.a", ERR));
		struct attempt b = claim(two, id, "init");
		assert_true(json_get_int(b.grant, "epoch", 0) > json_get_int(a.grant, "epoch", 0));
		{
			const struct actor actor = {.principal = "runner", .runner_id = one->id};
			_cleanup_json_ json_t *header = json_pack(
						      "{s:I s:s s:I}", "epoch",
						      (json_int_t)json_get_int(a.grant, "epoch", 0),
						      "operation", reading[at], "attempt",
						      (json_int_t)json_get_int(
							      a.grant, "attempt.number", 0)),
					      *answer = NULL, *poll = NULL;
			struct work *w = NULL;
			OK(work_begin(f->control, &actor, STORE_WRITE, &w, ERR));
			FAILS(ERROR_STALE_EPOCH, runner_report(w, id, header, "", 0, &answer, ERR));
			end(w);
			poll = poll_server(one);
			const json_t *directive =
				json_array_get(json_object_get(poll, "directives"), 0);
			assert_string_equal(json_get_str(directive, "type"), "drop");
			forget(one, id);
		}
		for (int i = 0;
		     i < 2 && strcmp(json_get_str(b.grant, "attempt.operation"), "preview"); i++) {
			json_t *answer = run(&b);
			_cleanup_free_ char *next =
				xstrdup(json_get_str(answer, "next.grant.attempt.operation"));
			b = granted(two, answer, next);
		}
		if (at == 2)
			assert_int_equal(json_get_int(b.grant, "attempt.number", 0), 2);
		b = granted(two, run(&b), "apply");
		released(&b, run(&b), "completed/succeeded");
		assert_operations(
			f, id,
			"init:succeeded refresh:succeeded preview:succeeded apply:succeeded");
	}
	runner_free(one);
	runner_free(two);
}

static void three_losses_are_enough(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	for (int n = 1; n <= 3; n++) {
		struct attempt a = claim(r, id, "init");
		assert_int_equal(json_get_int(a.grant, "attempt.number", 0), n);
		json_decref(
			report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "begun", NULL));
		forget(r, id);
	}
	assert_idle(r);
	assert_job(f, id, "completed/failed/runner_lost");
	assert_operations(f, id, "init:failed refresh:skipped preview:skipped apply:skipped");
	assert_blocked(f, create_job(f, apply(f, "x", "hello", NULL, NULL), JOB_UPDATE), NULL);
	runner_free(r);
}

static int keep_reason(const struct event *e, void *ctx)
{
	char **said = ctx;
	json_t *payload = NULL;
	OK(json_parse(e->payload, strlen(e->payload), JSON_DEFAULT_MAX_SIZE, &payload, ERR));
	if (json_get_str(payload, "reason"))
		replace_string(said, json_get_str(payload, "reason"));
	json_decref(payload);
	return 0;
}

/* The last that the operation's events say. The caller frees it. */
static char *operation_reason(struct fixture *f, const char *id, enum operation o)
{
	char *said = NULL;
	struct work *w = begin(f);
	OK(event_read(w->tx, id, 0, o, 1U << EVENT_OPERATION_STATUS, 1000, (size_t)1 << 20,
		      keep_reason, &said, ERR));
	end(w);
	return said;
}

static void an_unknown_end_is_tried_again_by_the_same_runner(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(r, id, "init");
	for (int n = 1; n < 3; n++) {
		a = granted(r,
			    report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "l",
				   &(struct ending){.result = "unknown"}),
			    "init");
		assert_int_equal(json_get_int(a.grant, "attempt.number", 0), n + 1);
	}
	released(&a,
		 report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "l",
			&(struct ending){.result = "unknown"}),
		 "completed/failed");
	assert_job(f, id, "completed/failed/engine_unknown");
	runner_free(r);
}

static void a_killed_engine_is_tried_once_more_and_why_is_said(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(r, id, "init");
	const struct ending killed = {.result = "unknown", .signal = 9, .error = "killed"};
	a = granted(r, report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "l", &killed),
		    "init");
	assert_int_equal(json_get_int(a.grant, "attempt.number", 0), 2);
	_cleanup_free_ char *said = operation_reason(f, id, OPERATION_INIT);
	assert_string_equal(said, "killed");
	released(&a, report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "l", &killed),
		 "completed/failed");
	assert_job(f, id, "completed/failed/engine_killed");
	runner_free(r);
}

static const char *const three_resources =
	"[{\"type\": \"resource\", \"time\": 1, \"operation\": \"apply\", \"payload\": "
	"{\"address\": \"pg_role.a\", \"type\": \"pg_role\","
	" \"action\": \"create\", \"phase\": \"started\"}},"
	" {\"type\": \"resource\", \"time\": 1, \"operation\": \"apply\", \"payload\": "
	"{\"address\": \"pg_role.b\", \"type\": \"pg_role\","
	" \"action\": \"create\", \"phase\": \"started\"}},"
	" {\"type\": \"resource\", \"time\": 2, \"operation\": \"apply\", \"payload\": "
	"{\"address\": \"pg_role.a\", \"type\": \"pg_role\","
	" \"action\": \"create\", \"phase\": \"done\", \"idKey\": \"id\", \"idValue\": \"one\"}}]";

static struct attempt lost_in_apply(struct fixture *f, struct runner *r, const char *name,
				    const char *events, const char **ret_resource,
				    const char **ret_job)
{
	struct attempt a;
	*ret_resource = apply(f, name, "hello", NULL, ret_job);
	json_t *answer = run_to_preview_end(r, *ret_job, &a);
	a = granted(r, answer, "apply");
	json_incref(a.grant);
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", events, "changing", NULL));
	let_leases_expire(f);
	return a;
}

static const json_t *adoption(const json_t *document, const char *address)
{
	size_t i;
	json_t *one;
	json_array_foreach(json_get(document, "status.adoptions"), i,
			   one) if (streq(json_get_str(one, "address"), address)) return one;
	return NULL;
}

static void a_change_is_not_tried_again_and_holds_the_resource(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *one = runner_new(f, "one", 1), *two = runner_new(f, "two", 9);
	const char *resource, *id;
	struct attempt a = lost_in_apply(f, one, "x", three_resources, &resource, &id);
	assert_job(f, id, "completed/failed/runner_lost");
	assert_operations(f, id, "init:succeeded refresh:succeeded preview:succeeded apply:failed");
	FAILS(ERROR_STALE_EPOCH, try_write_state(&a, 1, "t.a", ERR));
	{
		_cleanup_json_ json_t *document = job(f, id);
		assert_string_equal(json_get_str(adoption(document, "pg_role.a"), "advice"),
				    "import { to = pg_role.a  id = \"one\" }");
		assert_string_equal(json_get_str(adoption(document, "pg_role.b"), "outcome"),
				    "unknown");
	}
	const char *update = create_job(f, resource, JOB_UPDATE),
		   *preview = create_job(f, resource, JOB_PREVIEW);
	assert_blocked(f, update, "planton runner abandon");
	assert_blocked(f, preview, one->id);
	assert_idle(two);
	fixture_restart(f);
	assert_idle(two);

	evidence(two, &a, "[]", true, ERROR_PERMISSION_DENIED);
	evidence(one, &a, "[]", false, 0);
	assert_blocked(f, update, "planton runner abandon");
	evidence(one, &a,
		 "[{\"address\": \"pg_role.b\", \"type\": \"pg_role\", \"action\": \"create\", "
		 "\"phase\": \"done\", \"idKey\": \"id\", \"idValue\": "
		 "\"two\"}]",
		 true, 0);
	{
		_cleanup_json_ json_t *document = job(f, id);
		assert_string_equal(json_get_str(adoption(document, "pg_role.b"), "advice"),
				    "import { to = pg_role.b  id = \"two\" }");
	}
	assert_blocked(f, update, "--operation refresh");

	const char *refresh = create_job(f, resource, JOB_REFRESH);
	struct attempt b;
	json_t *answer = run_to_preview_end(two, preview, &b);
	released(&b, answer, "completed/succeeded");
	b = claim(two, refresh, "init");
	b = granted(two, run(&b), "refresh");
	json_decref(
		report(&b, "{\"time\": 1, \"command\": \"apply_refresh_only\"}", NULL, "l", NULL));
	write_state(&b, 1, "pg_role.a");
	released(&b, report(&b, NULL, NULL, NULL, &(struct ending){.result = "succeeded"}),
		 "completed/succeeded");
	_cleanup_json_ json_t *status = resource_status(f, resource), *document = job(f, id);
	assert_null(json_object_get(status, "held"));
	assert_non_null(json_get_str(adoption(document, "pg_role.a"), "resolvedAt"));
	assert_null(json_get_str(adoption(document, "pg_role.b"), "resolvedAt"));
	run_job(two, update, 2, "pg_role.a pg_role.b");
	json_decref(a.grant);
	runner_free(one);
	runner_free(two);
}

static void nothing_begun_holds_nothing(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *one = runner_new(f, "one", 1);
	const char *resource, *id;
	struct attempt a = lost_in_apply(f, one, "x", NULL, &resource, &id);
	const char *update = create_job(f, resource, JOB_UPDATE);
	assert_blocked(f, update, "planton runner abandon");
	evidence(one, &a, "[]", true, 0);
	assert_blocked(f, update, NULL);
	json_decref(a.grant);
	runner_free(one);
}

static void abandoning_says_what_is_at_stake(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *one = runner_new(f, "one", 2);
	const char *resource, *id, *other;
	struct attempt a = lost_in_apply(f, one, "x", three_resources, &resource, &id);
	forget(one, id);
	apply(f, "y", "hello", NULL, &other);
	struct attempt b = claim(one, other, "init");
	json_decref(report(&b, "{\"time\": 1, \"command\": \"init\"}", NULL, "l", NULL));

	const char *update = create_job(f, resource, JOB_UPDATE);
	struct work *w = begin(f);
	assert_true(runner_abandon(w, one->id, "gone", false, ERR) < 0);
	assert_int_equal(test_error->code, ERROR_CONFLICT);
	assert_non_null(strstr(test_error->message, other));
	assert_non_null(strstr(test_error->message, id));
	FAILS(ERROR_INVALID_ARGUMENT, runner_abandon(w, one->id, "", true, ERR));
	OK(runner_abandon(w, one->id, "the machine burned", true, ERR));
	end(w);
	assert_job(f, other, "running/tbd");
	assert_blocked(f, update, "--operation refresh");
	_cleanup_json_ json_t *poll = poll_server(one);
	assert_int_equal(json_array_size(json_object_get(poll, "jobs")), 0);
	assert_string_equal(
		json_get_str(json_array_get(json_object_get(poll, "directives"), 0), "type"),
		"drop");
	json_decref(a.grant);
	runner_free(one);
}

static void an_apply_of_unknown_end_asks_for_a_refresh(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	struct attempt a;
	const char *resource = apply(f, "x", "hello", NULL, &id);
	json_t *answer = run_to_preview_end(r, id, &a);
	a = granted(r, answer, "apply");
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", three_resources, "changing",
			   NULL));
	released(&a, report(&a, NULL, NULL, NULL, &(struct ending){.result = "unknown"}),
		 "completed/failed");
	assert_job(f, id, "completed/failed/engine_unknown");
	assert_blocked(f, create_job(f, resource, JOB_UPDATE), "--operation refresh");
	runner_free(r);
}

#define CHANGE(action, phase)                                                           \
	"{\"type\": \"resource\", \"time\": 1, \"operation\": \"apply\", \"payload\": " \
	"{\"address\": \"pg_role.a\", \"type\": \"pg_role\", \"action\": \"" action     \
	"\", \"phase\": \"" phase "\", \"idKey\": \"id\", \"idValue\": \"one\"}}"

static const char *ended_apply(struct fixture *f, struct runner *r, const char *events,
			       const struct ending *ending, const char **ret_resource)
{
	const char *id;
	struct attempt a;
	*ret_resource = apply(f, "x", "hello", NULL, &id);
	json_t *answer = run_to_preview_end(r, id, &a);
	a = granted(r, answer, "apply");
	json_decref(report(&a, "{\"time\": 1, \"command\": \"apply\"}", events, "changing", NULL));
	released(&a, report(&a, NULL, NULL, NULL, ending), "completed/failed");
	return id;
}

static void what_a_lost_provider_left_is_listed(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	static const char events[] =
		"[" CHANGE("create", "started") ", " CHANGE("create", "failed") "]";
	const char *resource;
	const char *id = ended_apply(
		f, r, events,
		&(struct ending){.result = "failed", .facts = "{\"providerLost\": true}"},
		&resource);
	_cleanup_json_ json_t *document = job(f, id);
	assert_non_null(strstr(json_get_str(adoption(document, "pg_role.a"), "advice"),
			       "look whether it exists outside"));
	assert_blocked(f, create_job(f, resource, JOB_UPDATE), "--operation refresh");
	runner_free(r);
}

static void a_failure_of_the_ordinary_kind_lists_nothing(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	static const char events[] =
		"[" CHANGE("create", "started") ", " CHANGE("create", "failed") "]";
	const char *resource;
	const char *id = ended_apply(f, r, events, &(struct ending){.result = "failed"}, &resource);
	_cleanup_json_ json_t *document = job(f, id);
	assert_null(adoption(document, "pg_role.a"));
	assert_blocked(f, create_job(f, resource, JOB_UPDATE), NULL);
	runner_free(r);
}

static void the_new_one_of_a_replacement_is_listed(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	static const char events[] =
		"[" CHANGE("create", "started") ", " CHANGE("create", "done") ", " CHANGE(
			"delete", "started") ", " CHANGE("delete", "done") "]";
	const char *resource;
	const char *id =
		ended_apply(f, r, events, &(struct ending){.result = "unknown"}, &resource);
	_cleanup_json_ json_t *document = job(f, id);
	assert_string_equal(json_get_str(adoption(document, "pg_role.a"), "advice"),
			    "import { to = pg_role.a  id = \"one\" }");
	runner_free(r);
}

static void a_server_that_starts_grants_every_lease_its_time_again(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(r, id, "init");
	usleep(1100 * 1000);
	fixture_restart(f);
	OK(runners_tick(f->control, ERR));
	a = granted(r, run(&a), "refresh");
	fixture_restart(f);
	OK(runners_tick(f->control, ERR));
	let_leases_expire(f);
	_cleanup_json_ json_t *document = job(f, id);
	assert_null(json_get_str(document, "status.runnerId"));
	assert_job(f, id, "running/tbd");
	runner_free(r);
}

/* While its poll is connected, a runner's leases last. */
static void a_connected_poll_keeps_leases(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	claim(r, id, "init");
	runner_poll_began(f->control, r->id);
	let_leases_expire(f);
	_cleanup_json_ json_t *document = job(f, id);
	assert_string_equal(json_get_str(document, "status.runnerId"), r->id);
	runner_poll_ended(f->control, r->id);
	runner_free(r);
}

static void a_grant_that_never_arrived_is_given_again(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 1);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt first = claim(r, id, "init");
	json_t *old = json_incref(first.grant);
	forget(r, id);
	struct attempt a = claim(r, id, "init");
	assert_true(json_get_int(a.grant, "epoch", 0) > json_get_int(old, "epoch", 0));
	assert_int_equal(json_get_int(a.grant, "attempt.number", 0), 1);
	json_decref(old);
	a = granted(r, run(&a), "refresh");
	runner_free(r);
}

/* Polls as if only that grant were held; -1: it is not to be dropped. */
static int64_t dropped_epoch(struct runner *r, const char *job_id, json_t *held)
{
	json_t *mine = json_incref(json_object_get(r->held, job_id));
	json_object_set(r->held, job_id, held);
	_cleanup_json_ json_t *answer = poll_server(r);
	json_object_set_new(r->held, job_id, mine);
	assert_int_equal(json_array_size(json_object_get(answer, "jobs")), 0);
	const json_t *directive = json_array_get(json_object_get(answer, "directives"), 0);
	if (!directive)
		return -1;
	assert_string_equal(json_get_str(directive, "type"), "drop");
	assert_string_equal(json_get_str(directive, "job"), job_id);
	return json_get_int(directive, "epoch", 0);
}

static void an_older_lease_of_the_same_runner_is_dropped(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *r = runner_new(f, "one", 9);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	struct attempt a = claim(r, id, "init");
	_cleanup_json_ json_t *old = json_incref(a.grant);
	json_decref(report(&a, "{\"time\": 1, \"command\": \"init\"}", NULL, "begun", NULL));
	let_leases_expire(f);
	forget(r, id);
	a = claim(r, id, "init");
	assert_int_equal(dropped_epoch(r, id, a.grant), -1);
	assert_int_equal(dropped_epoch(r, id, old), json_get_int(old, "epoch", 0));

	/* One that it has just ended itself is not: the answer is on its way. */
	_cleanup_json_ json_t *ended = json_incref(a.grant);
	a = granted(r, run(&a), "refresh");
	assert_int_equal(dropped_epoch(r, id, ended), -1);
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(the_old_runner_is_refused_and_another_goes_on),
		CONTROL_TEST(three_losses_are_enough),
		CONTROL_TEST(an_unknown_end_is_tried_again_by_the_same_runner),
		CONTROL_TEST(a_killed_engine_is_tried_once_more_and_why_is_said),
		CONTROL_TEST(a_change_is_not_tried_again_and_holds_the_resource),
		CONTROL_TEST(nothing_begun_holds_nothing),
		CONTROL_TEST(abandoning_says_what_is_at_stake),
		CONTROL_TEST(an_apply_of_unknown_end_asks_for_a_refresh),
		CONTROL_TEST(what_a_lost_provider_left_is_listed),
		CONTROL_TEST(a_failure_of_the_ordinary_kind_lists_nothing),
		CONTROL_TEST(the_new_one_of_a_replacement_is_listed),
		CONTROL_TEST(a_server_that_starts_grants_every_lease_its_time_again),
		CONTROL_TEST(a_connected_poll_keeps_leases),
		CONTROL_TEST(a_grant_that_never_arrived_is_given_again),
		CONTROL_TEST(an_older_lease_of_the_same_runner_is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
