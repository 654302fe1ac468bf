/* Reads refused connections to their end: at most LINGER_MAX of them, for two seconds and 8 MiB. */
#include "http/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fdutil.h"

#define LINGER_MAX   64
#define LINGER_USEC  2000000
#define LINGER_BYTES ((size_t)8 << 20)

struct lingering {
	struct lingers *all;
	struct lingering *previous, *next;
	int fd;
	size_t drained;
	sd_event_source *input, *timer;
};

struct lingers {
	sd_event *loop;
	struct lingering *first;
	unsigned count;
};

struct lingers *lingers_new(sd_event *loop)
{
	struct lingers *l = xcalloc(1, sizeof(*l));
	l->loop = sd_event_ref(loop);
	return l;
}

static void end(struct lingering *one)
{
	struct lingers *l = one->all;
	if (one->previous)
		one->previous->next = one->next;
	else
		l->first = one->next;
	if (one->next)
		one->next->previous = one->previous;
	l->count--;
	sd_event_source_disable_unref(one->input);
	sd_event_source_disable_unref(one->timer);
	safe_close(one->fd);
	free(one);
}

void lingers_free(struct lingers *l)
{
	if (!l)
		return;
	for (struct lingering *one = l->first, *next; one; one = next) {
		next = one->next;
		end(one);
	}
	sd_event_unref(l->loop);
	free(l);
}

static int on_input(sd_event_source *source, int fd, uint32_t events, void *ctx)
{
	(void)source;
	(void)events;
	struct lingering *one = ctx;
	char bytes[16384];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n > 0)
		one->drained += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || one->drained > LINGER_BYTES)
		end(one);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *ctx)
{
	(void)source;
	(void)usec;
	end(ctx);
	return 0;
}

void lingers_add(struct lingers *l, int socket_fd)
{
	if (l->count == LINGER_MAX)
		return;
	int fd = fcntl(socket_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return;

	struct lingering *one = xcalloc(1, sizeof(*one));
	*one = (struct lingering){.all = l, .next = l->first, .fd = fd};
	if (l->first)
		l->first->previous = one;
	l->first = one;
	l->count++;
	if (sd_event_add_io(l->loop, &one->input, fd, EPOLLIN, on_input, one) < 0 ||
	    sd_event_add_time_relative(l->loop, &one->timer, CLOCK_MONOTONIC, LINGER_USEC, 0,
				       on_timeout, one) < 0)
		end(one);
}
