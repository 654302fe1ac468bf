/* Where workspaces lie: one root, which moves when nothing depends on it. */
#include "fixture.h"

#include "base/encoding.h"

#define OLD_ROOT "/var/lib/planton/work" /* the fixture's */
#define NEW_ROOT "/elsewhere"

static json_t *registration_of(struct runner *r, const char *work_root)
{
	_cleanup_free_ char *public_key = base64_encode(r->keys.public_key, BOX_KEY_SIZE);
	return json_pack("{s:s s:s s:s s:i s:s s:s}", "name", "moved", "publicKey", public_key,
			 "version", "1", "capacity", 9, "workRoot", work_root, "bootId", "b");
}

static void move(struct runner *r, const char *work_root)
{
	_cleanup_json_ json_t *body = registration_of(r, work_root), *answer = NULL;
	struct work *w = begin(r->fixture);
	OK(runner_register(w, body, &answer, ERR));
	end(w);
}

static void refused(struct runner *r, const char *work_root, const char *because)
{
	_cleanup_json_ json_t *body = registration_of(r, work_root), *answer = NULL;
	struct work *w = begin(r->fixture);
	assert_true(runner_register(w, body, &answer, ERR) < 0);
	work_rollback(w);
	assert_int_equal(test_error->code, ERROR_CONFLICT);
	assert_non_null(strstr(test_error->message, OLD_ROOT));
	assert_non_null(strstr(test_error->message, because));
	error_free(test_error);
	test_error = NULL;
}

static void it_moves_when_nothing_depends_on_it(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *id;
	apply(f, "paused", "hello", "{\"isManual\": true}", NULL);
	OK(runners_tick(f->control, ERR));
	move(r, NEW_ROOT);
	apply(f, "x", "hello", NULL, &id);
	claim(r, id, "init");
	runner_free(r);
}

static void it_stays_while_another_runner_works_there(void **state)
{
	struct fixture *f = *state;
	struct runner *one = runner_new(f, "one", 9), *two = runner_new(f, "two", 9);
	refused(two, NEW_ROOT, "runner one works there");
	struct work *w = begin(f);
	OK(runner_abandon(w, one->id, "gone", true, ERR));
	end(w);
	move(two, NEW_ROOT);
	runner_free(one);
	runner_free(two);
}

static void it_stays_while_a_job_is_in_a_runner_s_hands(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *id;
	apply(f, "x", "hello", NULL, &id);
	claim(r, id, "init");
	refused(r, NEW_ROOT, id);
	runner_free(r);
}

static void it_stays_while_a_shown_plan_waits(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "one", 9);
	const char *id;
	struct attempt a;
	apply(f, "x", "hello", "{\"pauseBetweenPreviewAndUpdateOrDestroy\": true}", &id);
	released(&a, run_to_preview_end(r, id, &a), "awaiting_approval/tbd");
	refused(r, NEW_ROOT, id);
	resume(f, id);
	refused(r, NEW_ROOT, id);
	cancel(f, id, false);
	move(r, NEW_ROOT);
	runner_free(r);
}

static void a_runner_that_was_away_is_told(void **state)
{
	struct fixture *f = *state;
	f->lease_seconds = 1;
	fixture_restart(f);
	struct runner *away = runner_new(f, "away", 9), *r = runner_new(f, "one", 9);
	fixture_restart(f);
	move(r, NEW_ROOT);

	const struct actor actor = {.principal = "runner", .runner_id = away->id};
	_cleanup_json_ json_t *body = json_object(), *answer = NULL;
	struct work *w = NULL;
	OK(work_begin(f->control, &actor, STORE_WRITE, &w, ERR));
	assert_true(runner_poll(w, body, true, true, &answer, ERR) < 0);
	work_rollback(w);
	assert_int_equal(test_error->code, ERROR_CONFLICT);
	assert_non_null(strstr(test_error->hint, "--work-root " NEW_ROOT));
	error_free(test_error);
	test_error = NULL;

	_cleanup_json_ json_t *holding =
		json_pack("{s:[{s:s s:i}]}", "held", "job", "sj_gone", "epoch", 1);
	OK(work_begin(f->control, &actor, STORE_WRITE, &w, ERR));
	OK(runner_poll(w, holding, true, true, &answer, ERR));
	end(w);
	const json_t *directives = json_object_get(answer, "directives");
	assert_string_equal(json_get_str(json_array_get(directives, 0), "type"), "drop");
	move(away, NEW_ROOT);
	assert_idle(away);
	runner_free(away);
	runner_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(it_moves_when_nothing_depends_on_it),
		CONTROL_TEST(it_stays_while_another_runner_works_there),
		CONTROL_TEST(it_stays_while_a_job_is_in_a_runner_s_hands),
		CONTROL_TEST(it_stays_while_a_shown_plan_waits),
		CONTROL_TEST(a_runner_that_was_away_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
