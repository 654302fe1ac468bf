#include "testing.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/tree.h"
#include "cli/config.h"

static char folder[] = "/tmp/planton-config-XXXXXX";

static int prepare(void **state)
{
	(void)state;
	static const char *const variables[] = {"PLANTON_SERVER",     "PLANTON_ORG",
						"PLANTON_ENV",	      "PLANTON_TOKEN",
						"PLANTON_TOKEN_FILE", "PLANTON_CONTEXT"};
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	if (!mkdtemp(folder))
		return -1;
	return setenv("XDG_CONFIG_HOME", folder, 1);
}

static int clean(void **state)
{
	(void)state;
	return rm_rf(folder);
}

static void defaults(void **state)
{
	(void)state;
	struct settings s;
	assert_int_equal(settings_resolve(&(struct settings_flags){0}, &s, NULL), 0);
	assert_string_equal(s.server, DEFAULT_SERVER);
	assert_string_equal(s.org, DEFAULT_ORG);
	assert_null(s.env);
	assert_null(s.token);
	settings_release(&s);
}

static void flag_environment_context(void **state)
{
	(void)state;
	_cleanup_json_ json_t *config =
		json("{'currentContext':'local','contexts':{"
		     "'local':{'server':'http://l:1','org':'o','env':'e','token':'secret'},"
		     "'prod':{'server':'http://p:2'}}}");
	assert_int_equal(config_save(config, NULL), 0);
	_cleanup_free_ char *path = config_path();
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	struct settings s;
	assert_int_equal(settings_resolve(&(struct settings_flags){0}, &s, NULL), 0);
	assert_string_equal(s.server, "http://l:1");
	assert_string_equal(s.env, "e");
	assert_string_equal(s.token, "secret");
	settings_release(&s);

	setenv("PLANTON_ENV", "from-environment", 1);
	assert_int_equal(settings_resolve(&(struct settings_flags){.org = "flag"}, &s, NULL), 0);
	assert_string_equal(s.org, "flag");
	assert_string_equal(s.env, "from-environment");
	settings_release(&s);
	unsetenv("PLANTON_ENV");

	/* Another server does not get the context's key. */
	assert_int_equal(
		settings_resolve(&(struct settings_flags){.server = "http://evil:3/"}, &s, NULL),
		0);
	assert_string_equal(s.server, "http://evil:3");
	assert_null(s.token);
	settings_release(&s);

	_cleanup_error_ struct error *e = NULL;
	assert_true(settings_resolve(&(struct settings_flags){.context = "prdo"}, &s, &e) < 0);
	assert_string_equal(e->hint, "did you mean prod?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(defaults),
					   cmocka_unit_test(flag_environment_context)};
	return cmocka_run_group_tests(tests, prepare, clean);
}
