/* Applying manifests: outcomes, secrets, identity, versions, and everything that is refused. */
#include "documents.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "base/strv.h"
#include "model/manifest.h"
#include "model/sensitive.h"

#define SECRET	     "planted-pa55word-one"
#define OTHER_SECRET "planted-pa55word-two"

static void created_unchanged_updated(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row first = {0}, same = {0}, third = {0};
	applied(f, vault("My Vault", "{'note': 'a'}"), APPLY_CREATED, &first);
	assert_string_equal(first.slug, "my-vault");
	assert_string_equal(first.org, "default");
	applied(f, vault("My Vault", "{'size': 1, 'note': 'a'}"), APPLY_UNCHANGED, &same);
	assert_string_equal(same.version_id, first.version_id);
	applied(f, vault("My Vault", "{'note': 'b'}"), APPLY_UPDATED, &third);
	assert_string_equal(third.id, first.id);
	assert_string_not_equal(third.version_id, first.version_id);
	assert_int_equal(third.created_ms, first.created_ms);
}

static void a_job_for_a_change_and_none_for_no_change(void **state)
{
	struct fixture *f = *state;
	const struct apply_options with_job = {.create_job = true, .message = "why"};
	_cleanup_(apply_result_release) struct apply_result a = {0}, b = {0}, c = {0}, d = {0};
	OK(try_apply(f, vault("v", "{}"), &with_job, &a, ERR));
	assert_int_equal(a.job.operation, JOB_UPDATE);
	assert_string_equal(a.job.message, "why");
	assert_string_equal(a.job.version_id, a.resource.version_id);
	OK(try_apply(f, vault("v", "{}"), &with_job, &b, ERR));
	assert_null(b.job.id);
	OK(try_apply(f, plain("Environment", "qa", "{}"), &with_job, &c, ERR));
	assert_null(c.job.id);
	json_t *quiet = vault("v", "{'note': 'x'}");
	json_object_set_new(quiet, "placement",
			    document("{'flowControl': {'disableOnLifecycleEvents': true}}"));
	OK(try_apply(f, quiet, &with_job, &d, ERR));
	assert_int_equal(d.outcome, APPLY_UPDATED);
	assert_null(d.job.id);
}

static void secrets_are_compared_and_never_seen(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row first = {0}, second = {0};
	applied(f, vault("v", "{'password': '" SECRET "'}"), APPLY_CREATED, &first);
	applied(f, vault("v", "{'password': '" SECRET "'}"), APPLY_UNCHANGED, NULL);
	applied(f, vault("v", "{'password': '" OTHER_SECRET "'}"), APPLY_UPDATED, &second);
	for (int i = 0; i < 3; i++) {
		_cleanup_free_ char *spec =
			xasprintf("{'provider': 'postgresql', 'fields': {'host': 'h', 'user': 'u', "
				  "'password': '%s'}}",
				  i < 2 ? SECRET : OTHER_SECRET);
		applied(f, plain("Connection", "pg", spec),
			i == 0	 ? APPLY_CREATED
			: i == 1 ? APPLY_UNCHANGED
				 : APPLY_UPDATED,
			NULL);
	}

	struct work *w = begin(f);
	_cleanup_json_ json_t *shown = resource_render(w, &second);
	_cleanup_free_ char *text = json_to_text(shown, JSON_WRITE_COMPACT);
	struct version_row *versions = NULL;
	int n = version_list(w->tx, second.id, NULL, 10, &versions, ERR);
	assert_int_equal(n, 2);
	assert_string_equal(versions[0].event, "updated");
	assert_string_equal(versions[0].previous_id, first.version_id);
	assert_non_null(strstr(versions[0].diff,
			       "-  password: (sensitive)\n+  password: (sensitive, changed)\n"));
	assert_null(strstr(versions[0].diff, "planted"));
	assert_string_equal(versions[1].event, "created");
	assert_non_null(strstr(versions[1].diff, "+  password: (sensitive)"));
	for (int i = 0; i < n; i++)
		version_row_release(&versions[i]);
	free(versions);
	end(w);
	assert_string_equal(json_get_str(shown, "spec.password"), SENSITIVE_MASK);
	assert_null(strstr(text, "planted"));
	assert_false(on_disk(f, "planted"));
}

