/* The harness of the HTTP tests. */
#include "fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/fdutil.h"

static int on_stop(sd_event_source *source, int fd, uint32_t events, void *fixture)
{
	(void)source;
	(void)fd;
	(void)events;
	struct fixture *f = fixture;
	assert_true(atomic_load(&f->stopping));
	http_server_stop(f->server);
	return sd_event_exit(f->loop, 0);
}

static void *run_loop(void *fixture)
{
	struct fixture *f = fixture;
	sd_event_loop(f->loop);
	return NULL;
}

void fixture_start(struct fixture *f, const struct http_server_options *options)
{
	struct http_server_options o = *options;
	o.listen = "127.0.0.1:0";
	*f = (struct fixture){.stop_fd = eventfd(0, EFD_CLOEXEC)};
	sd_event *loop;
	assert_true(sd_event_new(&loop) >= 0);
	f->loop = loop;
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(http_server_start(loop, &o, &f->server, &e), 0);
	f->port = http_server_port(f->server);
	assert_true(sd_event_add_io(loop, NULL, f->stop_fd, EPOLLIN, on_stop, f) >= 0);
	assert_int_equal(pthread_create(&f->thread, NULL, run_loop, f), 0);
}

void fixture_stop(struct fixture *f)
{
	uint64_t one = 1;
	atomic_store(&f->stopping, true);
	assert_int_equal(write(f->stop_fd, &one, sizeof(one)), sizeof(one));
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	sd_event_unref(f->loop);
	safe_close(f->stop_fd);
}

void fixture_expect_no_connections(struct fixture *f)
{
	struct http_server_stats stats;
	EVENTUALLY((http_server_stats(f->server, &stats), stats.connections == 0));
	assert_int_equal(stats.streams, 0);
	assert_int_equal(stats.parked, 0);
}

void peer_connect(struct peer *p, const struct fixture *f)
{
	strbuf_init(&p->buffer);
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->fd >= 0);
	struct timeval patience = {.tv_sec = 60};
	setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)f->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	assert_int_equal(connect(p->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

void peer_close(struct peer *p)
{
	p->fd = safe_close(p->fd);
	strbuf_release(&p->buffer);
}

void peer_send_bytes(struct peer *p, const void *data, size_t size)
{
	for (size_t sent = 0; sent < size;) {
		ssize_t n = send(p->fd, (const char *)data + sent, size - sent, MSG_NOSIGNAL);
		assert_true(n > 0);
		sent += (size_t)n;
	}
}

void peer_send(struct peer *p, const char *text)
{
	peer_send_bytes(p, text, strlen(text));
}

bool peer_receive(struct peer *p)
{
	strbuf_grow(&p->buffer, 65536);
	ssize_t n = recv(p->fd, p->buffer.data + p->buffer.size, 65536, 0);
	if (n < 0)
		fail_msg("receiving failed: %s", strerror(errno));
	strbuf_set_size(&p->buffer, p->buffer.size + (size_t)n);
	return n > 0;
}

char *peer_read_until(struct peer *p, const char *marker)
{
	const char *found;
	while (!(found = memmem(p->buffer.data, p->buffer.size, marker, strlen(marker))))
		if (!peer_receive(p))
			fail_msg("the connection ended before \"%s\" came, after: %s", marker,
				 p->buffer.data);
	size_t size = (size_t)(found - p->buffer.data) + strlen(marker);
	char *text = xmemdup(p->buffer.data, size);
	strbuf_consume(&p->buffer, size);
	return text;
}

void peer_expect_end(struct peer *p)
{
	assert_false(peer_receive(p));
	assert_int_equal(p->buffer.size, 0);
}

static const char *find_header(const char *head, const char *name)
{
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, strlen(name)) == 0)
			return line + 2 + strlen(name);
	return NULL;
}

static void read_bytes(struct peer *p, size_t size, struct strbuf *body)
{
	while (p->buffer.size < size)
		assert_true(peer_receive(p));
	strbuf_add(body, p->buffer.data, size);
	strbuf_consume(&p->buffer, size);
}

static void read_chunks(struct peer *p, struct strbuf *body)
{
	for (size_t size = 1; size > 0;) {
		_cleanup_free_ char *line = peer_read_until(p, "\r\n");
		size = strtoul(line, NULL, 16);
		read_bytes(p, size, body);
		free(peer_read_until(p, "\r\n"));
	}
}

void peer_read_answer(struct peer *p, bool has_body, struct answer *ret)
{
	*ret = (struct answer){.body = STRBUF_INIT};
	ret->head = peer_read_until(p, "\r\n\r\n");
	assert_non_null(startswith(ret->head, "HTTP/1.1 "));
	ret->status = (int)strtol(ret->head + 9, NULL, 10);
	if (!has_body)
		return;
	const char *length = find_header(ret->head, "Content-Length: ");
	if (length)
		read_bytes(p, strtoul(length, NULL, 10), &ret->body);
	else if (find_header(ret->head, "Transfer-Encoding: chunked"))
		read_chunks(p, &ret->body);
}

void answer_release(struct answer *a)
{
	free(a->head);
	strbuf_release(&a->body);
}

void peer_expect(struct peer *p, const char *request, int status, const char *body)
{
	struct answer a;
	peer_send(p, request);
	peer_read_answer(p, true, &a);
	if (a.status != status || (body && !streq(a.body.data, body)))
		fail_msg("%.60s: %d %s", request, a.status, a.body.data);
	answer_release(&a);
}
