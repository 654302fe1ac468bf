/* Secrets of manifests at rest. */
#include "documents.h"

#include "base/strv.h"
#include "control/control.h"
#include "control/manifests.h"
#include "model/sensitive.h"

static json_t *of_text(const char *text)
{
	return document("%s", text);
}

static void sealed_opened_and_masked(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ json_t *m =
		vault("v", "{'password': 'pa55word-of-v', 'note': 'shown', 'users': ["
			   "{'name': 'a', 'token': 'tok-a'}, {'name': 'b', 'token': ''}]}");
	_cleanup_json_ json_t *clear = json_deep_copy(m), *opened = NULL;
	_cleanup_strv_ char **patterns =
		manifest_secret_patterns(f->control, RESOURCE_CLOUD_RESOURCE, "Vault", m);
	manifest_seal(f->control, "cr_1", patterns, m);
	_cleanup_free_ char *text = json_to_text(m, JSON_WRITE_COMPACT);
	assert_null(strstr(text, "pa55word"));
	assert_null(strstr(text, "tok-a"));
	assert_non_null(strstr(text, "shown"));
	_cleanup_json_ json_t *again = json_deep_copy(m);
	manifest_seal(f->control, "cr_1", patterns, again);
	assert_true(json_equal(m, again));

	OK(manifest_open(f->control, "cr_1", m, &opened, ERR));
	assert_true(json_equal(opened, clear));
	_cleanup_json_ json_t *masked = manifest_masked(m);
	_cleanup_json_ json_t *expected = of_text("{'name': 'a', 'token': '(sensitive)'}");
	assert_string_equal(json_get_str(masked, "spec.password"), SENSITIVE_MASK);
	assert_true(json_equal(json_array_get(json_get(masked, "spec.users"), 0), expected));
}

static void a_secret_belongs_to_its_resource(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ json_t *m = vault("v", "{'password': 'pa55word-of-v'}"), *opened = NULL;
	char *patterns[] = {(char *)"/spec/password", NULL};
	manifest_seal(f->control, "cr_1", patterns, m);
	assert_error(manifest_open(f->control, "cr_2", m, &opened, ERR), ERROR_INTERNAL, NULL,
		     "cannot open");

	struct master_key *other = NULL, *own = f->master_key;
	assert_int_equal(master_key_generate(&other), 0);
	f->master_key = other;
	fixture_restart(f);
	assert_error(manifest_open(f->control, "cr_1", m, &opened, ERR), ERROR_INTERNAL, NULL,
		     "another master key");
	f->master_key = own;
	fixture_restart(f);
	master_key_free(other);

	json_t *broken = of_text("{'spec': {'password': {'$sealed': 'no base64!'}}}");
	assert_error(manifest_open(f->control, "cr_1", broken, &opened, ERR), ERROR_INTERNAL, NULL,
		     "cannot read");
	json_decref(broken);
}

static void references_and_other_types_of_values(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ json_t *m = vault("v", "{'password': {'valueFrom': {'kind': 'Vault', "
					      "'name': 'o'}}, 'users': [{'name': 'n', "
					      "'token': '$secret/t'}, {'name': 'x', 'token': "
					      "null}, {'name': 'y', 'token': {'a': [1, true]}}]}");
	_cleanup_json_ json_t *before = json_deep_copy(m), *opened = NULL;
	_cleanup_strv_ char **patterns =
		manifest_secret_patterns(f->control, RESOURCE_CLOUD_RESOURCE, "Vault", m);
	manifest_seal(f->control, "cr_1", patterns, m);
	assert_true(json_equal(json_get(m, "spec.password"), json_get(before, "spec.password")));
	_cleanup_json_ json_t *markers = sealed_collect(m);
	assert_int_equal(json_object_size(markers), 1);
	OK(manifest_open(f->control, "cr_1", m, &opened, ERR));
	assert_true(json_equal(opened, before));
}

static void patterns_of_a_connection_are_its_provider_s(void **state)
{
	struct fixture *f = *state;
	_cleanup_json_ json_t *m =
		plain("Connection", "pg", "{'provider': 'postgresql', 'fields': {}}");
	_cleanup_strv_ char **patterns =
		manifest_secret_patterns(f->control, RESOURCE_CONNECTION, "Connection", m);
	assert_true(strv_contains(patterns, "/spec/fields/password"));
	assert_false(strv_contains(patterns, "/spec/fields/host"));
	assert_null(manifest_secret_patterns(f->control, RESOURCE_ORGANIZATION, "Organization", m));
	assert_null(manifest_secret_patterns(f->control, RESOURCE_CLOUD_RESOURCE, "Gone", m));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(sealed_opened_and_masked),
		CONTROL_TEST(a_secret_belongs_to_its_resource),
		CONTROL_TEST(references_and_other_types_of_values),
		CONTROL_TEST(patterns_of_a_connection_are_its_provider_s),
	};
	return cmocka_run_group_tests_name("manifests", tests, NULL, NULL);
}
