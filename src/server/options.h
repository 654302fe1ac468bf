/* What the server was asked for: flag, then environment, then default. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

enum server_command {
	SERVER_SERVE,
	SERVER_BACKUP,
	SERVER_RESTORE,
	SERVER_PRINT_ROUTES,
	SERVER_HELP,
};

struct server_options {
	enum server_command command;
	char *data;
	char *listen;
	char **catalogs;       /* as given; empty: to be found */
	char *master_key_file; /* NULL when not given */
	char *file;	       /* of a backup */
	bool force;
	bool no_runner;
	unsigned runner_capacity;
	unsigned lease_seconds; /* 0: default, as the next */
	unsigned operation_timeout_seconds;
};

int server_options_parse(int argc, char **argv, struct server_options *ret, struct error **err);
void server_options_release(struct server_options *o);
void server_options_help(void);
