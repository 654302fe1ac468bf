/* Requests and answers over real connections: routing, bodies, limits, keep-alive, refusals. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_BODY 1000
#define BIG	 ((size_t)64 << 20)
#define HOST	 " HTTP/1.1\r\nHost: h\r\n"
#define NO_BODY	 HOST "\r\n"

static void echo(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)ctx;
	size_t size;
	const char *body = http_request_body(q, &size);
	struct strbuf out = STRBUF_INIT;
	const char *id = http_request_param(q, "id");
	strbuf_addf(&out, "%d %s ", (int)http_request_method(q), id ? id : "-");
	strbuf_add(&out, body, size);
	http_respond(a, 200, "text/plain", &out);
}

static void sum(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)ctx;
	size_t size;
	const unsigned char *body = http_request_body(q, &size);
	uint64_t total = 0;
	for (size_t i = 0; i < size; i++)
		total += body[i];
	struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "%zu %ju", size, (uintmax_t)total);
	http_respond(a, 200, "text/plain", &out);
}

static void query(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)ctx;
	static const char *const known[] = {"a", "b", NULL};
	const char *unknown = http_request_unknown_query(q, known);
	const char *value = http_request_query(q, "a");
	const char *header = http_request_header(q, "x-test");
	struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "%s %s %s", unknown ? unknown : "-", value ? value : "-",
		    header ? header : "-");
	http_response_header(a, "Cache-Control", "max-age=5");
	http_response_header(a, "X-Bad", "a\r\nX-Injected: 1");
	http_respond(a, 200, "text/plain", &out);
}

static void big(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)q;
	(void)ctx;
	struct strbuf out = STRBUF_INIT;
	strbuf_grow(&out, BIG);
	memset(out.data, 'x', BIG);
	strbuf_set_size(&out, BIG);
	http_respond(a, 200, "application/octet-stream", &out);
}

static void empty(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)q;
	(void)ctx;
	http_respond_empty(a, 204);
}

static void silent(struct http_request *q, struct http_response *a, void *ctx)
{
	(void)q;
	(void)a;
	(void)ctx;
}

static bool before(struct http_request *q, struct http_response *a, const struct http_route *route,
		   void *ctx)
{
	(void)route;
	(void)ctx;
	if (!http_request_query(q, "forbidden"))
		return true;
	http_respond_empty(a, 403);
	return false;
}

static void render(struct http_response *a, const struct error *e, void *ctx)
{
	(void)ctx;
	struct strbuf out = STRBUF_INIT;
	strbuf_addf(&out, "%s: %s", error_code_string(e->code), e->message);
	http_respond(a, error_code_http_status(e->code), "text/plain", &out);
}

static const struct http_route routes[] = {
	{HTTP_GET, "/echo/{id}", echo, 0, "get"},
	{HTTP_POST, "/echo/{id}", echo, MAX_BODY, "post"},
	{HTTP_PUT, "/echo/{id}", echo, MAX_BODY, "put"},
	{HTTP_DELETE, "/echo/{id}", echo, 0, "delete"},
	{HTTP_LOCK, "/echo/{id}", echo, MAX_BODY, "lock"},
	{HTTP_UNLOCK, "/echo/{id}", echo, MAX_BODY, "unlock"},
	{HTTP_POST, "/sum", sum, BIG, "sum"},
	{HTTP_GET, "/query", query, 0, "query"},
	{HTTP_GET, "/big", big, 0, "big"},
	{HTTP_GET, "/empty", empty, 0, "empty"},
	{HTTP_GET, "/silent", silent, 0, "silent"},
	{0},
};
static const struct http_route *const tables[] = {routes, NULL};

static int setup(void **state)
{
	static struct fixture f;
	fixture_start(&f, &(struct http_server_options){
				  .route_tables = tables,
				  .before = before,
				  .render_error = render,
			  });
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_expect_no_connections(*state);
	fixture_stop(*state);
	return 0;
}

static void test_methods_on_one_connection(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	peer_expect(&p, "GET /echo/a%2Fb" NO_BODY, 200, "0 a/b ");
	peer_expect(&p, "POST /echo/x" HOST "Content-Length: 2\r\n\r\nhi", 200, "1 x hi");
	peer_expect(&p, "PUT /echo/x" HOST "Content-Length: 2\r\n\r\nhi", 200, "2 x hi");
	peer_expect(&p, "DELETE /echo/x" NO_BODY, 200, "3 x ");
	peer_expect(&p, "LOCK /echo/x" HOST "Content-Length: 2\r\n\r\nhi", 200, "4 x hi");
	peer_expect(&p, "UNLOCK /echo/x" NO_BODY, 200, "5 x ");
	peer_expect(&p, "GET /empty" HOST "Content-Length: 0\r\n\r\n", 204, "");
	peer_close(&p);
}

static void test_head_has_headers_only(void **state)
{
	struct peer p;
	struct answer a;
	peer_connect(&p, *state);
	peer_send(&p, "HEAD /echo/x" NO_BODY);
	peer_read_answer(&p, false, &a);
	assert_int_equal(a.status, 200);
	assert_non_null(strstr(a.head, "Content-Length: 4\r\n"));
	answer_release(&a);
	peer_expect(&p, "GET /echo/y" NO_BODY, 200, "0 y ");
	peer_close(&p);
}

static void test_default_headers(void **state)
{
	struct peer p;
	struct answer a;
	peer_connect(&p, *state);
	peer_send(&p, "GET /echo/x" NO_BODY);
	peer_read_answer(&p, true, &a);
	assert_non_null(strstr(a.head, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(a.head, "X-Content-Type-Options: nosniff\r\n"));
	assert_non_null(strstr(a.head, "Content-Type: text/plain\r\n"));
	answer_release(&a);
	peer_send(&p, "GET /query" NO_BODY);
	peer_read_answer(&p, true, &a);
	assert_non_null(strstr(a.head, "Cache-Control: max-age=5\r\n"));
	assert_null(strstr(a.head, "no-store"));
	assert_null(strstr(a.head, "Injected"));
	answer_release(&a);
	peer_close(&p);
}

static void test_queries_and_headers(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	peer_expect(&p, "GET /query?a=x%26y+z&b" HOST "X-Test: t\r\n\r\n", 200, "- x&y z t");
	peer_expect(&p, "GET /query?limti=1" NO_BODY, 200, "limti - -");
	peer_expect(&p, "GET /query?a" NO_BODY, 200, "-  -");
	peer_close(&p);
}

static void test_refusals_keep_the_connection(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	peer_expect(&p, "GET /none" NO_BODY, 404, "not_found: there is nothing at /none");
	peer_expect(&p, "POST /none" HOST "Content-Length: 3\r\n\r\nabc", 404, NULL);
	peer_expect(&p, "BREW /none" HOST "Content-Length: 3\r\n\r\nabc", 501, NULL);
	peer_expect(&p, "POST /none" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		    404, NULL);
	peer_expect(&p, "GET /echo/%zz" NO_BODY, 400, NULL);
	peer_expect(&p, "GET /echo/a%00" NO_BODY, 400, NULL);
	peer_expect(&p, "GET /query?a=%" NO_BODY, 400, NULL);
	peer_expect(&p, "GET /silent" NO_BODY, 500, NULL);
	peer_expect(&p, "GET /echo/x?forbidden" NO_BODY, 403, "");
	_cleanup_free_ char *large =
		xasprintf("POST /echo/x" HOST "Content-Length: 1001\r\n\r\n%1001d", 1);
	peer_expect(&p, large, 413,
		    "too_large: the request body is larger than 1000 bytes, the limit of /echo/x");
	peer_expect(&p, "GET /echo/x" NO_BODY, 200, NULL);
	peer_close(&p);
}

static void test_allow(void **state)
{
	struct peer p;
	struct answer a;
	peer_connect(&p, *state);
	peer_send(&p, "PATCH /echo/x" NO_BODY);
	peer_read_answer(&p, true, &a);
	assert_int_equal(a.status, 405);
	assert_non_null(strstr(a.head, "Allow: GET, HEAD, POST, PUT, DELETE, LOCK, UNLOCK\r\n"));
	answer_release(&a);
	peer_close(&p);
}

static void test_body_in_pieces(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	const char *request = "POST /echo/x" HOST "Content-Length: 5\r\n\r\nhello";
	for (const char *c = request; *c; c++) {
		peer_send_bytes(&p, c, 1);
		usleep(100);
	}
	peer_expect(&p, "", 200, "1 x hello");
	peer_send(&p, "POST /echo/x" HOST "Transfer-Encoding: chunked\r\n\r\n3\r\nhel");
	usleep(1000);
	peer_expect(&p, "\r\n2\r\nlo\r\n0\r\n\r\n", 200, "1 x hello");
	peer_close(&p);
}

static void test_expect_continue(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	peer_send(&p, "POST /echo/x" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");
	free(peer_read_until(&p, "HTTP/1.1 100 Continue\r\n\r\n"));
	peer_expect(&p, "hello", 200, "1 x hello");
	peer_send(&p,
		  "POST /echo/x" HOST "Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
	peer_expect(&p, "", 413,
		    "too_large: the request body is larger than 1000 bytes, the limit of /echo/x");
	peer_expect_end(&p);
	peer_close(&p);
}

static void test_pipelining(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	_cleanup_strbuf_ struct strbuf requests = STRBUF_INIT;
	for (int i = 0; i < 200; i++)
		strbuf_addf(&requests, "POST /echo/%d" HOST "Content-Length: 2\r\n\r\nhi", i);
	peer_send(&p, requests.data);
	for (int i = 0; i < 200; i++) {
		_cleanup_free_ char *expected = xasprintf("1 %d hi", i);
		peer_expect(&p, "", 200, expected);
	}
	peer_close(&p);
}

static void test_half_closed_client_is_answered(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	peer_send(&p, "GET /echo/x" NO_BODY);
	shutdown(p.fd, SHUT_WR);
	peer_expect(&p, "", 200, "0 x ");
	peer_expect_end(&p);
	peer_close(&p);
}

/* The client goes on sending, and must see the refusal rather than a reset. */
static void test_too_large_while_sending(void **state)
{
	_cleanup_free_ char *junk = xcalloc(1, 1 << 20);
	struct peer p;
	peer_connect(&p, *state);
	peer_send(&p, "POST /echo/x" HOST "Content-Length: 4194304\r\n\r\n");
	for (int i = 0; i < 4; i++)
		peer_send_bytes(&p, junk, 1 << 20);
	peer_expect(&p, "", 413, NULL);
	peer_expect_end(&p);
	peer_close(&p);

	peer_connect(&p, *state);
	peer_send(&p, "POST /echo/x" HOST "Transfer-Encoding: chunked\r\n\r\n400000\r\n");
	for (int i = 0; i < 4; i++)
		peer_send_bytes(&p, junk, 1 << 20);
	peer_expect(&p, "", 413, NULL);
	peer_expect_end(&p);
	peer_close(&p);
}

