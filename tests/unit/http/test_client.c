/* The client against the real server, and against servers that are not there or misbehave. */
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "http/client.h"

static void describe(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)ctx;
	size_t size;
	const char *body = http_request_body(q, &size);
	const char *type = http_request_header(q, "Content-Type");
	const char *token = http_request_header(q, "Authorization");
	const char *expect = http_request_header(q, "Expect");
	const char *extra = http_request_header(q, "X-Extra");
	struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "%d %s %s %s %s %s", (int)http_request_method(q), type ? type : "-",
		    token ? token : "-", expect ? expect : "-", extra ? extra : "-",
		    size < 100 ? body : "long");
	http_response_header(a, "ETag", "\"7\"");
	http_response_header(a, "Location", "/there");
	http_respond(a, 201, "text/plain", &out);
}

static void park(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)ctx;
	if (http_request_is_shutting_down(q))
		http_respond_empty(a, 503);
	else
		http_respond_park(a, "never", UINT64_MAX);
}

static enum http_pull pull(void *data, struct strbuf *out)
{
	atomic_uint *count = data;
	strbuf_addf(out, "id: %u\ndata: x\n\n", atomic_fetch_add(count, 1));
	return atomic_load(count) < 5 ? HTTP_PULL_DATA : HTTP_PULL_WAIT;
}

static void stream(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)q;
	(void)ctx;
	http_respond_stream(a, &(struct http_stream){
				       .content_type = "text/event-stream",
				       .topic = "s",
				       .pull = pull,
				       .data = xcalloc(1, sizeof(atomic_uint)),
				       .free_fn = free,
			       });
}

static const struct http_route routes[] = {
	{HTTP_GET, "/x", describe, 0, "get"},
	{HTTP_POST, "/x", describe, 1 << 20, "post"},
	{HTTP_PUT, "/x", describe, 100, "put"},
	{HTTP_DELETE, "/x", describe, 0, "delete"},
	{HTTP_LOCK, "/x", describe, 100, "lock"},
	{HTTP_UNLOCK, "/x", describe, 100, "unlock"},
	{HTTP_GET, "/park", park, 0, "park"},
	{HTTP_GET, "/stream", stream, 0, "stream"},
	{0},
};
static const struct http_route *const tables[] = {routes, NULL};

struct context {
	struct fixture f;
	struct http_client *client;
};

static struct http_client *make_client(unsigned port, size_t max_response)
{
	_cleanup_free_ char *url = xasprintf("http://127.0.0.1:%u/", port);
	struct http_client *c;
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(
		http_client_new(&(struct http_client_options){.base_url = url,
							      .token = "pt_1",
							      .max_response = max_response},
				&c, &e),
		0);
	return c;
}

static int setup(void **state)
{
	static struct context c;
	fixture_start(&c.f, &(struct http_server_options){.route_tables = tables});
	c.client = make_client(c.f.port, 0);
	*state = &c;
	return 0;
}

static int teardown(void **state)
{
	struct context *c = *state;
	http_client_free(c->client);
	fixture_stop(&c->f);
	return 0;
}

static void expect(struct http_client *c, const struct http_call *call, int status,
		   const char *body)
{
	struct http_reply reply;
	_cleanup_error_ struct error *e = NULL;
	if (http_client_call(c, call, &reply, &e) < 0)
		fail_msg("%s", e->message);
	assert_int_equal(reply.status, status);
	if (body)
		assert_string_equal(reply.body.data, body);
	http_reply_release(&reply);
}

static void test_methods(void **state)
{
	struct http_client *c = ((struct context *)*state)->client;
	const char *headers[] = {"X-Extra: e", NULL};
	expect(c, &(struct http_call){.method = "GET", .path = "/x"}, 201, "0 - Bearer pt_1 - - ");
	expect(c,
	       &(struct http_call){.method = "POST",
				   .path = "/x",
				   .headers = headers,
				   .content_type = "text/plain",
				   .body = "hi",
				   .body_len = 2},
	       201, "1 text/plain Bearer pt_1 - e hi");
	expect(c, &(struct http_call){.method = "POST", .path = "/x"}, 201, "1 - Bearer pt_1 - - ");
	expect(c, &(struct http_call){.method = "PUT", .path = "/x", .body = "hi", .body_len = 2},
	       201, "2 - Bearer pt_1 - - hi");
	expect(c, &(struct http_call){.method = "DELETE", .path = "/x"}, 201,
	       "3 - Bearer pt_1 - - ");
	expect(c, &(struct http_call){.method = "LOCK", .path = "/x", .body = "hi", .body_len = 2},
	       201, "4 - Bearer pt_1 - - hi");
	expect(c, &(struct http_call){.method = "UNLOCK", .path = "/x"}, 201,
	       "5 - Bearer pt_1 - - ");
	expect(c, &(struct http_call){.method = "HEAD", .path = "/x"}, 201, "");
	http_client_set_token(c, NULL);
	expect(c, &(struct http_call){.method = "GET", .path = "/x"}, 201, "0 - - - - ");
	expect(c, &(struct http_call){.method = "GET", .path = "/none"}, 404, NULL);
	struct http_server_stats stats;
	http_server_stats(((struct context *)*state)->f.server, &stats);
	assert_int_equal(stats.connections, 1);
}

static void test_reply_headers(void **state)
{
	struct http_client *c = ((struct context *)*state)->client;
	struct http_reply reply;
	assert_int_equal(http_client_call(c, &(struct http_call){.method = "GET", .path = "/x"},
					  &reply, NULL),
			 0);
	assert_string_equal(reply.etag, "\"7\"");
	assert_string_equal(reply.location, "/there");
	assert_string_equal(reply.content_type, "text/plain");
	http_reply_release(&reply);
}

