/* Listening sockets. */
#pragma once

#include "base/error.h"

/*
 * "127.0.0.1:8080", "[::1]:0" or "localhost:8080"; port 0 picks one. The socket is CLOEXEC and
 * non-blocking, and belongs to the caller.
 */
int listen_tcp(const char *address, int *ret_fd, unsigned *ret_port, struct error **err);
