/* The command line client: everything but `server`, `runner` (the agent) and `step`. */
#pragma once

/* argv[0] is the program. Returns the process's exit code. */
int cli_main(int argc, char **argv);
