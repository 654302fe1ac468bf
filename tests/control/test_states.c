/* The state backend: credentials, serials and lineages, locks, rollback. */
#include "documents.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/encoding.h"

#define LOCK_A "{\"ID\": \"lock-a\", \"Operation\": \"apply\", \"Who\": \"someone\"}"
#define LOCK_B "{\"ID\": \"lock-b\"}"

/* A launch that is in the middle of an apply. */
struct launch {
	struct runner *runner;
	struct attempt attempt;
	const char *job, *state;
	struct attempt_row by;
};

static void start(struct fixture *f, struct launch *l, const char *name)
{
	l->runner = runner_new(f, name, 1);
	l->state = apply(f, name, "m", NULL, &l->job);
	l->attempt =
		granted(l->runner, run_to_preview_end(l->runner, l->job, &l->attempt), "apply");
	l->by = (struct attempt_row){.job_id = (char *)l->job,
				     .epoch = json_get_int(l->attempt.grant, "epoch", 0)};
}

static void finish(struct launch *l)
{
	write_state(&l->attempt, 100, "t.a");
	released(&l->attempt, run(&l->attempt), "completed/succeeded");
	runner_free(l->runner);
}

static char *state_text(int64_t serial, const char *lineage)
{
	return xasprintf("{\"version\": 4, \"serial\": %lld, \"lineage\": \"%s\", \"resources\": "
			 "[], \"x\": 18446744073709551616}",
			 (long long)serial, lineage);
}

static int write_text(struct fixture *f, struct launch *l, const char *text, const char *lock,
		      const char *md5)
{
	struct work *w = begin(f);
	int r = state_write(w, l->state, &l->by, lock, md5, text, strlen(text), ERR);
	if (r < 0)
		work_rollback(w);
	else
		end(w);
	return r;
}

static int write_serial(struct fixture *f, struct launch *l, int64_t serial, const char *lineage)
{
	_cleanup_free_ char *text = state_text(serial, lineage);
	return write_text(f, l, text, NULL, NULL);
}

static int count_versions(struct fixture *f, const char *state)
{
	struct work *w = begin(f);
	struct state_version_row *rows = NULL;
	int n = state_version_list(w->tx, state, NULL, 100, &rows, ERR);
	for (int i = 0; i < n; i++)
		state_version_row_release(&rows[i]);
	free(rows);
	end(w);
	return n;
}

static int authenticate(struct fixture *f, const char *state, const char *username,
			const char *password)
{
	_cleanup_(attempt_row_release) struct attempt_row by = {0};
	struct work *w = begin(f);
	int r = state_authenticate(w, state, username, password, &by, ERR);
	work_rollback(w);
	return r;
}

static void credentials(void **state)
{
	struct fixture *f = *state;
	struct launch a, b;
	start(f, &a, "a");
	start(f, &b, "b");
	_cleanup_free_ char *password = state_password(&a.attempt);
	const char *username = json_get_str(a.attempt.grant, "state.username");
	OK(authenticate(f, a.state, username, password));
	assert_error(authenticate(f, a.state, username, "wrong"), ERROR_UNAUTHENTICATED, NULL,
		     "not known");
	assert_error(
		authenticate(f, a.state, json_get_str(b.attempt.grant, "state.username"), password),
		ERROR_UNAUTHENTICATED, NULL, "not known");
	assert_error(authenticate(f, b.state, username, password), ERROR_PERMISSION_DENIED, NULL,
		     "another state");
	assert_false(on_disk(f, password));
	_cleanup_free_ char *name = xstrdup(username);
	finish(&a);
	assert_error(authenticate(f, a.state, name, password), ERROR_STALE_EPOCH, NULL, "is void");
	finish(&b);
}

