/* The parts of the OpenTofu engine; see engine.h for what each must do. */
#pragma once

#include "engines/engine.h"

char **tofu_command_line(const char *binary, enum engine_command command,
			 const struct engine_options *options);
char **tofu_environment(const struct engine_environment *environment);
void tofu_parse_line(const char *data, size_t size, struct engine_line *ret);
bool tofu_init_needs_inputs(const char *module_dir);
int tofu_make_inputs(const json_t *variables, const json_t *manifest, const json_t *schema,
		     json_t **ret_inputs, json_t **ret_secrets, struct error **err);
int tofu_plan_secrets(const char *json, size_t size, json_t *ret_secrets, struct error **err);
int tofu_read_plan(const char *json, size_t size, engine_diff_callback *callback, void *userdata,
		   struct error **err);
json_t *tofu_find_providers(const char *module_dir);
json_t *tofu_read_providers(const char *lock_content);
