/* OpenTofu, as an engine. */
#include "engines/tofu/tofu.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/strutil.h"

#define CONFIG_MAX (4 << 20)

static int read_version(const char *output, size_t size, char **ret, struct error **err)
{
	json_t *root = json_loadb(output, size, 0, NULL);
	_cleanup_free_ char *version =
		xstrdup_null(json_string_value(json_object_get(root, "terraform_version")));
	json_decref(root);
	unsigned major, minor, patch;

	if (!version || sscanf(version, "%u.%u.%u", &major, &minor, &patch) != 3)
		return error_set(err, ERROR_UNPROCESSABLE,
				 "this is no OpenTofu: it names no version");
	if (major < 1 || (major == 1 && minor < 10)) {
		error_set(err, ERROR_UNPROCESSABLE, "OpenTofu %s is too old", version);
		error_hint(err, "use OpenTofu 1.10 or later, but not 1.12.0");
		return -1;
	}
	if (major == 1 && minor == 12 && patch == 0) {
		error_set(err, ERROR_UNPROCESSABLE,
			  "OpenTofu %s must not be used: it reads provider schemas wrongly",
			  version);
		error_hint(err, "use OpenTofu 1.12.1 or later");
		return -1;
	}
	*ret = TAKE_PTR(version);
	return 0;
}

/* A block `module "x" {`, or a key "module" in JSON: a false alarm only costs time. */
static bool has_module_block(const char *text)
{
	for (const char *at = text; (at = strstr(at, "module")); at += 6) {
		const char *after = at + 6;
		if (*after == '"')
			after++;
		while (*after == ' ' || *after == '\t')
			after++;
		if (*after == '"' || *after == ':')
			return true;
	}
	return false;
}

bool tofu_init_needs_inputs(const char *module_dir)
{
	DIR *folder = opendir(module_dir);
	struct dirent *entry;
	bool found = false;

	while (folder && !found && (entry = readdir(folder))) {
		_cleanup_free_ char *text = NULL;
		if (!endswith(entry->d_name, ".tf") && !endswith(entry->d_name, ".tofu") &&
		    !endswith(entry->d_name, ".json"))
			continue;
		/* What is only a link may be anything: the runner is not to read it. */
		found = read_file_beneath(module_dir, entry->d_name, CONFIG_MAX, &text, NULL) < 0 ||
			has_module_block(text);
	}
	if (folder)
		closedir(folder);
	return found;
}

static bool is_stale_plan(const char *summary)
{
	return strstr(summary, "Saved plan is stale") ||
	       strstr(summary, "saved plan does not match the given state");
}

static bool is_lost_provider(const char *summary)
{
	return strstr(summary, "Plugin did not respond") || strstr(summary, "Plugin error");
}

static const char *const version_arguments[] = {"version", "-json", NULL};

const struct engine tofu_engine = {
	.provisioner = PROVISIONER_TOFU,
	.binary = "tofu",
	.plan_file = "plan.tfplan",
	.lock_file = ".terraform.lock.hcl",
	.data_dir = ".terraform",
	.inputs_file = "zz_planton.auto.tfvars.json",
	/* An override file replaces whatever backend (or cloud block) the module names. */
	.backend_file = "planton_backend_override.tf.json",
	.backend_content = "{\"terraform\":{\"backend\":{\"http\":{}}}}\n",
	.errored_state = "errored.tfstate",
	.version_arguments = version_arguments,
	.read_version = read_version,
	.command_line = tofu_command_line,
	.environment = tofu_environment,
	.parse_line = tofu_parse_line,
	.init_needs_inputs = tofu_init_needs_inputs,
	.make_inputs = tofu_make_inputs,
	.plan_secrets = tofu_plan_secrets,
	.read_plan = tofu_read_plan,
	.find_providers = tofu_find_providers,
	.read_providers = tofu_read_providers,
	.is_stale_plan = is_stale_plan,
	.is_lost_provider = is_lost_provider,
};
