/*
 * `planton runner`: pulls jobs from a server, runs their operations through
 * `planton step` and reports what the engines say. It may be ended or killed at
 * any moment: steps and engines live on, and the next runner of the same folder
 * finds them again.
 */
#pragma once

/* `planton runner abandon` is the command line client's. */
int runner_main(int argc, char **argv);