static void the_credential_before_is_void(void **state)
{
	struct fixture *f = *state;
	struct runner *r = runner_new(f, "r", 1);
	const char *job_id, *id = apply(f, "p", "m", NULL, &job_id);
	struct attempt a = claim(r, job_id, "init");
	_cleanup_free_ char *password = state_password(&a),
			    *name = xstrdup(json_get_str(a.grant, "state.username"));
	OK(authenticate(f, id, name, password));
	a = granted(r, run(&a), "refresh");
	assert_error(authenticate(f, id, name, password), ERROR_STALE_EPOCH, NULL, "is void");
	runner_free(r);
}

static void serials_and_lineages(void **state)
{
	struct fixture *f = *state;
	struct launch l;
	start(f, &l, "p");
	OK(write_serial(f, &l, 1, "l"));
	OK(write_serial(f, &l, 1, "l"));
	assert_int_equal(count_versions(f, l.state), 1);
	OK(write_serial(f, &l, 5, "l"));
	assert_int_equal(count_versions(f, l.state), 2);
	assert_error(write_serial(f, &l, 4, "l"), ERROR_CONFLICT, NULL,
		     "serial 4 is not newer than the stored 5");
	assert_error(write_text(f, &l, "{\"version\": 4, \"serial\": 5, \"lineage\": \"l\"}", NULL,
				NULL),
		     ERROR_CONFLICT, NULL, "serial 5 is not newer");
	assert_error(write_serial(f, &l, 6, "other"), ERROR_CONFLICT, NULL, "lineage: other");
	assert_error(write_text(f, &l, "{\"no\": \"state\"}", NULL, NULL), ERROR_UNPROCESSABLE,
		     "/version", "");
	assert_int_equal(count_versions(f, l.state), 2);

	char *bytes = NULL;
	size_t size;
	struct work *w = begin(f);
	OK(state_read(w, l.state, NULL, &bytes, &size, ERR));
	_cleanup_free_ char *expected = state_text(5, "l");
	assert_string_equal(bytes, expected);
	free(bytes);
	end(w);
	assert_false(on_disk(f, "18446744073709551616"));
	runner_free(l.runner);
}

static void what_was_sent_is_what_arrived(void **state)
{
	struct fixture *f = *state;
	struct launch l;
	start(f, &l, "p");
	_cleanup_free_ char *text = state_text(1, "l");
	_cleanup_digest_ struct digest *d = digest_new(DIGEST_MD5);
	uint8_t md5[DIGEST_MAX_SIZE];
	digest_update(d, text, strlen(text));
	size_t length = digest_final(d, md5);
	_cleanup_free_ char *good = base64_encode(md5, length);
	md5[0] ^= 1;
	_cleanup_free_ char *bad = base64_encode(md5, length);
	assert_error(write_text(f, &l, text, NULL, bad), ERROR_INVALID_ARGUMENT, "Content-MD5",
		     "does not match");
	OK(write_text(f, &l, text, NULL, good));
	struct work *w = begin(f);
	assert_error(state_write(w, l.state, &l.by, NULL, NULL, text, STATE_MAX_BYTES + 1, ERR),
		     ERROR_TOO_LARGE, NULL, "the limit is 67108864");
	work_rollback(w);
	runner_free(l.runner);
}

/* 1 locked by another, with the holder in *ret_holder. */
static int lock(struct fixture *f, struct launch *l, const char *info, char **ret_holder)
{
	struct work *w = begin(f);
	int r = state_lock(w, l->state, &l->by, info, strlen(info), ret_holder, ERR);
	end(w);
	return r;
}

static int unlock(struct fixture *f, struct launch *l, const char *info, char **ret_holder)
{
	struct work *w = begin(f);
	int r = state_unlock(w, l->state, &l->by, info, strlen(info), ret_holder, ERR);
	end(w);
	return r;
}

static json_t *lock_of(struct fixture *f, const char *state)
{
	json_t *shown = NULL;
	struct work *w = begin(f);
	OK(state_lock_render(w, state, &shown, ERR));
	end(w);
	return shown;
}

