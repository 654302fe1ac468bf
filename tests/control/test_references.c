/* What an engine is given of a manifest, and outputs: sealed, shown, referred to. */
#include "documents.h"

#include <stdlib.h>

#include "base/strbuf.h"
#include "control/states.h"
#include "model/sensitive.h"

#define SECRET "planted-output-secret"

static void set_outputs(struct fixture *f, const char *id, json_t *outputs)
{
	struct work *w = begin(f);
	OK(resource_set_outputs(w, id, outputs, ERR));
	end(w);
	json_decref(outputs);
}

static void outputs_are_sealed_and_shown_on_request(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row v = {0};
	applied(f, vault("v", "{}"), APPLY_CREATED, &v);
	set_outputs(f, v.id,
		    document("{'uri': {'value': 'open', 'type': 'string', 'sensitive': false}, "
			     "'key': {'value': {'a': '" SECRET
			     "'}, 'type': 'x', 'sensitive': true}, 'huge': {'sensitive': true, "
			     "'omitted': 'has too much'}}"));
	assert_false(on_disk(f, SECRET));
	_cleanup_resource_ struct resource_row row = stored(f, v.id);
	_cleanup_json_ json_t *hidden = NULL, *shown = NULL;
	struct work *w = begin(f);
	OK(resource_outputs(w, &row, false, &hidden, ERR));
	OK(resource_outputs(w, &row, true, &shown, ERR));
	_cleanup_json_ json_t *document_for_people = resource_render(w, &row);
	end(w);
	assert_string_equal(json_get_str(hidden, "uri.value"), "open");
	assert_null(json_get(hidden, "key.value"));
	assert_true(json_get_bool(hidden, "key.sensitive", false));
	assert_string_equal(json_get_str(shown, "key.value.a"), SECRET);
	assert_null(json_get(shown, "huge.value"));
	assert_string_equal(json_get_str(shown, "huge.omitted"), "has too much");
	assert_true(json_equal(json_get(document_for_people, "status.outputs"), hidden));
}

/* The manifest and values of a job for it; the caller drops both. */
static int for_engine(struct fixture *f, const struct resource_row *row, json_t **ret_manifest,
		      json_t **ret_values, struct error **err)
{
	const struct job_row job = {.id = (char *)"sj_1",
				    .resource_id = row->id,
				    .state_id = row->id,
				    .org = row->org,
				    .env = row->env,
				    .manifest = row->manifest};
	struct work *w = begin(f);
	int r = resource_manifest_for_engine(w, &job, ret_manifest, ret_values, err);
	end(w);
	return r;
}

static void secrets_and_references_become_values(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row source = {0}, user = {0};
	_cleanup_json_ json_t *manifest = NULL, *values = NULL;
	applied(f, vault("source", "{}"), APPLY_CREATED, &source);
	set_outputs(f, source.id,
		    document("{'uri': {'value': 'vault://x', 'sensitive': false}, 'key': {'value': "
			     "'" SECRET "', 'sensitive': true}}"));
	applied(f,
		vault("user", "{'password': 'pa55word-of-v', 'note': {'valueFrom': {'kind': "
			      "'Vault', 'name': 'source'}}, "
			      "'peer': {'valueFrom': {'kind': 'Vault', 'name': 'source', "
			      "'fieldPath': 'status.outputs.key'}}, "
			      "'free': {'deep': [{'valueFrom': {'kind': 'Vault', 'env': 'dev', "
			      "'name': 'source', 'fieldPath': 'uri'}}]}}"),
		APPLY_CREATED, &user);
	OK(for_engine(f, &user, &manifest, &values, ERR));
	assert_string_equal(json_get_str(manifest, "spec.note"), "vault://x");
	assert_string_equal(
		json_string_value(json_array_get(json_get(manifest, "spec.free.deep"), 0)),
		"vault://x");
	assert_int_equal(json_array_size(values), 2);
	const char *const expected[][2] = {{"spec.password", "pa55word-of-v"},
					   {"spec.peer", SECRET}};
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		json_t *n = json_object_get(json_get(manifest, expected[i][0]), SEALED_KEY);
		assert_true(json_is_integer(n));
		assert_string_equal(
			json_string_value(json_array_get(values, (size_t)json_integer_value(n))),
			expected[i][1]);
	}
	_cleanup_free_ char *text = json_to_text(manifest, JSON_WRITE_COMPACT);
	assert_null(strstr(text, SECRET));
	assert_null(strstr(text, "pa55word"));
}

static void unresolvable(struct fixture *f, const char *spec, const char *field, const char *why)
{
	_cleanup_resource_ struct resource_row user = {0};
	_cleanup_(apply_result_release) struct apply_result result = {0};
	json_t *manifest = NULL, *values = NULL;
	OK(try_apply(f, vault("user", spec), NULL, &result, ERR));
	assert_error(for_engine(f, &result.resource, &manifest, &values, ERR), ERROR_UNPROCESSABLE,
		     field, why);
	assert_null(manifest);
}

