#include "testing.h"

#include "base/encoding.h"
#include "runner/grant.h"

#define GRANT(rest)                                                                                \
	"{'job':{'id':'sj_1','operation':'update','options':{'targets':['a.b'],'replaces':[]}},'"  \
	"operations':['init','apply'],"                                                            \
	"'epoch':3,'attempt':{'operation':'apply','number':2,'previous':null},'module':{'digest':" \
	"'abc','provisioner':'tofu'}" rest "}"

static struct grant *parse(const char *text, const struct key_pair *keys, struct error **err)
{
	json_t *root = json(text);
	struct grant *grant = NULL;
	grant_parse(root, keys, &grant, err);
	json_decref(root);
	return grant;
}

static void fields(void **state)
{
	(void)state;
	_cleanup_grant_ struct grant *grant = parse(
		GRANT(",'plan':{'digest':'p','artifact':'pack'},'timeoutSeconds':5,'"
		      "pauseBeforeChange':true,'state':{'address':'/state/v1/x','username':'u'}"),
		NULL, NULL);
	assert_non_null(grant);
	assert_string_equal(grant->job_id, "sj_1");
	assert_int_equal(grant->epoch, 3);
	assert_int_equal(grant->attempt, 2);
	assert_int_equal(grant->operation, OPERATION_APPLY);
	assert_true(grant_includes(grant, OPERATION_INIT));
	assert_false(grant_includes(grant, OPERATION_PREVIEW));
	assert_string_equal(grant->plan_digest, "p");
	assert_string_equal(grant->plan_artifact, "pack");
	assert_true(grant->pause_before_change);
	assert_int_equal(grant->timeout_ms, 5000);
	assert_string_equal(grant->targets[0], "a.b");
	assert_null(grant->previous);
	assert_null(grant_state_password(grant));
}

static void refused(void **state)
{
	(void)state;
	static const char *const broken[] = {
		"{}",
		"{'job':{'id':'../"
		"x','operation':'update'},'epoch':1,'attempt':{'operation':'init','number':1},'"
		"module':{'digest':'a'}}",
		"{'job':{'id':'x','operation':'update'},'epoch':0,'attempt':{'operation':'init','"
		"number':1},'module':{'digest':'a'}}",
		"{'job':{'id':'x','operation':'update'},'epoch':1,'attempt':{'operation':'dance','"
		"number':1},'module':{'digest':'a'}}",
		"{'job':{'id':'x','operation':'update'},'epoch':1,'attempt':{'operation':'init','"
		"number':1},'module':{'digest':'../a'}}",
		"{'job':{'id':'x','operation':'update'},'epoch':1,'attempt':{'operation':'init','"
		"number':1},'module':{'digest':'a'},'operations':['dance']}",
		"{'job':{'id':'x','operation':'update'},'epoch':1,'attempt':{'operation':'init','"
		"number':1},'module':{'digest':'a'},'sealed':'AAAA'}",
	};
	struct key_pair keys;
	assert_int_equal(key_pair_generate(&keys), 0);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		_cleanup_error_ struct error *error = NULL;
		assert_null(parse(broken[i], &keys, &error));
		assert_non_null(error);
	}
}

static void sealed_values(void **state)
{
	(void)state;
	struct key_pair keys, others;
	assert_int_equal(key_pair_generate(&keys), 0);
	assert_int_equal(key_pair_generate(&others), 0);
	_cleanup_free_ char *secrets =
		quoted("{'statePassword':'pw','values':['one',{'k':2}],'artifactKey':'"
		       "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='}");
	_cleanup_strbuf_ struct strbuf box = STRBUF_INIT;
	assert_int_equal(box_seal(keys.public_key, secrets, strlen(secrets), &box), 0);
	_cleanup_free_ char *encoded = base64_encode(box.data, box.size);
	_cleanup_free_ char *text = xasprintf(GRANT(",'manifest':{'spec':{'a':{'$sealed':0},'b':[{'"
						    "$sealed':1}],'c':'plain'}},'sealed':'%s'"),
					      encoded);

	_cleanup_grant_ struct grant *grant = parse(text, &keys, NULL);
	assert_non_null(grant);
	assert_string_equal(grant_state_password(grant), "pw");
	json_t *manifest = grant_manifest(grant);
	json_t *expected = json("{'spec':{'a':'one','b':[{'k':2}],'c':'plain'}}");
	assert_true(json_equal(manifest, expected));
	json_decref(manifest);
	json_decref(expected);
	uint8_t key[32];
	assert_true(grant_artifact_key(grant, key));
	assert_int_equal(key[31], 31);

	_cleanup_error_ struct error *error = NULL;
	assert_null(parse(text, &others, &error));
	assert_non_null(strstr(error->message, "cannot be opened"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(refused),
		cmocka_unit_test(sealed_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
