/* API keys. */
#include "documents.h"

#include "control/keys.h"

static void authenticates(struct fixture *f, const char *token, const char *principal, bool admin,
			  const char *runner_id)
{
	_cleanup_(api_key_row_release) struct api_key_row row = {0};
	struct actor actor;
	struct work *w = begin(f);
	OK(key_authenticate(w, token, &row, &actor, ERR));
	assert_string_equal(actor.principal, principal);
	assert_int_equal(actor.admin, admin);
	assert_true(streq_null(actor.runner_id, runner_id));
	end(w);
}

static void a_key_says_who_it_is(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *admin = NULL, *runner = NULL;
	struct work *w = begin(f);
	OK(key_create(w, "alice", "admin", NULL, &admin, ERR));
	OK(key_create(w, "runner:rnr_1", "runner", "rnr_1", &runner, ERR));
	end(w);
	assert_string_not_equal(admin, runner);
	authenticates(f, admin, "alice", true, NULL);
	authenticates(f, runner, "runner:rnr_1", false, "rnr_1");
	assert_false(on_disk(f, admin));
	assert_false(on_disk(f, runner));
}

static void other_keys_are_not_known(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *token = NULL;
	struct work *w = begin(f);
	OK(key_create(w, "alice", "admin", NULL, &token, ERR));
	end(w);
	token[10] = token[10] == 'a' ? 'b' : 'a';
	const char *const wrong[] = {token, "", "pt_", "nonsense"};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_(api_key_row_release) struct api_key_row row = {0};
		struct actor actor;
		w = begin(f);
		int r = key_authenticate(w, wrong[i], &row, &actor, ERR);
		work_rollback(w);
		assert_non_null(test_error->hint);
		assert_null(strstr(test_error->message, token));
		assert_error(r, ERROR_UNAUTHENTICATED, NULL, "not known");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(a_key_says_who_it_is),
		CONTROL_TEST(other_keys_are_not_known),
	};
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
