/* The commands, family by family: tables that end with a NULL name. */
#pragma once

#include <jansson.h>

#include "cli/options.h"

extern const struct command root_command;

extern const struct command stack_job_commands[];
extern const struct command cloud_resource_commands[];
extern const struct command connection_commands[];
extern const struct command organization_commands[];
extern const struct command environment_commands[];
extern const struct command state_commands[];
extern const struct command runner_commands[];
extern const struct command context_commands[];

int run_apply(struct cli *cli, const struct arguments *a);
int run_preview(struct cli *cli, const struct arguments *a);
int run_diff(struct cli *cli, const struct arguments *a);
int run_validate(struct cli *cli, const struct arguments *a);
int run_get(struct cli *cli, const struct arguments *a);
int run_list(struct cli *cli, const struct arguments *a);
int run_output(struct cli *cli, const struct arguments *a);
int run_delete(struct cli *cli, const struct arguments *a);
int run_login(struct cli *cli, const struct arguments *a);
int run_version(struct cli *cli, const struct arguments *a);

extern const struct option *const apply_options[];
extern const struct option *const preview_options[];
extern const struct option *const file_options[];
extern const struct option *const list_options[];
extern const struct option *const output_options[];
extern const struct option *const delete_options[];
extern const struct option yes_options[];

/* After a job was made: its header, then its tail or its id, as asked for. Returns the exit code.
 */
int show_new_job(struct cli *cli, const struct arguments *a, const json_t *job, const char *word);
