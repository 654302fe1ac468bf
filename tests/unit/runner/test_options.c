#include "testing.h"

#include <unistd.h>

#include "base/error.h"
#include "runner/options.h"

static int parse(struct runner_options *ret, struct error **err, const char *const *arguments)
{
	char *argv[32] = {"runner"};
	int argc = 1;
	for (; *arguments; arguments++)
		argv[argc++] = (char *)*arguments;
	return runner_options_parse(argc, argv, ret, err);
}

#define PARSE(options, err, ...) parse(options, err, (const char *const[]){__VA_ARGS__, NULL})

static int clean_environment(void **state)
{
	(void)state;
	static const char *const names[] = {"PLANTON_SERVER", "PLANTON_TOKEN", "PLANTON_TOKEN_FILE",
					    "PLANTON_TOFU", "TF_CLI_CONFIG_FILE"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
	return 0;
}

static void defaults(void **state)
{
	(void)state;
	struct runner_options o;
	setenv("XDG_STATE_HOME", "/state", 1);
	assert_int_equal(PARSE(&o, NULL, NULL), 0);
	assert_string_equal(o.server, "http://127.0.0.1:8080");
	assert_string_equal(o.dir, "/state/planton/runner");
	assert_string_equal(o.work_root, "/state/planton/runner/work");
	assert_true(o.capacity >= 1);
	assert_null(o.token);
	assert_false(o.embedded);
	runner_options_release(&o);
}

static void flags_before_the_environment(void **state)
{
	(void)state;
	struct runner_options o;
	setenv("PLANTON_SERVER", "http://env", 1);
	setenv("PLANTON_TOKEN", "t", 1);
	setenv("PLANTON_TOFU", "/env/tofu", 1);
	assert_int_equal(PARSE(&o, NULL, "--server", "http://flag/", "--dir", "/d", "--label",
			       "a=b", "--label", "c=d=e", "--capacity", "3", "--disk-budget", "2M",
			       "--embedded", "--tofu-config", "/rc", "--name", "n"),
			 0);
	assert_string_equal(o.server, "http://flag");
	assert_string_equal(o.token, "t");
	assert_string_equal(o.tofu, "/env/tofu");
	assert_string_equal(o.tofu_config, "/rc");
	assert_string_equal(o.work_root, "/d/work");
	assert_string_equal(json_string_value(json_object_get(o.labels, "c")), "d=e");
	assert_int_equal(o.capacity, 3);
	assert_int_equal(o.disk_budget, 2 << 20);
	assert_true(o.embedded);
	runner_options_release(&o);
	clean_environment(NULL);
}

static void usage_errors(void **state)
{
	(void)state;
	static const char *const wrong[][3] = {
		{"--capacity", "0"}, {"--capacity", "many"},	       {"--disk-budget", "much"},
		{"--label", "none"}, {"--token-file", "/nonexistent"}, {"--unknown"},
		{"stray"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct runner_options o;
		_cleanup_error_ struct error *error = NULL;
		assert_true(parse(&o, &error, wrong[i]) < 0);
		assert_int_equal(error->code, ERROR_INVALID_ARGUMENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(flags_before_the_environment),
		cmocka_unit_test(usage_errors),
	};
	return cmocka_run_group_tests(tests, clean_environment, NULL);
}
