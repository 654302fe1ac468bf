/* The command lines of OpenTofu. */
#include "base/strv.h"
#include "engines/tofu/tofu.h"

static void add_plan_options(char ***argv, const struct engine_options *options)
{
	strv_addf(argv, "-out=%s", tofu_engine.plan_file);
	for (char *const *target = options->targets; target && *target; target++)
		strv_addf(argv, "-target=%s", *target);
}

char **tofu_command_line(const char *binary, enum engine_command command,
			 const struct engine_options *options)
{
	char **argv = NULL;

	strv_add(&argv, binary);
	switch (command) {
	case ENGINE_INIT:
		strv_add(&argv, "init");
		break;
	case ENGINE_PLAN:
	case ENGINE_PLAN_REFRESH_ONLY:
		strv_add(&argv, "plan");
		break;
	case ENGINE_APPLY:
	case ENGINE_APPLY_REFRESH_ONLY:
		strv_add(&argv, "apply");
		break;
	case ENGINE_SHOW_PLAN:
		strv_add(&argv, "show");
		strv_add(&argv, "-no-color");
		strv_add(&argv, "-json");
		strv_add(&argv, tofu_engine.plan_file);
		return argv;
	case ENGINE_SHOW_VARIABLES:
		strv_add(&argv, "show");
		strv_add(&argv, "-no-color");
		strv_add(&argv, "-module=.");
		strv_add(&argv, "-json");
		return argv;
	case _ENGINE_COMMAND_MAX:
	case _ENGINE_COMMAND_INVALID:
		break;
	}

	strv_add(&argv, "-input=false");
	strv_add(&argv, "-no-color");
	strv_add(&argv, "-json");
	if (command == ENGINE_PLAN_REFRESH_ONLY) {
		strv_add(&argv, "-refresh-only");
		add_plan_options(&argv, options);
	} else if (command == ENGINE_PLAN) {
		if (options->skip_refresh)
			strv_add(&argv, "-refresh=false");
		if (options->destroy)
			strv_add(&argv, "-destroy");
		add_plan_options(&argv, options);
		for (char *const *address = options->replaces; address && *address; address++)
			strv_addf(&argv, "-replace=%s", *address);
	} else if (command == ENGINE_APPLY || command == ENGINE_APPLY_REFRESH_ONLY) {
		strv_add(&argv, tofu_engine.plan_file);
	}
	return argv;
}
