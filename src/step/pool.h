/*
 * `planton providers`: the provider processes of one job, kept between its engine
 * commands (docs/decisions/0009-warm-providers.md). Each connection that an
 * engine makes is served by a process of its own, as when the engine starts them
 * itself.
 *
 * argv is "providers" and a folder of the job's, for people. Descriptors:
 *     3    a memfd with the launch (launch.h), "providers" instead of argv
 *     4    the folder of the providers' sockets, which they inherit as 3
 *     5    a stream socket whose other end everybody holds who uses the pool: it
 *          ends when nobody does. It tells "<provider> <protocol>\n" of the first
 *          process of each provider, 0 for one that does not start
 *     6..  a listening socket for each provider
 * SIGTERM ends it at once. In either case no provider is alive afterwards.
 */
#pragma once

enum {
	POOL_LAUNCH_FD = 3,
	POOL_FOLDER_FD,
	POOL_USERS_FD,
	POOL_LISTEN_FD,
};
/* The folder of sockets, as a provider and an engine see it. */
#define POOL_FOLDER_IN_PROVIDER "/proc/self/fd/3"
#define POOL_FOLDER_IN_ENGINE	"/proc/self/fd/4"
#define POOL_MAX_PROVIDERS	16

int pool_main(int argc, char **argv);