static void what_was_printed_can_be_applied(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row first = {0}, changed = {0};
	applied(f,
		vault("Vault One",
		      "{'password': '" SECRET "', 'users': [{'name': 'a', 'token': 't'}]}"),
		APPLY_CREATED, &first);
	struct work *w = begin(f);
	json_t *printed = resource_render(w, &first);
	end(w);
	assert_non_null(json_get_str(printed, "metadata.version.id"));
	_cleanup_json_ json_t *edited = json_deep_copy(printed);
	applied(f, printed, APPLY_UNCHANGED, NULL);

	json_set_string(json_get(edited, "spec"), "note", "edited");
	applied(f, json_incref(edited), APPLY_UPDATED, &changed);
	w = begin(f);
	_cleanup_resource_ struct resource_row normalised = {0}, existing = {0};
	bool same;
	_cleanup_json_ json_t *full =
		vault("Vault One", "{'password': '" SECRET
				   "', 'note': 'edited', 'users': [{'name': 'a', 'token': 't'}]}");
	OK(resource_check(w, full, &normalised, &existing, ERR));
	OK(resource_same(w, &normalised, &changed, &same, ERR));
	assert_true(same);
	end(w);

	json_array_append_new(json_get(edited, "spec.users"),
			      document("{'name': 'b', 'token': '(sensitive)'}"));
	refused(f, json_incref(edited), ERROR_UNPROCESSABLE, "/spec/users/1/token",
		"there is none yet");
	refused(f, vault("new", "{'password': '(sensitive)'}"), ERROR_UNPROCESSABLE,
		"/spec/password", "");
}

static void if_match_names_both_versions(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row first = {0};
	_cleanup_(apply_result_release) struct apply_result result = {0};
	applied(f, vault("v", "{}"), APPLY_CREATED, &first);
	struct apply_options options = {.if_match = "ver_stale"};
	int r = try_apply(f, vault("v", "{'note': 'x'}"), &options, &result, ERR);
	assert_non_null(strstr(test_error->message, first.version_id));
	assert_error(r, ERROR_CONFLICT, "If-Match", "ver_stale");
	assert_error(try_apply(f, vault("none", "{}"), &options, &result, ERR), ERROR_CONFLICT,
		     "If-Match", "does not exist");
	options.if_match = first.version_id;
	OK(try_apply(f, vault("v", "{'note': 'x'}"), &options, &result, ERR));
}

static void identity(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row first = {0}, renamed = {0}, by_slug = {0};
	applied(f, plain("Environment", "prod", "{}"), APPLY_CREATED, NULL);
	applied(f, vault("v", "{}"), APPLY_CREATED, &first);

	json_t *m = vault("New Name", "{}");
	json_set_string(json_get(m, "metadata"), "id", first.id);
	applied(f, m, APPLY_UPDATED, &renamed);
	assert_string_equal(renamed.slug, "v");
	assert_string_equal(renamed.name, "New Name");
	m = vault("Other Name", "{}");
	json_set_string(json_get(m, "metadata"), "slug", "v");
	applied(f, m, APPLY_UPDATED, &by_slug);
	assert_string_equal(by_slug.id, first.id);

	const char *const moves[][2] = {{"env", "prod"}, {"slug", "w"}, {"org", "other"}};
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		_cleanup_free_ char *field = xasprintf("/metadata/%s", moves[i][0]);
		m = vault("v", "{}");
		json_set_string(json_get(m, "metadata"), "id", first.id);
		json_set_string(json_get(m, "metadata"), moves[i][0], moves[i][1]);
		refused(f, m, ERROR_CONFLICT, field, "cannot become");
	}
	m = vault("v", "{}");
	json_set_string(json_get(m, "metadata"), "id", "cr_01k0000000000000000000000z");
	refused(f, m, ERROR_NOT_FOUND, "/metadata/id", "there is no resource");

	/* The same slug elsewhere is another resource. */
	m = vault("v", "{}");
	json_set_string(json_get(m, "metadata"), "env", "prod");
	_cleanup_resource_ struct resource_row elsewhere = {0};
	applied(f, m, APPLY_CREATED, &elsewhere);
	assert_string_not_equal(elsewhere.id, first.id);
}