static void locks(void **state)
{
	struct fixture *f = *state;
	struct launch l;
	start(f, &l, "p");
	_cleanup_free_ char *holder = NULL, *holder_again = NULL, *text = state_text(1, "l");
	_cleanup_json_ json_t *free_lock = lock_of(f, l.state);
	assert_false(json_get_bool(free_lock, "held", true));
	OK(lock(f, &l, LOCK_A, &holder));
	OK(lock(f, &l, LOCK_A, &holder));
	assert_error(lock(f, &l, LOCK_B, &holder), ERROR_LOCKED, NULL, l.job);
	assert_string_equal(holder, LOCK_A);
	_cleanup_json_ json_t *held = lock_of(f, l.state);
	assert_true(json_get_bool(held, "held", false));
	assert_false(json_get_bool(held, "safeToBreak", true));
	assert_string_equal(json_get_str(held, "lockId"), "lock-a");
	assert_string_equal(json_get_str(held, "who"), "someone");
	assert_string_equal(json_get_str(held, "stackJobId"), l.job);
	assert_string_equal(json_get_str(held, "runnerId"), l.runner->id);

	assert_error(write_text(f, &l, text, "lock-b", NULL), ERROR_LOCKED, NULL,
		     "lock-a, not lock-b");
	OK(write_text(f, &l, text, "lock-a", NULL));
	assert_error(unlock(f, &l, LOCK_B, &holder_again), ERROR_LOCKED, NULL, "");
	assert_string_equal(holder_again, LOCK_A);
	OK(unlock(f, &l, "{\"ID\": \"lock-a\"}", &holder));
	OK(unlock(f, &l, LOCK_A, &holder));
	OK(lock(f, &l, LOCK_B, &holder));
	OK(unlock(f, &l, "", &holder));
	OK(lock(f, &l, LOCK_A, &holder));
	runner_free(l.runner);
}

static void lock_documents_are_checked(void **state)
{
	struct fixture *f = *state;
	struct launch l;
	start(f, &l, "p");
	char *holder = NULL;
	assert_error(lock(f, &l, "{}", &holder), ERROR_INVALID_ARGUMENT, "/ID", "has no ID");
	assert_error(lock(f, &l, "", &holder), ERROR_INVALID_ARGUMENT, NULL, "no JSON");
	assert_error(lock(f, &l, "{\"ID\": \"\"}", &holder), ERROR_INVALID_ARGUMENT, "/ID", "");
	_cleanup_free_ char *large = xcalloc(1, STATE_LOCK_MAX_BYTES + 2);
	memset(large, ' ', STATE_LOCK_MAX_BYTES + 1);
	assert_error(lock(f, &l, large, &holder), ERROR_TOO_LARGE, NULL, "the limit is 65536");
	OK(lock(f, &l, LOCK_A, &holder));
	assert_error(unlock(f, &l, "nonsense", &holder), ERROR_INVALID_ARGUMENT, NULL, "no JSON");
	assert_null(holder);
	runner_free(l.runner);
}

static void a_dead_holder_is_as_good_as_none(void **state)
{
	struct fixture *f = *state;
	struct launch l;
	start(f, &l, "p");
	char *holder = NULL;
	struct launch dead = l;
	dead.by.epoch--;
	OK(lock(f, &dead, LOCK_B, &holder));
	_cleanup_json_ json_t *shown = lock_of(f, l.state);
	assert_false(json_get_bool(shown, "held", true));
	assert_true(json_get_bool(shown, "safeToBreak", false));
	_cleanup_free_ char *text = state_text(1, "l");
	OK(write_text(f, &l, text, "lock-a", NULL));
	OK(lock(f, &l, LOCK_A, &holder));
	_cleanup_json_ json_t *taken = lock_of(f, l.state);
	assert_string_equal(json_get_str(taken, "lockId"), "lock-a");
	runner_free(l.runner);
}

