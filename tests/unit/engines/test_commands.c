#include "testing.h"

#include "base/strutil.h"
#include "base/strv.h"

static void assert_command(enum engine_command command, const struct engine_options *options,
			   const char *expected)
{
	_cleanup_strv_ char **argv = tofu_engine.command_line("/bin/tofu", command, options);
	_cleanup_free_ char *joined = strv_join(argv, " ");
	assert_string_equal(joined, expected);
}

static void command_lines(void **state)
{
	(void)state;
	char *targets[] = {"a.b", "c.d[\"x y\"]", NULL}, *replaces[] = {"e.f", NULL};
	const struct engine_options none = {0};
	const struct engine_options all = {
		.destroy = true, .skip_refresh = true, .targets = targets, .replaces = replaces};

	assert_command(ENGINE_INIT, &none, "/bin/tofu init -input=false -no-color -json");
	assert_command(ENGINE_PLAN, &none,
		       "/bin/tofu plan -input=false -no-color -json -out=plan.tfplan");
	assert_command(ENGINE_PLAN, &all,
		       "/bin/tofu plan -input=false -no-color -json -refresh=false -destroy "
		       "-out=plan.tfplan "
		       "-target=a.b -target=c.d[\"x y\"] -replace=e.f");
	assert_command(ENGINE_PLAN_REFRESH_ONLY, &all,
		       "/bin/tofu plan -input=false -no-color -json -refresh-only -out=plan.tfplan "
		       "-target=a.b -target=c.d[\"x y\"]");
	assert_command(ENGINE_APPLY, &all,
		       "/bin/tofu apply -input=false -no-color -json plan.tfplan");
	assert_command(ENGINE_APPLY_REFRESH_ONLY, &none,
		       "/bin/tofu apply -input=false -no-color -json plan.tfplan");
	assert_command(ENGINE_SHOW_PLAN, &none, "/bin/tofu show -no-color -json plan.tfplan");
	assert_command(ENGINE_SHOW_VARIABLES, &none, "/bin/tofu show -no-color -module=. -json");
}

static void names_of_commands(void **state)
{
	(void)state;
	for (int i = 0; i < _ENGINE_COMMAND_MAX; i++)
		assert_int_equal(engine_command_from_string(
					 engine_command_to_string((enum engine_command)i)),
				 i);
	assert_int_equal(engine_command_from_string("explode"), _ENGINE_COMMAND_INVALID);
	assert_int_equal(engine_command_from_string(NULL), _ENGINE_COMMAND_INVALID);
	assert_null(engine_command_to_string(_ENGINE_COMMAND_INVALID));
}

static void a_clean_environment(void **state)
{
	(void)state;
	setenv("PLANTED", "secret", 1);
	char *proxies[] = {"https_proxy=http://p", NULL},
	     *marks[] = {"PLANTON_LAUNCH=sj_1/apply/1", NULL};
	json_t *credentials =
		json("{'PGPASSWORD':'pw','PATH':'/"
		     "evil','TF_HTTP_ADDRESS':'x','TF_VAR_a':'1','LD_PRELOAD':'x','A=B':'x'}");
	const struct engine_environment environment = {.home = "/w/home",
						       .tmp = "/w/tmp",
						       .marks = marks,
						       .memory_limit = 1000,
						       .state_address = "http://s/state",
						       .state_username = "u",
						       .state_password = "p",
						       .credentials = credentials,
						       .passed_on = proxies};
	_cleanup_strv_ char **env = tofu_engine.environment(&environment);
	assert_true(strv_contains(env, "PGPASSWORD=pw"));
	assert_true(strv_contains(env, "TF_VAR_a=1"));
	assert_true(strv_contains(env, "https_proxy=http://p"));
	assert_true(strv_contains(env, "TF_HTTP_ADDRESS=http://s/state"));
	assert_true(strv_contains(env, "PLANTON_LAUNCH=sj_1/apply/1"));
	assert_true(strv_contains(env, "GOGC=off"));
	assert_true(strv_contains(env, "GOMEMLIMIT=1000"));
	for (char **entry = env; *entry; entry++) {
		assert_null(startswith(*entry, "PLANTED"));
		assert_null(strstr(*entry, "evil"));
		assert_null(startswith(*entry, "LD_"));
		assert_null(startswith(*entry, "A="));
	}
	json_decref(credentials);
}

static void version(const char *given, const char *refusal)
{
	_cleanup_free_ char *text = xasprintf("{\"terraform_version\":\"%s\"}", given);
	_cleanup_free_ char *found = NULL;
	_cleanup_error_ struct error *error = NULL;
	int r = tofu_engine.read_version(text, strlen(text), &found, &error);
	if (!refusal) {
		assert_int_equal(r, 0);
		assert_string_equal(found, given);
		return;
	}
	assert_true(r < 0);
	assert_non_null(strstr(error->message, refusal));
}

static void versions(void **state)
{
	(void)state;
	version("1.12.6", NULL);
	version("1.10.0", NULL);
	version("2.0.0-beta1", NULL);
	version("1.9.9", "too old");
	version("0.15.0", "too old");
	version("1.12.0", "must not be used");
	version("", "names no version");
	_cleanup_error_ struct error *error = NULL;
	char *found;
	assert_true(tofu_engine.read_version("Terraform v1", 12, &found, &error) < 0);
}

static void providers_of_a_lock_file(void **state)
{
	(void)state;
	assert_json(tofu_engine.read_providers(
			    "# comment\n\nprovider \"registry.opentofu.org/hashicorp/local\" {\n"
			    "  version     = \"2.9.0\"\n  constraints = \"~> 2\"\n"
			    "  hashes = [\n    \"h1:x=\",\n  ]\n}\nprovider \"a/b\" {\n  version = "
			    "\"1\"\n}"),
		    "[{'source':'registry.opentofu.org/hashicorp/"
		    "local','version':'2.9.0'},{'source':'a/b','version':'1'}]");
	assert_json(tofu_engine.read_providers("provider \"unfinished"), "[]");
	assert_json(tofu_engine.read_providers(""), "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(names_of_commands),
		cmocka_unit_test(a_clean_environment),
		cmocka_unit_test(versions),
		cmocka_unit_test(providers_of_a_lock_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
