/* Parses a listen address and binds it. */
#include "http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fdutil.h"
#include "base/parse.h"
#include "base/strutil.h"

/* Both outputs belong to the caller. */
static int split(const char *address, char **ret_host, char **ret_port, struct error **err)
{
	const char *colon = strrchr(address, ':');
	uint64_t port;
	if (!colon || parse_u64(colon + 1, &port) < 0 || port > UINT16_MAX)
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "listen address %s is not of the form host:port", address);

	const char *host = address;
	size_t size = (size_t)(colon - address);
	if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
		host++;
		size -= 2;
	} else if (memchr(host, ':', size)) {
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "IPv6 address in %s needs brackets: [::1]:8080", address);
	}
	*ret_host = xstrndup(host, size);
	*ret_port = xstrdup(colon + 1);
	return 0;
}

static int bind_one(const struct addrinfo *info)
{
	_cleanup_close_ int fd =
		socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, info->ai_addr, info->ai_addrlen) < 0)
		return -errno;
	if (listen(fd, 511) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static unsigned bound_port(int fd)
{
	/* The port is at the same place in both families. */
	struct sockaddr_in6 address = {0};
	socklen_t size = sizeof(address);
	getsockname(fd, (struct sockaddr *)&address, &size);
	return ntohs(address.sin6_port);
}

int listen_tcp(const char *address, int *ret_fd, unsigned *ret_port, struct error **err)
{
	_cleanup_free_ char *host = NULL, *port = NULL;
	int r = split(address, &host, &port, err);
	if (r < 0)
		return r;

	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	struct addrinfo *found = NULL;
	r = getaddrinfo(isempty(host) ? NULL : host, port, &hints, &found);
	if (r != 0)
		return error_set(err, ERROR_INVALID_ARGUMENT, "cannot listen on %s: %s", address,
				 gai_strerror(r));
	int fd = bind_one(found);
	freeaddrinfo(found);
	if (fd < 0) {
		r = error_set_errno(err, ERROR_UNAVAILABLE, fd, "cannot listen on %s", address);
		if (fd == -EADDRINUSE)
			error_hint(err, "Another server may be running; choose another port");
		return r;
	}
	*ret_fd = fd;
	*ret_port = bound_port(fd);
	return 0;
}