static int rollback(struct fixture *f, const char *state, const char *version, const char *reason,
		    struct state_version_row *ret)
{
	struct work *w = begin(f);
	int r = state_rollback(w, state, version, reason, ret, ERR);
	if (r < 0)
		work_rollback(w);
	else
		end(w);
	return r;
}

static void rolling_back(void **state)
{
	struct fixture *f = *state;
	struct launch l;
	struct state_version_row next = {0};
	assert_error(rollback(f, "cr_none", "ver_x", "why", &next), ERROR_NOT_FOUND, NULL, "");
	start(f, &l, "p");
	OK(write_serial(f, &l, 3, "l"));
	struct work *w = begin(f);
	_cleanup_(state_version_row_release) struct state_version_row first = {0}, newest = {0};
	OK(state_version_get(w->tx, l.state, NULL, &first, ERR));
	end(w);
	OK(write_serial(f, &l, 4, "l"));
	assert_error(rollback(f, l.state, first.id, "why", &next), ERROR_CONFLICT, NULL, l.job);
	finish(&l);

	w = begin(f);
	OK(state_version_get(w->tx, l.state, NULL, &newest, ERR));
	end(w);
	assert_error(rollback(f, l.state, first.id, "", &next), ERROR_INVALID_ARGUMENT, "reason",
		     "");
	assert_error(rollback(f, l.state, "ver_x", "why", &next), ERROR_NOT_FOUND, NULL, "");
	assert_error(rollback(f, l.state, newest.id, "why", &next), ERROR_CONFLICT, "version",
		     "is the current");
	OK(rollback(f, l.state, first.id, "a mistake", &next));
	assert_int_equal(next.serial, 101);
	assert_non_null(strstr(next.message, "a mistake"));
	state_version_row_release(&next);
	char *bytes = NULL;
	size_t size;
	w = begin(f);
	OK(state_read(w, l.state, NULL, &bytes, &size, ERR));
	end(w);
	_cleanup_free_ char *expected = state_text(101, "l");
	assert_string_equal(bytes, expected);
	free(bytes);

	/* A lost engine may still write. */
	w = begin(f);
	OK(resource_status_set(w, l.state, "held",
			       document("{'kind': 'engine_may_live', 'runner': 'rnr_1', 'job': "
					"'sj_1', 'epoch': 1}"),
			       ERR));
	end(w);
	assert_error(rollback(f, l.state, first.id, "why", &next), ERROR_CONFLICT, NULL,
		     "may still write");
}

static void versions_are_shown(void **state)
{
	struct fixture *f = *state;
	struct launch l;
	start(f, &l, "p");
	OK(write_serial(f, &l, 3, "l"));
	_cleanup_(state_version_row_release) struct state_version_row row = {0};
	struct work *w = begin(f);
	OK(state_version_get(w->tx, l.state, NULL, &row, ERR));
	_cleanup_json_ json_t *shown = state_version_render(&row, true);
	char *bytes = NULL;
	size_t size;
	assert_error(state_read(w, "cr_other", row.id, &bytes, &size, ERR), ERROR_NOT_FOUND, NULL,
		     "");
	end(w);
	assert_string_equal(json_get_str(shown, "stackJobId"), l.job);
	assert_int_equal(json_get_int(shown, "serial", 0), 3);
	assert_true(json_get_bool(shown, "current", false));
	runner_free(l.runner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(credentials),
		CONTROL_TEST(the_credential_before_is_void),
		CONTROL_TEST(serials_and_lineages),
		CONTROL_TEST(what_was_sent_is_what_arrived),
		CONTROL_TEST(locks),
		CONTROL_TEST(lock_documents_are_checked),
		CONTROL_TEST(a_dead_holder_is_as_good_as_none),
		CONTROL_TEST(rolling_back),
		CONTROL_TEST(versions_are_shown),
	};
	return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