static void test_large_upload_is_not_announced(void **state)
{
	struct http_client *c = ((struct context *)*state)->client;
	_cleanup_free_ char *body = xcalloc(1, 2 << 20);
	struct http_call call = {.method = "POST", .path = "/x", .body = body, .body_len = 1 << 20};
	expect(c, &call, 201, "1 - Bearer pt_1 - - long");
	call.body_len = 2 << 20;
	expect(c, &call, 413, NULL);
	expect(c, &(struct http_call){.method = "GET", .path = "/x"}, 201, NULL);
}

static void test_answer_limit(void **state)
{
	struct context *context = *state;
	struct http_client *c = make_client(context->f.port, 10);
	struct http_reply reply;
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(
		http_client_call(c, &(struct http_call){.method = "GET", .path = "/x"}, &reply, &e),
		-ERROR_TOO_LARGE);
	assert_non_null(strstr(e->message, "10 bytes"));
	http_client_free(c);
}

static int stop_third(const char *event, const char *id, const char *data, size_t size, void *ctx)
{
	(void)event;
	(void)size;
	assert_string_equal(data, "x");
	int *events = ctx;
	assert_int_equal(strtol(id, NULL, 10), (*events)++);
	return *events == 3;
}

static int feed(const void *bytes, size_t size, void *parser)
{
	return sse_parser_feed(parser, bytes, size);
}

static void test_stream(void **state)
{
	struct http_client *c = ((struct context *)*state)->client;
	for (int i = 0; i < 2; i++) {
		int events = 0;
		struct sse_parser *parser = sse_parser_new(1000, stop_third, &events);
		expect(c,
		       &(struct http_call){
			       .method = "GET", .path = "/stream", .on_data = feed, .ctx = parser},
		       200, "");
		assert_int_equal(events, 3);
		sse_parser_free(parser);
	}
	expect(c, &(struct http_call){.method = "GET", .path = "/none", .on_data = feed}, 404,
	       "there is nothing at /none\n");
}

static int stop_at_second(void *ctx)
{
	return ++*(int *)ctx == 2;
}

static void test_idle_cancels(void **state)
{
	struct http_client *c = ((struct context *)*state)->client;
	struct http_reply reply;
	int looks = 0;
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(http_client_call(c,
					  &(struct http_call){.method = "GET",
							      .path = "/park",
							      .on_idle = stop_at_second,
							      .ctx = &looks},
					  &reply, &e),
			 -ERROR_CANCELLED);
	assert_int_equal(looks, 2);
}

static void test_timeout(void **state)
{
	struct http_client *c = ((struct context *)*state)->client;
	struct http_reply reply;
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(
		http_client_call(
			c, &(struct http_call){.method = "GET", .path = "/park", .timeout_ms = 50},
			&reply, &e),
		-ERROR_TIMEOUT);
	assert_non_null(strstr(e->message, "did not answer GET /park in time"));
}

static int listen_anywhere(unsigned *ret_port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void test_nobody_listens(void **state)
{
	(void)state;
	unsigned port;
	int bound = listen_anywhere(&port);
	struct http_client *c = make_client(port, 0);
	struct http_reply reply;
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(
		http_client_call(c, &(struct http_call){.method = "GET", .path = "/x"}, &reply, &e),
		-ERROR_UNAVAILABLE);
	_cleanup_free_ char *expected =
		xasprintf("cannot reach http://127.0.0.1:%u: Connection refused", port);
	assert_string_equal(e->message, expected);
	assert_string_equal(e->hint, "Is `planton server` running? Set --server or PLANTON_SERVER");
	http_client_free(c);
	safe_close(bound);
}

static void *reset_one(void *listening)
{
	int fd = accept(*(int *)listening, NULL, NULL);
	char bytes[1000];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
	close(fd);
	return n > 0 ? listening : NULL;
}

static void test_connection_breaks(void **state)
{
	(void)state;
	unsigned port;
	_cleanup_close_ int listening = listen_anywhere(&port);
	assert_int_equal(listen(listening, 5), 0);
	pthread_t thread;
	pthread_create(&thread, NULL, reset_one, &listening);
	struct http_client *c = make_client(port, 0);
	struct http_reply reply;
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(
		http_client_call(c, &(struct http_call){.method = "GET", .path = "/x"}, &reply, &e),
		-ERROR_UNAVAILABLE);
	assert_non_null(strstr(e->message, "broke during GET /x"));
	pthread_join(thread, NULL);
	http_client_free(c);
}

static void test_no_such_host_or_url(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "127.0.0.1:80", "ftp://h", "file:///etc/passwd"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct http_client *c;
		_cleanup_error_ struct error *e = NULL;
		assert_int_equal(
			http_client_new(&(struct http_client_options){.base_url = bad[i]}, &c, &e),
			-ERROR_INVALID_ARGUMENT);
	}
}

/* A kept connection that the server closed meanwhile is replaced without the caller noticing. */
static void test_server_restart_between_calls(void **state)
{
	(void)state;
	struct fixture f;
	const struct http_server_options options = {.route_tables = tables, .idle_ms = 1000};
	fixture_start(&f, &options);
	struct http_client *c = make_client(f.port, 0);
	expect(c, &(struct http_call){.method = "POST", .path = "/x"}, 201, NULL);
	struct http_server_stats stats;
	EVENTUALLY((http_server_stats(f.server, &stats), stats.connections == 0));
	expect(c, &(struct http_call){.method = "POST", .path = "/x"}, 201, NULL);
	http_client_free(c);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_methods, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_upload_is_not_announced, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_answer_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_idle_cancels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_timeout, setup, teardown),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_connection_breaks),
		cmocka_unit_test(test_no_such_host_or_url),
		cmocka_unit_test(test_server_restart_between_calls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