static void test_large_bodies(void **state)
{
	struct peer p;
	peer_connect(&p, *state);
	_cleanup_free_ char *body = xmalloc(BIG);
	memset(body, 1, BIG);
	_cleanup_free_ char *head = xasprintf("POST /sum" HOST "Content-Length: %zu\r\n\r\n", BIG);
	peer_send(&p, head);
	peer_send_bytes(&p, body, BIG);
	peer_expect(&p, "", 200, "67108864 67108864");

	struct answer a;
	peer_send(&p, "GET /big" NO_BODY);
	peer_read_answer(&p, true, &a);
	assert_int_equal(a.body.size, BIG);
	answer_release(&a);
	peer_expect(&p, "GET /echo/x" NO_BODY, 200, "0 x ");
	peer_close(&p);
}

/* Unfinished ones are closed once nothing moved on them for the idle time. */
static void test_broken_requests(void **state)
{
	(void)state;
	struct fixture f;
	fixture_start(&f, &(struct http_server_options){.route_tables = tables, .idle_ms = 1000});
	static const char *const broken[] = {
		"nonsense\r\n\r\n",
		"GET\r\n\r\n",
		"GET /echo/x" HOST "Content-Length: x\r\n\r\n",
		"GET /echo/x HTTP/1.1\r\n\r\n",
		"GET /echo/x" HOST,
		"POST /echo/x" HOST "Content-Length: 9\r\n\r\nhi",
		"",
	};
	struct peer peers[ARRAY_SIZE(broken)];
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		peer_connect(&peers[i], &f);
		peer_send(&peers[i], broken[i]);
		shutdown(peers[i].fd, SHUT_WR);
	}
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		while (peer_receive(&peers[i]))
			;
		peer_close(&peers[i]);
	}
	_cleanup_strbuf_ struct strbuf huge = STRBUF_INIT;
	strbuf_addstr(&huge, "GET /echo/x" HOST "X: ");
	for (int i = 0; i < 9000; i++)
		strbuf_addch(&huge, 'x');
	struct peer p;
	peer_connect(&p, &f);
	peer_send(&p, huge.data);
	free(peer_read_until(&p, "HTTP/1.1 431"));
	peer_close(&p);
	fixture_expect_no_connections(&f);
	fixture_stop(&f);
}

