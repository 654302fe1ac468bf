/* Options: a flag, then the environment, then a default. */
#include "runner/options.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fileutil.h"
#include "base/parse.h"
#include "base/strutil.h"
#include "base/strv.h"

#define DISK_BUDGET  ((uint64_t)10 << 30)
#define CAPACITY_MAX 256

const char runner_usage[] =
	"usage: planton runner [--server URL] [--token-file FILE] [--dir DIR] [--work-root DIR]\n"
	"                      [--name NAME] [--capacity N] [--label KEY=VALUE]... [--tofu PATH]\n"
	"                      [--tofu-config FILE] [--disk-budget SIZE] [--allow-write DIR]... "
	"[--embedded]\n"
	"\n"
	"Runs Stack Jobs for a server.\n"
	"\n"
	"  --server URL         the server (PLANTON_SERVER; default http://127.0.0.1:8080)\n"
	"  --token-file FILE    holds the key for the registration (PLANTON_TOKEN_FILE, "
	"PLANTON_TOKEN)\n"
	"  --dir DIR            keys, caches and running jobs (default "
	"~/.local/state/planton/runner)\n"
	"  --work-root DIR      workspaces; the same path on all runners (default DIR/work)\n"
	"  --name NAME          default: the host's name\n"
	"  --capacity N         jobs at a time (default: the number of processors)\n"
	"  --label KEY=VALUE    what this runner is, for placing jobs\n"
	"  --tofu PATH          the OpenTofu binary (PLANTON_TOFU; default: found on PATH)\n"
	"  --tofu-config FILE   OpenTofu's CLI configuration (TF_CLI_CONFIG_FILE)\n"
	"  --disk-budget SIZE   for caches (default 10G)\n"
	"  --allow-write DIR    modules may write there, too (PLANTON_ALLOW_WRITE, separated by "
	"colons);\n"
	"                       else only to their workspace, where the kernel has Landlock\n"
	"  --embedded           ends by itself when there is no job and no server\n";

enum {
	OPTION_SERVER = 256,
	OPTION_TOKEN_FILE,
	OPTION_DIR,
	OPTION_WORK_ROOT,
	OPTION_NAME,
	OPTION_CAPACITY,
	OPTION_LABEL,
	OPTION_TOFU,
	OPTION_TOFU_CONFIG,
	OPTION_DISK_BUDGET,
	OPTION_ALLOW_WRITE,
	OPTION_EMBEDDED,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{"server", required_argument, NULL, OPTION_SERVER},
	{"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
	{"dir", required_argument, NULL, OPTION_DIR},
	{"work-root", required_argument, NULL, OPTION_WORK_ROOT},
	{"name", required_argument, NULL, OPTION_NAME},
	{"capacity", required_argument, NULL, OPTION_CAPACITY},
	{"label", required_argument, NULL, OPTION_LABEL},
	{"tofu", required_argument, NULL, OPTION_TOFU},
	{"tofu-config", required_argument, NULL, OPTION_TOFU_CONFIG},
	{"disk-budget", required_argument, NULL, OPTION_DISK_BUDGET},
	{"allow-write", required_argument, NULL, OPTION_ALLOW_WRITE},
	{"embedded", no_argument, NULL, OPTION_EMBEDDED},
	{"help", no_argument, NULL, OPTION_HELP},
	{NULL, 0, NULL, 0},
};

static char *absolute(const char *path)
{
	if (path[0] == '/')
		return xstrdup(path);
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	return path_join(cwd ? cwd : "/", path, NULL);
}

static void set_path(char **target, const char *path)
{
	free(*target);
	*target = absolute(path);
}

static int read_token(struct runner_options *o, const char *path, struct error **err)
{
	_cleanup_free_ char *text = NULL;
	int r = read_file(path, 4096, &text, NULL);
	if (r < 0)
		return error_set_errno(err, ERROR_INVALID_ARGUMENT, r, "token file %s", path);
	text[strcspn(text, "\r\n")] = '\0';
	replace_string(&o->token, text);
	return 0;
}

static int add_label(struct runner_options *o, const char *argument, struct error **err)
{
	const char *equals = strchr(argument, '=');
	if (!equals || equals == argument)
		return error_set(err, ERROR_INVALID_ARGUMENT, "--label takes KEY=VALUE, not \"%s\"",
				 argument);
	_cleanup_free_ char *key = xstrndup(argument, (size_t)(equals - argument));
	json_t *value = json_string(equals + 1);
	if (!value || json_object_set_new(o->labels, key, value) < 0)
		return error_set(err, ERROR_INVALID_ARGUMENT, "--label: \"%s\" is no UTF-8",
				 argument);
	return 0;
}

static int set_option(struct runner_options *o, int option, const char *argument,
		      struct error **err)
{
	uint64_t number;

