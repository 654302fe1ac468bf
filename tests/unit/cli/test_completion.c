#include "testing.h"

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/help.h"

#define OFFERS(expected, ...)                                                    \
	do {                                                                     \
		const char *words[] = {"planton", __VA_ARGS__};                  \
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;                \
		completion_write(&out, &root_command, words, ARRAY_SIZE(words)); \
		assert_string_equal(out.data, expected);                         \
	} while (0)

static void candidates(void **state)
{
	(void)state;
	OFFERS("apply\tCreate or update what manifests describe, and run their Stack Jobs\n",
	       "app");
	OFFERS("resume\tApprove what a job waits for\n"
	       "rerun\tRepeat a completed job's operation as a new job\n",
	       "sj", "re");
	OFFERS("update\n", "sj", "create-stack-job", "db", "--operation", "u");
	OFFERS("--operation=update\n", "sj", "create-stack-job", "--operation=u");
	OFFERS("--show-stack-diff=true\n--show-stack-diff=false\n", "sj", "rerun",
	       "--show-stack-diff=");
	OFFERS("--status\tonly these\n", "sj", "list", "--stat");
	OFFERS("zsh\n", "completion", "z");
	OFFERS("yaml\n", "get", "-o", "y");
	OFFERS("", "complete-w");
}

#define MAY_BE(kind, ...)                                                                         \
	do {                                                                                      \
		const char *words[] = {"planton", __VA_ARGS__};                                   \
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;                                 \
		assert_int_equal(completion_write(&out, &root_command, words, ARRAY_SIZE(words)), \
				 kind);                                                           \
	} while (0)

static void names_are_asked_for_where_one_may_stand(void **state)
{
	(void)state;
	MAY_BE(WORD_RESOURCE, "sj", "create-stack-job", "");
	MAY_BE(WORD_RESOURCE, "sj", "create-stack-job", "--operation", "update", "or");
	MAY_BE(WORD_OTHER, "sj", "create-stack-job", "orders", "");
	MAY_BE(WORD_OTHER, "sj", "create-stack-job", "--operation", "");
	MAY_BE(WORD_OTHER, "sj", "create-stack-job", "--");
	MAY_BE(WORD_RESOURCE, "get", "orders", "");
	MAY_BE(WORD_RESOURCE, "output", "");
	MAY_BE(WORD_OTHER, "output", "orders", "");
	MAY_BE(WORD_JOB, "--env", "dev", "sj", "logs", "");
	MAY_BE(WORD_OTHER, "sj", "");
}

static void scripts_and_manual(void **state)
{
	(void)state;
	for (size_t i = 0; shell_names[i]; i++) {
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
		completion_script(&out, shell_names[i]);
		assert_non_null(strstr(out.data, "planton complete-words"));
	}
	_cleanup_strbuf_ struct strbuf man = STRBUF_INIT;
	man_write(&man, &root_command);
	assert_non_null(
		strstr(man.data, ".SS planton stack\\-job create\\-stack\\-job RESOURCE\n"));
	assert_non_null(strstr(man.data, "\\-\\-show\\-stack\\-diff"));
	assert_null(strstr(man.data, "complete\\-words"));
}

static void help_begins_with_examples(void **state)
{
	(void)state;
	const struct command *path[] = {&root_command, command_find(&root_command, "apply")};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	help_write(&out, path, 2, false);
	const char *examples = strstr(out.data, "Examples"), *usage = strstr(out.data, "Usage");
	assert_true(examples && usage && examples < usage);
	assert_non_null(strstr(out.data, "--operation OPERATION"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(candidates),
		cmocka_unit_test(names_are_asked_for_where_one_may_stand),
		cmocka_unit_test(scripts_and_manual), cmocka_unit_test(help_begins_with_examples)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