static void places_that_do_not_exist(void **state)
{
	struct fixture *f = *state;
	json_t *m = vault("v", "{}");
	json_set_string(json_get(m, "metadata"), "env", "dve");
	refused(f, m, ERROR_UNPROCESSABLE, "/metadata/env", "did you mean dev?");
	m = vault("v", "{}");
	json_set_string(json_get(m, "metadata"), "env", "production");
	refused(f, m, ERROR_UNPROCESSABLE, "/metadata/env", "there is dev");
	m = vault("v", "{}");
	json_object_del(json_get(m, "metadata"), "env");
	refused(f, m, ERROR_UNPROCESSABLE, "/metadata/env", "is missing");
	m = vault("v", "{}");
	json_set_string(json_get(m, "metadata"), "org", "nowhere");
	refused(f, m, ERROR_UNPROCESSABLE, "/metadata/org", "names no organization: nowhere");
	m = plain("Environment", "x", "{}");
	json_set_string(json_get(m, "metadata"), "env", "dev");
	refused(f, m, ERROR_UNPROCESSABLE, "/metadata/env", "is for cloud resources");
	m = plain("Organization", "x", "{}");
	json_set_string(json_get(m, "metadata"), "org", "default");
	refused(f, m, ERROR_UNPROCESSABLE, "/metadata/org", "organization itself");
	applied(f, plain("Organization", "empty", "{}"), APPLY_CREATED, NULL);
	m = vault("v", "{}");
	json_set_string(json_get(m, "metadata"), "org", "empty");
	refused(f, m, ERROR_UNPROCESSABLE, "/metadata/env", "there is none yet");
}

static void all_findings_at_once_and_no_values(void **state)
{
	struct fixture *f = *state;
	_cleanup_(apply_result_release) struct apply_result result = {0};
	json_t *m = vault(
		"v", "{'password': 'short1', 'sise': 2, 'size': 'big', 'users': [{'token': 7}]}");
	json_set_string(json_get(m, "metadata"), "env", "nope");
	int r = try_apply(f, m, NULL, &result, ERR);
	assert_int_equal(test_error->n_details, 6);
	for (size_t i = 0; i < test_error->n_details; i++)
		assert_null(strstr(test_error->details[i].message, "short1"));
	assert_error(r, ERROR_UNPROCESSABLE, NULL, "did you mean");

	m = vault("v", "{}");
	json_set_string(m, "kind", "Valut");
	refused(f, m, ERROR_UNPROCESSABLE, "/kind", "did you mean Vault?");
	m = vault("v", "{}");
	json_set_string(m, "apiVersion", "vault.test/v2");
	refused(f, m, ERROR_UNPROCESSABLE, "/apiVersion", "vault.test/v1");
	m = vault("v", "{}");
	json_set_string(m, "sepc", "x");
	refused(f, m, ERROR_UNPROCESSABLE, "/sepc", "did you mean \"spec\"?");
	refused(f, vault("v", "{'free': {'$sealed': 'x'}}"), ERROR_UNPROCESSABLE, "/spec/free",
		"reserved");
	refused(f, plain("Connection", "c", "{'provider': 'postgrsql', 'fields': {}}"),
		ERROR_UNPROCESSABLE, "/spec/provider", "did you mean postgresql?");
	refused(f, plain("Connection", "c", "{'provider': 'postgresql', 'fields': {'hots': 'h'}}"),
		ERROR_UNPROCESSABLE, "/spec/fields/hots", "did you mean \"host\"?");
	refused(f,
		plain("Connection", "c",
		      "{'provider': 'postgresql', 'fields': {'host': 'h', 'user': 'u', 'password': "
		      "'$secret/p'}}"),
		ERROR_UNPROCESSABLE, "/spec/fields/password", "there are none");
}

