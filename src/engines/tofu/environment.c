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
	if (startswith(name, "PLANTON_") || startswith(name, "PLUGIN_"))
		return true;
	return startswith(name, "TF_") && !startswith(name, "TF_VAR_") &&
	       !startswith(name, "TF_TOKEN_");
}

static void add(char ***env, const char *name, const char *value)
{
	if (value)
		strv_addf(env, "%s=%s", name, value);
}

/* As the engine would start it: go-plugin's handshake of Terraform's providers. */
static void add_handshake(char ***env, const char *folder)
{
	strv_add(env, "TF_PLUGIN_MAGIC_COOKIE="
		      "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");
	strv_add(env, "PLUGIN_PROTOCOL_VERSIONS=5,6");
	strv_addf(env, "PLUGIN_UNIX_SOCKET_DIR=%s", folder);
}

/*
 * "Test": the engine neither starts nor ends them. It asks every second whether Pid
 * lives, by a signal that a sandbox may forbid: so it is told its own, by the step.
 */
static void add_reattach(char ***env, const json_t *providers)
{
	json_t *all = json_object();
	size_t i;
	json_t *provider;

	json_array_foreach(providers, i, provider) json_object_set_new(
		all, json_string_value(json_object_get(provider, "source")),
		json_pack("{s:s s:O s:s s:b s:{s:s s:O}}", "Protocol", "grpc", "ProtocolVersion",
			  json_object_get(provider, "protocol"), "Pid", "<engine pid>", "Test", 1,
			  "Addr", "Network", "unix", "String",
			  json_object_get(provider, "socket")));
	_cleanup_free_ char *text = json_dumps(all, JSON_COMPACT);
	add(env, "TF_REATTACH_PROVIDERS", text);
	json_decref(all);
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
	if (environment->provider_folder)
		add_handshake(&env, environment->provider_folder);
	if (environment->providers)
		add_reattach(&env, environment->providers);
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
