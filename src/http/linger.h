/*
 * Connections that were refused while the client was still sending. To close them at once would
 * reset them, and the client might never see the answer: they are read to their end instead, for
 * a short while.
 */
#pragma once

#include <systemd/sd-event.h>

struct lingers;

struct lingers *lingers_new(sd_event *loop);
void lingers_free(struct lingers *l);
/* Keeps a duplicate of the socket; the caller closes its own. */
void lingers_add(struct lingers *l, int socket_fd);
