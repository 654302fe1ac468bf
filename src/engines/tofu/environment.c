/* The environment of OpenTofu: built from nothing, so that nothing of the runner's leaks in. */
#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "engines/tofu/tofu.h"

/* Credentials must not change how the engine is run. */
static bool is_reserved(const char *name)
{
	static const char *const names[] = {
		"PATH",
		"HOME",
		"TMPDIR",
		"LANG",
		"GOGC",
		"GOMEMLIMIT",
		"CHECKPOINT_DISABLE",

		"LD_PRELOAD",
		"LD_LIBRARY_PATH",
		"LD_AUDIT",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(name, names[i]))
			return true;
	if (startswith(name, "PLANTON_"))
		return true;
	return startswith(name, "TF_") && !startswith(name, "TF_VAR_") &&
	       !startswith(name, "TF_TOKEN_");
}

static void add(char ***env, const char *name, const char *value)
{
	if (value)
		strv_addf(env, "%s=%s", name, value);
}

char **tofu_environment(const struct engine_environment *environment)
{
	char **env = NULL;

	strv_add(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&env, "LANG=C.UTF-8");
	strv_add(&env, "TF_IN_AUTOMATION=1");
	strv_add(&env, "TF_INPUT=0");
	strv_add(&env, "CHECKPOINT_DISABLE=1");
	add(&env, "HOME", environment->home);
	add(&env, "TMPDIR", environment->tmp);
	/* Without a named file the engine would look for one in HOME, and say that there is none.
	 */
	add(&env, "TF_CLI_CONFIG_FILE",
	    environment->cli_config ? environment->cli_config : "/dev/null");
	for (char *const *mark = environment->marks; mark && *mark; mark++)
		strv_add(&env, *mark);
	/* A command lives for seconds: collecting its garbage costs more than keeping it. */
	if (environment->memory_limit) {
		strv_add(&env, "GOGC=off");
		strv_addf(&env, "GOMEMLIMIT=%llu", (unsigned long long)environment->memory_limit);
	}
	if (environment->state_address) {
		add(&env, "TF_HTTP_ADDRESS", environment->state_address);
		add(&env, "TF_HTTP_LOCK_ADDRESS", environment->state_address);
		add(&env, "TF_HTTP_UNLOCK_ADDRESS", environment->state_address);
		add(&env, "TF_HTTP_USERNAME", environment->state_username);
		add(&env, "TF_HTTP_PASSWORD", environment->state_password);
		/* A state write waits for a server that is away; it never gives up by itself. */
		strv_add(&env, "TF_HTTP_RETRY_MAX=1000000");
		strv_add(&env, "TF_HTTP_RETRY_WAIT_MIN=1");
		strv_add(&env, "TF_HTTP_RETRY_WAIT_MAX=2");
	}
	for (char *const *entry = environment->passed_on; entry && *entry; entry++)
		strv_add(&env, *entry);

	const char *name;
	json_t *value;
	json_object_foreach((json_t *)environment->credentials, name,
			    value) if (json_is_string(value) && !is_reserved(name) &&
				       !strchr(name, '='))
		add(&env, name, json_string_value(value));
	return env;
}
