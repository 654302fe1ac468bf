#include "testing.h"

#include "runner/sequence.h"

/* previous: "operation command result drift", or NULL. */
static struct grant *grant(const char *job, const char *operations, const char *operation,
			   const char *previous, const char *plan)
{
	char facts_operation[32], command[32], result[32];
	int drift = 0;
	_cleanup_free_ char *facts = NULL;
	if (previous &&
	    sscanf(previous, "%31s %31s %31s %d", facts_operation, command, result, &drift) == 4)
		facts = xasprintf("{'operation':'%s','command':'%s','result':'%s','drift':%d,'"
				  "planDigest':'d'}",
				  facts_operation, command, result, drift);
	_cleanup_free_ char *text =
		xasprintf("{'job':{'id':'sj_1','operation':'%s'},'operations':[%s],'epoch':1,'"
			  "attempt':{'operation':'%s','number':1,'previous':%s},"
			  "'module':{'digest':'m','provisioner':'tofu'},'plan':%s}",
			  job, operations, operation, facts ? facts : "null", plan ? plan : "null");
	json_t *root = json(text);
	struct grant *parsed = NULL;
	struct error *error = NULL;
	if (grant_parse(root, NULL, &parsed, &error) < 0)
		fail_msg("%s", error->message);
	json_decref(root);
	return parsed;
}

#define UPDATE	     "'init','refresh','preview','apply'"
#define DESTROY	     "'init','refresh','preview','destroy'"
#define PREVIEW	     "'init','refresh','preview'"
#define NO_PREVIEW   "'init','refresh','apply'"
#define SKIP_REFRESH "'init','preview','apply'"
#define SHOWN	     "{'digest':'d','artifact':null}"

static const struct {
	const char *job, *operations, *operation, *previous, *plan;
	bool have_plan;
	enum engine_command command;
	bool fused, skips_refresh;
	uint32_t drift;
	enum engine_command next;
} cases[] = {
	{"update", UPDATE, "init", NULL, NULL, false, ENGINE_INIT, false, false, 0,
	 _ENGINE_COMMAND_INVALID},
	{"update", UPDATE, "refresh", "init init succeeded 0", NULL, false, ENGINE_PLAN, true,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"update", UPDATE, "refresh", "init init succeeded 0", NULL, false, ENGINE_PLAN, true,
	 false, 2, ENGINE_PLAN_REFRESH_ONLY},
	{"update", UPDATE, "refresh", "refresh plan succeeded 2", NULL, true,
	 ENGINE_PLAN_REFRESH_ONLY, false, false, 2, ENGINE_APPLY_REFRESH_ONLY},
	{"update", UPDATE, "refresh", "refresh plan_refresh_only succeeded 2", NULL, true,
	 ENGINE_APPLY_REFRESH_ONLY, false, false, 0, _ENGINE_COMMAND_INVALID},
	/* On another runner, or after a failure, from the start. */
	{"update", UPDATE, "refresh", "refresh plan_refresh_only succeeded 2", NULL, false,
	 ENGINE_PLAN_REFRESH_ONLY, false, false, 2, ENGINE_APPLY_REFRESH_ONLY},
	{"update", UPDATE, "refresh", "refresh plan unknown 0", NULL, false, ENGINE_PLAN, true,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"update", UPDATE, "preview", "refresh apply_refresh_only succeeded 0", NULL, false,
	 ENGINE_PLAN, false, true, 0, _ENGINE_COMMAND_INVALID},
	{"update", UPDATE, "apply", "refresh plan succeeded 0", SHOWN, true, ENGINE_APPLY, false,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"update", UPDATE, "apply", "init init succeeded 0", SHOWN, true, ENGINE_APPLY, false,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"destroy", DESTROY, "refresh", "init init succeeded 0", NULL, false, ENGINE_PLAN, true,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"destroy", DESTROY, "destroy", "refresh plan succeeded 0", SHOWN, true, ENGINE_APPLY,
	 false, false, 0, _ENGINE_COMMAND_INVALID},
	{"preview", PREVIEW, "refresh", "init init succeeded 0", NULL, false, ENGINE_PLAN, true,
	 false, 3, _ENGINE_COMMAND_INVALID},
	{"preview", PREVIEW, "preview", "refresh plan unknown 0", NULL, false, ENGINE_PLAN, false,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"preview", "'init','preview'", "preview", "init init succeeded 0", NULL, false,
	 ENGINE_PLAN, false, true, 0, _ENGINE_COMMAND_INVALID},
	{"refresh", "'init','refresh'", "refresh", "init init succeeded 0", NULL, false,
	 ENGINE_PLAN_REFRESH_ONLY, false, false, 0, ENGINE_APPLY_REFRESH_ONLY},
	{"update", NO_PREVIEW, "refresh", "init init succeeded 0", NULL, false, ENGINE_PLAN, false,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"update", NO_PREVIEW, "apply", "refresh plan succeeded 0", NULL, true, ENGINE_APPLY, false,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"update", NO_PREVIEW, "apply", "refresh plan succeeded 0", NULL, false, ENGINE_PLAN, false,
	 true, 0, ENGINE_APPLY},
	{"update", NO_PREVIEW, "apply", "refresh apply_refresh_only succeeded 1", NULL, true,
	 ENGINE_PLAN, false, true, 0, ENGINE_APPLY},
	{"update", NO_PREVIEW, "apply", "apply plan succeeded 0", NULL, true, ENGINE_APPLY, false,
	 false, 0, _ENGINE_COMMAND_INVALID},
	{"update", "'init','apply'", "apply", "init init succeeded 0", NULL, false, ENGINE_PLAN,
	 false, true, 0, ENGINE_APPLY},
	{"update", SKIP_REFRESH, "preview", "init init succeeded 0", NULL, false, ENGINE_PLAN,
	 false, true, 0, _ENGINE_COMMAND_INVALID},
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_grant_ struct grant *g =
			grant(cases[i].job, cases[i].operations, cases[i].operation,
			      cases[i].previous, cases[i].plan);
		enum engine_command command = sequence_command(g, cases[i].have_plan);
		if (command != cases[i].command)
			fail_msg("case %zu: %s", i, engine_command_to_string(command));
		if (sequence_is_fused(g, command) != cases[i].fused)
			fail_msg("case %zu: fused", i);
		if (sequence_skips_refresh(g, command) != cases[i].skips_refresh)
			fail_msg("case %zu: refresh", i);
		if (sequence_next(g, command, cases[i].drift) != cases[i].next)
			fail_msg("case %zu: next", i);
	}
}

static void only_destroys_destroy(void **state)
{
	(void)state;
	_cleanup_grant_ struct grant *destroy = grant("destroy", DESTROY, "refresh", NULL, NULL);
	_cleanup_grant_ struct grant *update = grant("update", UPDATE, "refresh", NULL, NULL);
	assert_true(sequence_destroys(destroy));
	assert_false(sequence_destroys(update));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(only_destroys_destroy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
