/* The runner's command line and environment. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct runner_options {
	char *server;	 /* URL */
	char *token;	 /* for the registration; NULL when there is none */
	char *dir;	 /* absolute */
	char *work_root; /* absolute; the same on all runners of a server */
	char *name;
	int capacity;
	json_t *labels;
	char *tofu;	    /* path, or NULL: PATH is searched */
	char *tofu_config;  /* absolute path, or NULL */
	char **allow_write; /* absolute folders that engines may write to, beside their workspaces
			     */
	uint64_t disk_budget;
	bool embedded, help;
};

/* Makes no folders. ERROR_INVALID_ARGUMENT is a usage error. */
int runner_options_parse(int argc, char **argv, struct runner_options *ret, struct error **err);
void runner_options_release(struct runner_options *options);
extern const char runner_usage[];
