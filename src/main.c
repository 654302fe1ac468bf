/*
 * One binary: `planton server`, `planton runner`, and what a runner starts, `planton
 * step` and `planton providers`; anything else is the command line client.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_SERVER
#include "server/server.h"
#endif
#ifdef HAVE_RUNNER
#include "runner/runner.h"
#endif
#ifdef HAVE_STEP
#include "step/pool.h"
#include "step/step.h"
#endif
#ifdef HAVE_CLI
#include "cli/cli.h"
#endif

struct role {
	const char *name;
	int (*main)(int argc, char **argv);
};

static const struct role roles[] = {
#ifdef HAVE_SERVER
	{"server", server_main},
#endif
#ifdef HAVE_RUNNER
	{"runner", runner_main},
#endif
#ifdef HAVE_STEP
	{"step", step_main},
	{"providers", pool_main},
#endif
	{NULL, NULL},
};

/* Words of `planton runner` that look at runners from outside: the command line client's. */
static bool is_about_runners(int argc, char **argv)
{
	static const char *const words[] = {"list", "get", "abandon", NULL};
	if (argc < 3 || strcmp(argv[1], "runner") != 0)
		return false;
	for (const char *const *word = words; *word; word++)
		if (strcmp(argv[2], *word) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool client = is_about_runners(argc, argv);
	for (const struct role *role = roles; role->name && argc > 1 && !client; role++)
		if (strcmp(argv[1], role->name) == 0)
			return role->main(argc - 1, argv + 1);
#ifdef HAVE_CLI
	return cli_main(argc, argv);
#else
	fprintf(stderr, "planton: this build has no command line client\n");
	return 1;
#endif
}
