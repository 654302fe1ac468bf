/* Bytes both ways between two stream sockets, without waiting for either. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/* What one side has said and the other has not yet taken. */
struct flow {
	char *data; /* NULL while there is nothing */
	size_t begin, end;
	bool over; /* nothing more comes, and the other side was told */
};

struct relay {
	int fds[2];	      /* non-blocking; -1 once closed */
	struct flow flows[2]; /* flows[i] comes from fds[i] */
	int first_end;	      /* the side that ended or failed first; -1: none has */
};

/* Takes the descriptors over. */
void relay_init(struct relay *relay, int a, int b);
void relay_release(struct relay *relay);

/* What to poll for now. */
void relay_poll(const struct relay *relay, struct pollfd ret[2]);
/* Moves what can be moved. False: it is over, both ways or by an error. */
bool relay_move(struct relay *relay);