static void one_default_connection_per_provider_and_organization(void **state)
{
	struct fixture *f = *state;
	const char *spec =
		"{'provider': 'postgresql', 'default': true, 'fields': {'host': 'h', 'user': 'u'}}";
	const char *s3 = "{'provider': 'generic', 'default': true, 'fields': {}}";
	applied(f, plain("Connection", "one", spec), APPLY_CREATED, NULL);
	applied(f, plain("Connection", "one", spec), APPLY_UNCHANGED, NULL);
	refused(f, plain("Connection", "two", spec), ERROR_UNPROCESSABLE, "/spec/default",
		"one is the default");
	applied(f, plain("Connection", "three", s3), APPLY_CREATED, NULL);
	applied(f, plain("Organization", "acme", "{}"), APPLY_CREATED, NULL);
	json_t *elsewhere = plain("Connection", "two", spec);
	json_set_string(json_get(elsewhere, "metadata"), "org", "acme");
	applied(f, elsewhere, APPLY_CREATED, NULL);
	applied(f,
		plain("Connection", "one",
		      "{'provider': 'postgresql', 'fields': {'host': 'h', 'user': 'u'}}"),
		APPLY_UPDATED, NULL);
	applied(f, plain("Connection", "two", spec), APPLY_CREATED, NULL);
}

static void sizes_have_limits(void **state)
{
	struct fixture *f = *state;
	_cleanup_(apply_result_release) struct apply_result result = {0};
	_cleanup_free_ char *long_message = xcalloc(1, MANIFEST_MAX_MESSAGE + 2);
	memset(long_message, 'm', MANIFEST_MAX_MESSAGE + 1);
	assert_error(try_apply(f, vault("v", "{}"),
			       &(struct apply_options){.message = long_message}, &result, ERR),
		     ERROR_TOO_LARGE, "message", "the limit is 2000");

	json_t *m = vault("v", "{}");
	_cleanup_free_ char *megabyte = xcalloc(1, MANIFEST_MAX_SIZE + 1);
	memset(megabyte, 'n', MANIFEST_MAX_SIZE);
	json_set_string(json_get(m, "spec"), "note", megabyte);
	refused(f, m, ERROR_TOO_LARGE, NULL, "the limit is 1048576");

	/* Many small secrets: a seal is much larger than what it seals. */
	m = vault("v", "{'users': []}");
	for (int i = 0; i < 30000; i++)
		json_array_append_new(json_get(m, "spec.users"),
				      document("{'name': 'n', 'token': 't'}"));
	refused(f, m, ERROR_TOO_LARGE, NULL, "the limit is 4194304");

	_cleanup_strbuf_ struct strbuf deep = STRBUF_INIT;
	for (int i = 0; i < 50; i++)
		strbuf_addstr(&deep, "{'a': ");
	strbuf_addch(&deep, '1');
	for (int i = 0; i < 50; i++)
		strbuf_addch(&deep, '}');
	m = vault("v", "{}");
	json_object_set_new(json_get(m, "spec"), "free", document("%s", deep.data));
	refused(f, m, ERROR_TOO_LARGE, NULL, "limit of 48 levels");
}

