/* What is done to a job that is there, and asking before a destroy. */
#pragma once

#include "cli/options.h"

extern const struct option message_options[];
extern const struct option *const cancel_options[];
extern const struct option *const resume_options[];
extern const struct option *const rerun_options[];

int run_cancel(struct cli *cli, const struct arguments *a);
int run_resume(struct cli *cli, const struct arguments *a);
int run_rerun(struct cli *cli, const struct arguments *a);

/* Asks for the resource's slug unless --yes was given. */
int confirm_destroy(struct cli *cli, const struct arguments *a, const char *resource,
		    struct error **err);