static void unresolvable_references_name_their_field(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row source = {0};
	applied(f, vault("source", "{}"), APPLY_CREATED, &source);
	unresolvable(f, "{'peer': {'valueFrom': {'kind': 'Vault', 'name': 'source'}}}",
		     "/spec/peer",
		     "spec.peer cannot be resolved: there is no output uri of Vault/source (is it "
		     "applied?)");
	unresolvable(f, "{'peer': {'valueFrom': {'kind': 'Vault', 'name': 'sorce'}}}", "/spec/peer",
		     "no cloud resource Vault/sorce");
	unresolvable(f,
		     "{'peer': {'valueFrom': {'kind': 'Vault', 'env': 'prod', 'name': 'source'}}}",
		     "/spec/peer", "default/prod");
	unresolvable(f, "{'free': {'a': {'b': {'valueFrom': {'kind': 'Valut', 'name': 'x'}}}}}",
		     "/spec/free/a/b", "did you mean Vault?");
	unresolvable(f, "{'note': '$secret/token'}", "/spec/note", "there are no secrets");
	set_outputs(
		f, source.id,
		document(
			"{'uri': {'sensitive': false, 'omitted': 'has 9 bytes; the limit is 1'}}"));
	unresolvable(f, "{'peer': {'valueFrom': {'kind': 'Vault', 'name': 'source'}}}",
		     "/spec/peer", "the limit is 1");
}

static void what_is_no_reference_stays(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row v = {0};
	_cleanup_json_ json_t *manifest = NULL, *values = NULL;
	const char *spec =
		"{'size': 1, 'free': {'a': {'valueFrom': {'secretKeyRef': {'kind': 'Vault', "
		"'name': "
		"'x'}}}, 'b': {'valueFrom': {'kind': 'Vault', 'name': 'x', 'key': 'k'}}, 'c': "
		"{'valueFrom': 'text'}, 'd': [{'name': 'n', 'valueFrom': {'kind': 'K', 'name': "
		"'n'}}]}}";
	_cleanup_json_ json_t *expected = document("%s", spec);
	applied(f, vault("v", spec), APPLY_CREATED, &v);
	OK(for_engine(f, &v, &manifest, &values, ERR));
	assert_true(json_equal(json_get(manifest, "spec"), expected));
	applied(f,
		vault("w", "{'peer': {'value_from': {'kind': 'Vault', 'name': 'v', 'field_path': "
			   "'x'}}}"),
		APPLY_CREATED, NULL);
	applied(f,
		vault("w",
		      "{'peer': {'valueFrom': {'kind': 'Vault', 'name': 'v', 'fieldPath': 'x'}}}"),
		APPLY_UNCHANGED, NULL);
	refused(f,
		vault("x", "{'peer': {'value_from': {'kind': 'Vault', 'name': 'v', 'feld': 'x'}}}"),
		ERROR_UNPROCESSABLE, "/spec/peer/valueFrom/feld", "is unknown");
}

static void references_bring_in_no_more_than_a_limit(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row source = {0}, user = {0};
	applied(f, vault("source", "{}"), APPLY_CREATED, &source);
	_cleanup_free_ char *large = xcalloc(1, 200001);
	memset(large, 'x', 200000);
	set_outputs(f, source.id, document("{'uri': {'value': '%s', 'sensitive': false}}", large));
	json_t *m = vault("user", "{'free': {}}");
	for (int i = 0; i < 30; i++) {
		_cleanup_free_ char *name = xasprintf("r%d", i);
		json_object_set_new(json_get(m, "spec.free"), name,
				    document("{'valueFrom': {'kind': 'Vault', 'name': 'source'}}"));
	}
	applied(f, m, APPLY_CREATED, &user);
	json_t *manifest = NULL, *values = NULL;
	assert_error(for_engine(f, &user, &manifest, &values, ERR), ERROR_UNPROCESSABLE, NULL,
		     "limit of 4194304 bytes");
}

static void a_connection_becomes_environment_and_files(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row pg = {0};
	applied(f,
		plain("Connection", "pg",
		      "{'provider': 'postgresql', 'fields': {'host': 'h', 'port': 5433, 'user': "
		      "'u', 'password': 'pa55', 'caCertificate': 'PEM'}}"),
		APPLY_CREATED, &pg);
	_cleanup_json_ json_t *open = NULL;
	struct work *w = begin(f);
	OK(connection_open(w, &pg, &open, ERR));
	end(w);
	assert_string_equal(json_get_str(open, "env.PGPASSWORD"), "pa55");
	assert_string_equal(json_get_str(open, "env.PGPORT"), "5433");
	const json_t *file = json_array_get(json_get(open, "files"), 0);
	assert_string_equal(json_get_str(file, "content"), "PEM");
	assert_string_equal(json_string_value(json_array_get(json_get(open, "mask"), 0)), "pa55");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(outputs_are_sealed_and_shown_on_request),
		CONTROL_TEST(secrets_and_references_become_values),
		CONTROL_TEST(unresolvable_references_name_their_field),
		CONTROL_TEST(what_is_no_reference_stays),
		CONTROL_TEST(references_bring_in_no_more_than_a_limit),
		CONTROL_TEST(a_connection_becomes_environment_and_files),
	};
	return cmocka_run_group_tests_name("references", tests, NULL, NULL);
}