static void test_statistics(void **state)
{
	struct fixture *f = *state;
	struct http_server_stats before_it, after;
	http_server_stats(f->server, &before_it);
	struct peer p;
	peer_connect(&p, f);
	peer_expect(&p, "GET /echo/x" NO_BODY, 200, NULL);
	peer_expect(&p, "GET /none" NO_BODY, 404, NULL);
	http_server_stats(f->server, &after);
	assert_int_equal(after.requests, before_it.requests + 2);
	assert_int_equal(after.responses_by_class[2], before_it.responses_by_class[2] + 1);
	assert_int_equal(after.responses_by_class[4], before_it.responses_by_class[4] + 1);
	assert_true(after.connections >= 1);
	peer_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_methods_on_one_connection),
		cmocka_unit_test(test_head_has_headers_only),
		cmocka_unit_test(test_default_headers),
		cmocka_unit_test(test_queries_and_headers),
		cmocka_unit_test(test_refusals_keep_the_connection),
		cmocka_unit_test(test_allow),
		cmocka_unit_test(test_body_in_pieces),
		cmocka_unit_test(test_expect_continue),
		cmocka_unit_test(test_pipelining),
		cmocka_unit_test(test_half_closed_client_is_answered),
		cmocka_unit_test(test_too_large_while_sending),
		cmocka_unit_test(test_large_bodies),
		cmocka_unit_test(test_broken_requests),
		cmocka_unit_test(test_statistics),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
