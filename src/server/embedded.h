/*
 * The runner beside the server. It outlives the server: the lock on its folder tells whether it is
 * at work, and a server that starts adopts one that is.
 */
#pragma once

#include <systemd/sd-event.h>

#include "control/work.h"

struct embedded_runner;

struct embedded_options {
	const char *data;
	const char *url;
	unsigned capacity;
	struct control *control;
};

int embedded_runner_start(sd_event *loop, const struct embedded_options *o,
			  struct embedded_runner **ret, struct error **err);
/* Looks after it no longer; the runner works on. */
void embedded_runner_leave(struct embedded_runner *e);
