/*
 * Stands before the real engine and tells a recorder (tests/harness/recorder.py) that it starts.
 * Built by the harness with -DREAL_ENGINE="\"...\"" -DRECORDER_PORT=n because an engine's
 * environment is a clean allow-list. It connects to the recorder on loopback, says who it is, waits
 * for the answer, then execs the engine, which keeps pid, output files and the connection: the
 * kernel closes that when the engine and all of its plugins are gone, so an open connection is the
 * proof that something of this launch lives. A sandbox may close the file system to us, so no file
 * is touched.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define INHERITED_FD 100

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "";
}

/* pid TAB command TAB state TAB launch TAB all arguments, each followed by a unit separator,
 * NEWLINE */
static void announce(int fd, int argc, char **argv)
{
	char text[16384], answer;
	int size = snprintf(text, sizeof(text), "%d\t%s\t%s\t%s\t", (int)getpid(),
			    argc > 1 ? argv[1] : "", variable("TF_HTTP_ADDRESS"),
			    variable("PLANTON_LAUNCH"));

	for (int i = 1; i < argc && size < (int)sizeof(text) - 1024; i++)
		size += snprintf(text + size, sizeof(text) - (size_t)size - 2, "%.900s\x1f",
				 argv[i]);
	text[size++] = '\n';
	for (int sent = 0; sent < size;) {
		ssize_t n = send(fd, text + sent, (size_t)(size - sent), MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return;
		sent += n > 0 ? (int)n : 0;
	}
	while (recv(fd, &answer, 1, 0) < 0 && errno == EINTR)
		;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(RECORDER_PORT)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		announce(fd, argc, argv);
		(void)dup2(fd, INHERITED_FD); /* without CLOEXEC */
	}
	argv[0] = REAL_ENGINE;
	execv(REAL_ENGINE, argv);
	fprintf(stderr, "%s: %s\n", REAL_ENGINE, strerror(errno));
	return 127;
}