static void look_ups(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row v = {0}, row = {0};
	const struct scope anywhere = {0}, dev = {.org = "default", .env = "dev"};
	applied(f, plain("Environment", "prod", "{}"), APPLY_CREATED, NULL);
	applied(f, vault("thing", "{}"), APPLY_CREATED, &v);
	const char *playground = apply(f, "thing", "m", NULL, NULL);
	json_t *m = vault("thing", "{}");
	json_set_string(json_get(m, "metadata"), "env", "prod");
	applied(f, m, APPLY_CREATED, NULL);

	struct work *w = begin(f);
	const char *const found[][2] = {
		{"Vault/thing", v.id}, {"Playground/thing", playground}, {v.id, v.id}};
	for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
		OK(resource_resolve(w, RESOURCE_CLOUD_RESOURCE, found[i][0], &dev, &row, ERR));
		assert_string_equal(row.id, found[i][1]);
		resource_row_release(&row);
	}
	int r = resource_resolve(w, RESOURCE_CLOUD_RESOURCE, "thing", &anywhere, &row, ERR);
	assert_int_equal(test_error->n_details, 3);
	assert_non_null(strstr(test_error->message, v.id));
	assert_non_null(strstr(test_error->message, "Playground/thing in default/dev"));
	assert_error(r, ERROR_AMBIGUOUS, NULL, "names 3 cloud resources");
	assert_error(
		resource_resolve(w, RESOURCE_CLOUD_RESOURCE, "Vault/thing", &anywhere, &row, ERR),
		ERROR_AMBIGUOUS, NULL, "names 2");
	r = resource_resolve(w, RESOURCE_CLOUD_RESOURCE, "Vault/thign", &dev, &row, ERR);
	assert_string_equal(test_error->hint, "did you mean thing?");
	assert_error(r, ERROR_NOT_FOUND, NULL, "no cloud resource Vault/thign in default/dev");
	assert_error(resource_resolve(w, RESOURCE_CONNECTION, v.id, &anywhere, &row, ERR),
		     ERROR_NOT_FOUND, NULL, "is no Connection");
	OK(resource_resolve(w, RESOURCE_ENVIRONMENT, "Environment/prod", &anywhere, &row, ERR));
	end(w);
	for (int i = 0; i < 25; i++) {
		_cleanup_free_ char *name = xasprintf("o%d", i);
		applied(f, plain("Organization", name, "{}"), APPLY_CREATED, NULL);
		m = plain("Environment", "dev", "{}");
		json_set_string(json_get(m, "metadata"), "org", name);
		applied(f, m, APPLY_CREATED, NULL);
	}
	w = begin(f);
	assert_error(resource_resolve(w, RESOURCE_ENVIRONMENT, "dev", &anywhere, &row, ERR),
		     ERROR_AMBIGUOUS, NULL, "names more than 20 Environments");
	end(w);
}

static void a_manifest_that_is_not_saved_is_previewed_as_given(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row saved = {0}, normalised = {0}, existing = {0};
	_cleanup_(job_row_release) struct job_row job = {0};
	applied(f, vault("v", "{'note': 'saved'}"), APPLY_CREATED, &saved);
	_cleanup_json_ json_t *m = vault("v", "{'note': 'not saved'}");
	struct work *w = begin(f);
	OK(resource_check(w, m, &normalised, &existing, ERR));
	struct job_request q = {
		.resource = &existing, .unsaved = &normalised, .operation = JOB_PREVIEW};
	OK(job_create(w, &q, &job, ERR));
	assert_non_null(strstr(job.manifest, "not saved"));
	assert_string_equal(job.resource_id, saved.id);
	assert_null(job.version_id);
	q.operation = JOB_UPDATE;
	struct job_row none = {0};
	assert_error(job_create(w, &q, &none, ERR), ERROR_INVALID_ARGUMENT, "operation",
		     "only be previewed");
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(created_unchanged_updated),
		CONTROL_TEST(a_job_for_a_change_and_none_for_no_change),
		CONTROL_TEST(secrets_are_compared_and_never_seen),
		CONTROL_TEST(what_was_printed_can_be_applied),
		CONTROL_TEST(if_match_names_both_versions),
		CONTROL_TEST(identity),
		CONTROL_TEST(places_that_do_not_exist),
		CONTROL_TEST(all_findings_at_once_and_no_values),
		CONTROL_TEST(one_default_connection_per_provider_and_organization),
		CONTROL_TEST(sizes_have_limits),
		CONTROL_TEST(look_ups),
		CONTROL_TEST(a_manifest_that_is_not_saved_is_previewed_as_given),
	};
	return cmocka_run_group_tests_name("resources", tests, NULL, NULL);
}
