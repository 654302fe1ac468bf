/* The server's command line and environment. */
#include "server/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "server/places.h"

#define DEFAULT_LISTEN "127.0.0.1:8080"
#define MAX_CAPACITY   1024

enum option {
	OPTION_DATA,
	OPTION_LISTEN,
	OPTION_CATALOG,
	OPTION_MASTER_KEY_FILE,
	OPTION_LEASE,
	OPTION_OPERATION_TIMEOUT,
	OPTION_RUNNER_CAPACITY,
	OPTION_NO_RUNNER,
	OPTION_TO,
	OPTION_FROM,
	OPTION_FORCE,
	OPTION_PRINT_ROUTES,
	OPTION_HELP,
	_OPTION_MAX,
};

struct option_row {
	const char *flag;
	const char *variable;
	const char *value; /* what the help calls it; NULL: takes none */
	unsigned commands; /* bits of enum server_command */
	const char *help;
};

#define SERVE	(1U << SERVER_SERVE)
#define BACKUP	(1U << SERVER_BACKUP)
#define RESTORE (1U << SERVER_RESTORE)

static const struct option_row rows[_OPTION_MAX] = {
	[OPTION_DATA] = {"--data", "PLANTON_DATA", "DIR", SERVE | BACKUP | RESTORE,
			 "where everything is kept"},
	[OPTION_LISTEN] = {"--listen", "PLANTON_LISTEN", "ADDR", SERVE,
			   "address and port (" DEFAULT_LISTEN "); port 0 picks one and keeps it"},
	[OPTION_CATALOG] = {"--catalog", "PLANTON_CATALOG", "DIR", SERVE,
			    "a folder of more kinds; may be given more than once"},
	[OPTION_MASTER_KEY_FILE] = {"--master-key-file", "PLANTON_MASTER_KEY_FILE", "FILE", SERVE,
				    "the key that seals secrets; made on the first start"},
	[OPTION_LEASE] = {"--lease", "PLANTON_LEASE", "DURATION", SERVE,
			  "how long a silent runner keeps its jobs (30s)"},
	[OPTION_OPERATION_TIMEOUT] = {"--operation-timeout", "PLANTON_OPERATION_TIMEOUT",
				      "DURATION", SERVE,
				      "how long one engine command may take (6h)"},
	[OPTION_RUNNER_CAPACITY] =
		{"--runner-capacity", "PLANTON_RUNNER_CAPACITY", "N", SERVE,
		 "jobs at a time of the embedded runner (default: the number of processors)"},
	[OPTION_NO_RUNNER] = {"--no-runner", NULL, NULL, SERVE, "start no embedded runner"},
	[OPTION_TO] = {"--to", NULL, "FILE", BACKUP, "the new file"},
	[OPTION_FROM] = {"--from", NULL, "FILE", RESTORE, "a file that backup made"},
	[OPTION_FORCE] = {"--force", NULL, NULL, RESTORE,
			  "set the data that is there aside, and restore"},
	[OPTION_PRINT_ROUTES] = {"--print-routes", NULL, NULL, SERVE,
				 "list the HTTP routes, and exit"},
	[OPTION_HELP] = {"--help", NULL, NULL, SERVE | BACKUP | RESTORE, "this text"},
};

void server_options_help(void)
{
	puts("Examples:\n"
	     "  planton server\n"
	     "  planton server --data /srv/planton --listen 0.0.0.0:8080\n"
	     "  planton server backup --to planton.backup\n"
	     "  planton server restore --from planton.backup\n"
	     "\n"
	     "Usage: planton server [backup | restore] [options]");
	static const struct {
		const char *title;
		unsigned command;
	} sections[] = {{"Options", SERVE}, {"backup", BACKUP}, {"restore", RESTORE}};
	for (size_t s = 0; s < ARRAY_SIZE(sections); s++) {
		printf("\n%s:\n", sections[s].title);
		for (size_t i = 0; i < _OPTION_MAX; i++) {
			if (!(rows[i].commands & sections[s].command))
				continue;
			_cleanup_free_ char *flag =
				xasprintf("%s%s%s", rows[i].flag, rows[i].value ? " " : "",
					  rows[i].value ? rows[i].value : "");
			printf("  %-30s %s%s%s%s\n", flag, rows[i].help,
			       rows[i].variable ? " [" : "",
			       rows[i].variable ? rows[i].variable : "",
			       rows[i].variable ? "]" : "");
		}
	}
}

static int set_seconds(const char *value, unsigned *ret, const char *name, struct error **err)
{
	uint64_t ms;
	if (parse_duration_ms(value, &ms) < 0 || ms == 0 || ms > (uint64_t)365 * 86400 * 1000)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, name,
				       "%s is no duration such as 30s or 2h: %s", name, value);
	*ret = (unsigned)((ms + 999) / 1000);
	return 0;
}

static int set_capacity(const char *value, unsigned *ret, const char *name, struct error **err)
{
	uint64_t number;
	if (parse_u64(value, &number) < 0 || number == 0 || number > MAX_CAPACITY)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, name,
				       "%s is not between 1 and %d: %s", name, MAX_CAPACITY, value);
	*ret = (unsigned)number;
	return 0;
}

