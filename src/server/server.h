/* The server role: `planton server [options]`, `planton server backup`, `planton server restore`.
 */
#pragma once

/* argv[0] is "server". Returns the exit code. */
int server_main(int argc, char **argv);
