#include "testing.h"

#include "cli/commands.h"
#include "cli/options.h"

#define PARSE(...)                                    \
	char *argv[] = {"planton", __VA_ARGS__};      \
	_cleanup_arguments_ struct arguments a = {0}; \
	_cleanup_error_ struct error *e = NULL;       \
	int r = arguments_parse(&root_command, (int)ARRAY_SIZE(argv), argv, &a, &e)

static void commands_and_aliases(void **state)
{
	(void)state;
	PARSE("sj", "create-stack-job", "db", "--operation", "update", "-t",
	      "--show-stack-outputs=false");
	assert_int_equal(r, 0);
	assert_string_equal(a.command->name, "create-stack-job");
	assert_int_equal(a.n_words, 1);
	assert_string_equal(a.words[0], "db");
	assert_string_equal(argument_text(&a, "operation"), "update");
	assert_true(argument_flag(&a, "tail"));
	assert_false(argument_flag(&a, "show-stack-outputs"));
	assert_true(argument_flag(&a, "show-stack-summary"));
	assert_false(argument_flag(&a, "show-stack-diff"));
}

static void values_in_every_spelling(void **state)
{
	(void)state;
	PARSE("--org=acme", "stack-job", "create-stack-job", "--target", "a.b", "--target=c.d",
	      "-m", "why", "--", "--odd");
	assert_int_equal(r, 0);
	assert_string_equal(argument_text(&a, "org"), "acme");
	assert_string_equal(argument_text(&a, "version-message"), "why");
	_cleanup_free_ const char **targets = argument_list(&a, "target");
	assert_string_equal(targets[0], "a.b");
	assert_string_equal(targets[1], "c.d");
	assert_null(targets[2]);
	assert_string_equal(a.words[0], "--odd");
}

static void numbers(void **state)
{
	(void)state;
	PARSE("sj", "list", "--limit", "7");
	assert_int_equal(r, 0);
	assert_int_equal(argument_number(&a, "limit", 50), 7);
}

static void dash_is_a_word(void **state)
{
	(void)state;
	PARSE("apply", "-f", "-");
	assert_int_equal(r, 0);
	_cleanup_free_ const char **files = argument_list(&a, "filename");
	assert_string_equal(files[0], "-");
}

static void expect_error(int argc, char **argv, const char *message, const char *hint)
{
	_cleanup_arguments_ struct arguments a = {0};
	_cleanup_error_ struct error *e = NULL;
	assert_true(arguments_parse(&root_command, argc, argv, &a, &e) < 0);
	assert_string_equal(e->message, message);
	assert_string_equal(e->hint ? e->hint : "", hint);
	assert_int_equal(error_code_exit(e->code), EXIT_CODE_USAGE);
}

#define EXPECT_ERROR(message, hint, ...)                                    \
	expect_error((int)ARRAY_SIZE(((char *[]){"planton", __VA_ARGS__})), \
		     (char *[]){"planton", __VA_ARGS__}, message, hint)

static void mistakes(void **state)
{
	(void)state;
	EXPECT_ERROR("planton has no command \"aply\"", "did you mean apply?", "aply");
	EXPECT_ERROR("planton stack-job has no command \"logz\"", "did you mean logs?", "sj",
		     "logz");
	EXPECT_ERROR("planton stack-job list has no option --statsu", "did you mean --status?",
		     "sj", "list", "--statsu", "x");
	EXPECT_ERROR("--operation: \"updat\" is none of refresh, preview, update, destroy",
		     "did you mean update?", "sj", "create-stack-job", "db", "--operation",
		     "updat");
	EXPECT_ERROR("--limit is a number, not \"many\"", "", "sj", "list", "--limit", "many");
	EXPECT_ERROR("--tail is true or false, not \"maybe\"", "", "sj", "resume", "x",
		     "--tail=maybe");
	EXPECT_ERROR("--operation needs a value: OPERATION", "", "sj", "list", "--operation");
	EXPECT_ERROR("planton stack-job resume needs ID", "usage: planton stack-job resume ID",
		     "sj", "resume");
	EXPECT_ERROR("planton stack-job resume does not take \"b\"",
		     "usage: planton stack-job resume ID", "sj", "resume", "a", "b");
	EXPECT_ERROR("planton stack-job needs a command",
		     "planton stack-job --help lists the commands", "sj");
}

static void help_needs_no_words(void **state)
{
	(void)state;
	PARSE("sj", "resume", "--help");
	assert_int_equal(r, 0);
	assert_true(a.help);
}

/* Every option has one meaning in each command. */
static void check_tables(const struct command *c)
{
	for (const struct option *const *t = c->options; t && *t; t++)
		for (const struct option *o = *t; o->name; o++) {
			assert_ptr_equal(option_find(c, o->name), o);
			assert_non_null(o->help);
			assert_true(o->type == OPTION_FLAG || o->value);
			assert_true(o->type != OPTION_CHOICE || o->choices);
			for (const struct option *g = global_options; g->name; g++) {
				assert_string_not_equal(g->name, o->name);
				assert_true(!g->letter || g->letter != o->letter);
			}
		}
	assert_true(c->hidden || c->examples);
	assert_true(c->run || c->subcommands);
	for (const struct command *s = c->subcommands; s && s->name; s++)
		check_tables(s);
}

static void tables(void **state)
{
	(void)state;
	check_tables(&root_command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_and_aliases),
		cmocka_unit_test(values_in_every_spelling),
		cmocka_unit_test(numbers),
		cmocka_unit_test(dash_is_a_word),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(help_needs_no_words),
		cmocka_unit_test(tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
