/* Answers that are given again: stored with the work that they tell of, and for who asked. */
#include "documents.h"

#include "control/keys.h"

static struct work *begin_for(struct fixture *f, const char *principal)
{
	struct work *w = NULL;
	const struct actor actor = {.principal = principal, .admin = true};
	OK(work_begin(f->control, &actor, STORE_WRITE, &w, ERR));
	return w;
}

static int check(struct fixture *f, const char *principal, const char *key, const char *hash,
		 struct idempotency_row *ret)
{
	struct work *w = begin_for(f, principal);
	int r = idempotency_check(w, key, hash, ret, ERR);
	work_rollback(w);
	return r;
}

static void an_answer_is_given_again(void **state)
{
	struct fixture *f = *state;
	_cleanup_(idempotency_row_release) struct idempotency_row row = {0};
	assert_int_equal(check(f, "alice", "k", "h", &row), 0);
	struct work *w = begin_for(f, "alice");
	OK(idempotency_remember(w, "k", "h", 201, "{\"made\": 1}", ERR));
	end(w);
	fixture_restart(f);
	assert_int_equal(check(f, "alice", "k", "h", &row), 1);
	assert_int_equal(row.http_status, 201);
	assert_string_equal(row.response, "{\"made\": 1}");
}

static void a_key_is_for_one_request_of_one_principal(void **state)
{
	struct fixture *f = *state;
	struct idempotency_row row = {0};
	struct work *w = begin_for(f, "alice");
	OK(idempotency_remember(w, "k", "h", 200, NULL, ERR));
	end(w);
	assert_error(check(f, "alice", "k", "other", &row), ERROR_UNPROCESSABLE, "Idempotency-Key",
		     "another request");
	assert_int_equal(check(f, "bob", "k", "other", &row), 0);
	assert_int_equal(check(f, "alice", "K", "other", &row), 0);
}

static void what_is_undone_was_never_answered(void **state)
{
	struct fixture *f = *state;
	struct idempotency_row row = {0};
	struct work *w = begin_for(f, "alice");
	OK(idempotency_remember(w, "k", "h", 200, "{}", ERR));
	work_rollback(w);
	assert_int_equal(check(f, "alice", "k", "h", &row), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(an_answer_is_given_again),
		CONTROL_TEST(a_key_is_for_one_request_of_one_principal),
		CONTROL_TEST(what_is_undone_was_never_answered),
	};
	return cmocka_run_group_tests_name("idempotency", tests, NULL, NULL);
}
