/* A server on its own loop thread, and a client that speaks raw HTTP over a socket. */
#pragma once

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "base/strutil.h"
#include "http/server.h"

struct fixture {
	struct http_server *server;
	unsigned port;
	int stop_fd;
	atomic_bool stopping;
	pthread_t thread;
	void *loop;
};

/* options->listen is set here. */
void fixture_start(struct fixture *f, const struct http_server_options *options);
/* Stops the server on its loop thread and waits for that. */
void fixture_stop(struct fixture *f);

/* All peers are closed, and the server has noticed. */
void fixture_expect_no_connections(struct fixture *f);

/* A blocking connection that gives up reading after a generous time. */
struct peer {
	int fd;
	struct strbuf buffer; /* received, not yet looked at */
};

void peer_connect(struct peer *p, const struct fixture *f);
void peer_close(struct peer *p);
void peer_send(struct peer *p, const char *text);
void peer_send_bytes(struct peer *p, const void *data, size_t size);
/* Receives once more; false at the end of the connection. */
bool peer_receive(struct peer *p);
/* Everything up to and with the marker, which must come; the caller frees. */
char *peer_read_until(struct peer *p, const char *marker);
/* The server closes, without a reset. */
void peer_expect_end(struct peer *p);

struct answer {
	int status;
	char *head; /* with the status line */
	struct strbuf body;
};

/* One answer, by its Content-Length or chunks. */
void peer_read_answer(struct peer *p, bool has_body, struct answer *ret);
void answer_release(struct answer *a);
/* Sends, reads one answer and compares status and body (NULL: any). */
void peer_expect(struct peer *p, const char *request, int status, const char *body);

/* Until the condition holds; the test fails after a generous time. */
#define EVENTUALLY(condition)                                             \
	do {                                                              \
		for (int left_ = 6000; !(condition); left_--) {           \
			assert_true(left_ > 0 && "in time: " #condition); \
			usleep(5000);                                     \
		}                                                         \
	} while (0)