static int set(struct server_options *o, enum option option, const char *name, const char *value,
	       struct error **err)
{
	switch (option) {
	case OPTION_DATA:
		replace_string(&o->data, value);
		return 0;
	case OPTION_LISTEN:
		replace_string(&o->listen, value);
		return 0;
	case OPTION_CATALOG:
		strv_add(&o->catalogs, value);
		return 0;
	case OPTION_MASTER_KEY_FILE:
		replace_string(&o->master_key_file, value);
		return 0;
	case OPTION_LEASE:
		return set_seconds(value, &o->lease_seconds, name, err);
	case OPTION_OPERATION_TIMEOUT:
		return set_seconds(value, &o->operation_timeout_seconds, name, err);
	case OPTION_RUNNER_CAPACITY:
		return set_capacity(value, &o->runner_capacity, name, err);
	case OPTION_NO_RUNNER:
		o->no_runner = true;
		return 0;
	case OPTION_TO:
	case OPTION_FROM:
		replace_string(&o->file, value);
		return 0;
	case OPTION_FORCE:
		o->force = true;
		return 0;
	case OPTION_PRINT_ROUTES:
		o->command = SERVER_PRINT_ROUTES;
		return 0;
	case OPTION_HELP:
		o->command = SERVER_HELP;
		return 0;
	case _OPTION_MAX:
		break;
	}
	return 0;
}

static int unknown_flag(const char *flag, unsigned commands, struct error **err)
{
	const char *known[_OPTION_MAX + 1] = {NULL};
	size_t n = 0;
	for (size_t i = 0; i < _OPTION_MAX; i++)
		if (rows[i].commands & commands)
			known[n++] = rows[i].flag;
	int r = error_set(err, ERROR_INVALID_ARGUMENT, "planton server does not know %s", flag);
	const char *near = string_suggest(flag, known);
	if (near)
		error_hint(err, "did you mean %s?", near);
	else
		error_hint(err, "planton server --help lists the options");
	return r;
}

/* *at is the argument's index, moved on when it takes the next one as its value. */
static int take_flag(struct server_options *o, int argc, char **argv, int *at, bool given[],
		     struct error **err)
{
	const char *argument = argv[*at], *equals = strchr(argument, '=');
	unsigned command = 1U << o->command;
	size_t length = equals ? (size_t)(equals - argument) : strlen(argument);
	enum option i = 0;
	while (i < _OPTION_MAX &&
	       !(strlen(rows[i].flag) == length && strncmp(rows[i].flag, argument, length) == 0 &&
		 rows[i].commands & command))
		i++;
	if (i == _OPTION_MAX)
		return unknown_flag(argument, command, err);
	const char *value = equals ? equals + 1 : NULL;
	if (rows[i].value && !value) {
		if (*at + 1 >= argc)
			return error_set(err, ERROR_INVALID_ARGUMENT, "%s takes %s", rows[i].flag,
					 rows[i].value);
		value = argv[++*at];
	}
	if (!rows[i].value && value)
		return error_set(err, ERROR_INVALID_ARGUMENT, "%s takes no value", rows[i].flag);
	given[i] = true;
	return set(o, i, rows[i].flag, value, err);
}

static int read_environment(struct server_options *o, const bool given[], struct error **err)
{
	for (enum option i = 0; i < _OPTION_MAX; i++) {
		const char *value = rows[i].variable ? getenv(rows[i].variable) : NULL;
		if (given[i] || isempty(value))
			continue;
		if (i == OPTION_CATALOG) {
			o->catalogs = strv_split(value, ':');
			continue;
		}
		int r = set(o, i, rows[i].variable, value, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse(int argc, char **argv, struct server_options *o, struct error **err)
{
	bool given[_OPTION_MAX] = {false};
	int at = 1;
	if (argc > 1 && streq(argv[1], "backup")) {
		o->command = SERVER_BACKUP;
		at++;
	} else if (argc > 1 && streq(argv[1], "restore")) {
		o->command = SERVER_RESTORE;
		at++;
	}
	for (; at < argc; at++) {
		if (o->command == SERVER_HELP || o->command == SERVER_PRINT_ROUTES)
			return 0;
		if (argv[at][0] == '-') {
			int r = take_flag(o, argc, argv, &at, given, err);
			if (r < 0)
				return r;
		} else if (o->command != SERVER_SERVE && !o->file) {
			o->file = xstrdup(argv[at]);
		} else {
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "planton server does not know what to do with %s",
					 argv[at]);
		}
	}
	int r = read_environment(o, given, err);
	if (r < 0)
		return r;
	if ((o->command == SERVER_BACKUP || o->command == SERVER_RESTORE) && !o->file)
		return error_set(err, ERROR_INVALID_ARGUMENT, "which file? %s FILE",
				 o->command == SERVER_BACKUP ? "--to" : "--from");
	if (!o->data)
		o->data = default_data_dir();
	if (!o->data)
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "there is no home folder: say --data DIR");
	if (!o->listen)
		o->listen = xstrdup(DEFAULT_LISTEN);
	return 0;
}

/* A job an available processor. */
static unsigned default_capacity(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	return processors > 0 ? (unsigned)processors : 1;
}

int server_options_parse(int argc, char **argv, struct server_options *ret, struct error **err)
{
	struct server_options o = {.runner_capacity = default_capacity()};
	int r = parse(argc, argv, &o, err);
	if (r < 0) {
		server_options_release(&o);
		return r;
	}
	*ret = o;
	return 0;
}

void server_options_release(struct server_options *o)
{
	free(o->data);
	free(o->listen);
	strv_free(o->catalogs);
	free(o->master_key_file);
	free(o->file);
	*o = (struct server_options){0};
}
