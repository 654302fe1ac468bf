/*
 * Where the server is and who we are: flag, then environment, then the context file
 * ($XDG_CONFIG_HOME/planton/config.yaml, else ~/.config/planton/config.yaml, mode 0600):
 *
 *     currentContext: local
 *     contexts:
 *       local: {server: "http://127.0.0.1:8080", org: default, env: dev, tokenFile: /path | token:
 * pt_…}
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"

#define DEFAULT_SERVER "http://127.0.0.1:8080"
#define DEFAULT_ORG    "default"

/* NULL without a home folder. Caller frees. */
char *config_path(void);
/* An empty object when there is no file. The caller owns *ret. */
int config_load(json_t **ret, struct error **err);
int config_save(const json_t *config, struct error **err);

/* The named context, made if make is set; borrowed, NULL when there is none. */
json_t *config_context(json_t *config, const char *name, bool make);
const char *config_current(const json_t *config);

struct settings {
	char *context; /* NULL when no context is in use */
	char *server;
	char *org;
	char *env;   /* NULL when none was chosen */
	char *token; /* NULL when there is none */
};

struct settings_flags {
	const char *context, *server, *org, *env; /* NULL when not given */
	bool any_context; /* for commands that make contexts: one that is not there, or whose key
			     cannot be read, is no error */
};

int settings_resolve(const struct settings_flags *flags, struct settings *ret, struct error **err);
void settings_release(struct settings *s);