	switch (option) {
	case OPTION_SERVER:
		replace_string(&o->server, argument);
		return 0;
	case OPTION_TOKEN_FILE:
		return read_token(o, argument, err);
	case OPTION_DIR:
		set_path(&o->dir, argument);
		return 0;
	case OPTION_WORK_ROOT:
		set_path(&o->work_root, argument);
		return 0;
	case OPTION_NAME:
		replace_string(&o->name, argument);
		return 0;
	case OPTION_CAPACITY:
		if (parse_u64(argument, &number) < 0 || number < 1 || number > CAPACITY_MAX)
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "--capacity takes a number from 1 to %d, not \"%s\"",
					 CAPACITY_MAX, argument);
		o->capacity = (int)number;
		return 0;
	case OPTION_LABEL:
		return add_label(o, argument, err);
	case OPTION_TOFU:
		set_path(&o->tofu, argument);
		return 0;
	case OPTION_TOFU_CONFIG:
		set_path(&o->tofu_config, argument);
		return 0;
	case OPTION_DISK_BUDGET:
		if (parse_size(argument, &o->disk_budget) < 0)
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "--disk-budget takes a size such as 10G, not \"%s\"",
					 argument);
		return 0;
	case OPTION_ALLOW_WRITE:
		strv_take(&o->allow_write, absolute(argument));
		return 0;
	case OPTION_EMBEDDED:
		o->embedded = true;
		return 0;
	case OPTION_HELP:
		o->help = true;
		return 0;
	default:
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "unknown option, see planton runner --help");
	}
}

static int from_environment(struct runner_options *o, struct error **err)
{
	const char *value;

	if (!isempty(value = getenv("PLANTON_SERVER")))
		replace_string(&o->server, value);
	if (!isempty(value = getenv("PLANTON_TOKEN")))
		replace_string(&o->token, value);
	else if (!isempty(value = getenv("PLANTON_TOKEN_FILE")) && read_token(o, value, err) < 0)
		return -1;
	if (!isempty(value = getenv("PLANTON_TOFU")))
		set_path(&o->tofu, value);
	if (!isempty(value = getenv("TF_CLI_CONFIG_FILE")))
		set_path(&o->tofu_config, value);
	_cleanup_strv_ char **folders =
		isempty(value = getenv("PLANTON_ALLOW_WRITE")) ? NULL : strv_split(value, ':');
	for (char **folder = folders; folder && *folder; folder++)
		if (**folder)
			strv_take(&o->allow_write, absolute(*folder));
	return 0;
}

static void set_defaults(struct runner_options *o)
{
	/* Paths are put behind it. */
	size_t length = strlen(o->server);
	while (length > 0 && o->server[length - 1] == '/')
		o->server[--length] = '\0';
	if (!o->dir) {
		const char *state = getenv("XDG_STATE_HOME");
		const char *home = getenv("HOME");
		o->dir = !isempty(state) ? path_join(state, "planton", "runner", NULL)
					 : path_join(isempty(home) ? "/var/lib" : home, ".local",
						     "state", "planton", "runner", NULL);
	}
	if (!o->work_root)
		o->work_root = path_join(o->dir, "work", NULL);
	if (!o->name) {
		char name[256] = "runner";
		(void)gethostname(name, sizeof(name) - 1);
		o->name = xstrdup(name);
	}
	if (!o->capacity) {
		long processors = sysconf(_SC_NPROCESSORS_ONLN);
		o->capacity = processors > 0 ? (int)MIN(processors, (long)CAPACITY_MAX) : 1;
	}
}

int runner_options_parse(int argc, char **argv, struct runner_options *ret, struct error **err)
{
	struct runner_options o = {
		.server = xstrdup("http://127.0.0.1:8080"),
		.labels = json_object(),
		.disk_budget = DISK_BUDGET,
	};
	int r = from_environment(&o, err);

	optind = 0;
	opterr = 0;
	while (r == 0) {
		int option = getopt_long(argc, argv, "h", long_options, NULL);
		if (option == -1)
			break;
		r = set_option(&o, option == 'h' ? OPTION_HELP : option, optarg, err);
	}
	if (r == 0 && optind < argc)
		r = error_set(err, ERROR_INVALID_ARGUMENT, "unexpected argument \"%s\"",
			      argv[optind]);
	if (r < 0) {
		runner_options_release(&o);
		return r;
	}
	set_defaults(&o);
	*ret = o;
	return 0;
}

void runner_options_release(struct runner_options *o)
{
	free(o->server);
	free(o->token);
	free(o->dir);
	free(o->work_root);
	free(o->name);
	json_decref(o->labels);
	free(o->tofu);
	free(o->tofu_config);
	strv_free(o->allow_write);
}
