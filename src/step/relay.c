#include "step/relay.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fdutil.h"

#define FLOW_SIZE ((size_t)64 << 10)

void relay_init(struct relay *relay, int a, int b)
{
	*relay = (struct relay){.fds = {a, b}, .first_end = -1};
	(void)fd_set_nonblock(a, true);
	(void)fd_set_nonblock(b, true);
}

void relay_release(struct relay *relay)
{
	for (int i = 0; i < 2; i++) {
		relay->fds[i] = safe_close(relay->fds[i]);
		free(relay->flows[i].data);
		relay->flows[i].data = NULL;
	}
}

void relay_poll(const struct relay *relay, struct pollfd ret[2])
{
	for (int i = 0; i < 2; i++) {
		const struct flow *in = &relay->flows[i], *out = &relay->flows[!i];
		ret[i] = (struct pollfd){.fd = relay->fds[i]};
		if (!in->over && in->begin == in->end)
			ret[i].events |= POLLIN;
		if (out->begin < out->end)
			ret[i].events |= POLLOUT;
		/* A side that has only hung up would wake the poll for ever. */
		if (!ret[i].events)
			ret[i].fd = -1;
	}
}

static bool is_transient(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void note_end(struct relay *relay, int side)
{
	if (relay->first_end < 0)
		relay->first_end = side;
}

static bool fill(struct relay *relay, int side)
{
	struct flow *flow = &relay->flows[side];

	if (flow->over || flow->begin < flow->end)
		return true;
	if (!flow->data)
		flow->data = xmalloc(FLOW_SIZE);
	ssize_t size = read(relay->fds[side], flow->data, FLOW_SIZE);
	if (size < 0 && is_transient())
		return true;
	if (size <= 0)
		note_end(relay, side);
	if (size < 0)
		return false;
	flow->begin = 0;
	flow->end = (size_t)size;
	if (size == 0) {
		flow->over = true;
		(void)shutdown(relay->fds[!side], SHUT_WR);
	}
	return true;
}

static bool empty(struct relay *relay, int side)
{
	struct flow *flow = &relay->flows[side];

	while (flow->begin < flow->end) {
		ssize_t size = send(relay->fds[!side], flow->data + flow->begin,
				    flow->end - flow->begin, MSG_NOSIGNAL);
		if (size < 0 && is_transient())
			return true;
		if (size < 0) {
			note_end(relay, !side);
			return false;
		}
		flow->begin += (size_t)size;
	}
	return true;
}

bool relay_move(struct relay *relay)
{
	for (int side = 0; side < 2; side++)
		if (!fill(relay, side) || !empty(relay, side))
			return false;
	return !relay->flows[0].over || !relay->flows[1].over;
}
