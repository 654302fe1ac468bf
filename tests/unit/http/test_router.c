/* Which route a path and method lead to, and what is said when there is none. */
#include "fixture.h"

#include "http/router.h"

static const struct http_route api[] = {
	{.method = HTTP_GET, .pattern = "/jobs/{id}"},
	{.method = HTTP_GET, .pattern = "/jobs/claims"},
	{.method = HTTP_POST, .pattern = "/jobs/claims"},
	{.method = HTTP_DELETE, .pattern = "/jobs/{id}"},
	{.method = HTTP_GET, .pattern = "/jobs/{id}/{part}"},
	{.method = HTTP_GET, .pattern = "/jobs/{id}/events"},
	{.method = HTTP_LOCK, .pattern = "/state/{id}"},
	{.method = HTTP_UNLOCK, .pattern = "/state/{id}"},
	{0},
};
static const struct http_route console[] = {
	{.method = HTTP_GET, .pattern = "/"},
	{.method = HTTP_GET, .pattern = "/assets/{path...}"},
	{0},
};
static const struct http_route *const tables[] = {api, console, NULL};

static int find(const char *method, const char *path, const struct http_route **ret, char *allow)
{
	struct uri *uri;
	const char *why;
	assert_int_equal(uri_parse(path, &uri, &why), 0);
	_cleanup_error_ struct error *e = NULL;
	allow[0] = '\0';
	int r = router_find(tables, method, uri, ret, allow, &e);
	uri_free(uri);
	return r;
}

static void test_found(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		const struct http_route *route;
	} cases[] = {
		{"GET", "/jobs/1", &api[0]},
		{"HEAD", "/jobs/1", &api[0]},
		{"GET", "/jobs/claims", &api[1]},
		{"POST", "/jobs/claims", &api[2]},
		{"DELETE", "/jobs/1", &api[3]},
		{"GET", "/jobs/1/x", &api[4]},
		{"GET", "/jobs/1/events", &api[5]},
		{"GET", "/jobs/claims/x", &api[4]},
		{"LOCK", "/state/a%2Fb", &api[6]},
		{"UNLOCK", "/state/a", &api[7]},
		{"GET", "/", &console[0]},
		{"GET", "/assets/a.js", &console[1]},
		{"GET", "/assets/a/b.js", &console[1]},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct http_route *route = NULL;
		char allow[ROUTER_ALLOW_SIZE];
		assert_int_equal(find(cases[i].method, cases[i].path, &route, allow), 0);
		assert_ptr_equal(route, cases[i].route);
	}
}

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		enum error_code code;
		const char *allow;
	} cases[] = {
		{"GET", "/jobs", ERROR_NOT_FOUND, ""},
		{"GET", "/jobs/", ERROR_NOT_FOUND, ""},
		{"GET", "/jobs/1/", ERROR_NOT_FOUND, ""},
		{"GET", "/jobs/1/x/y", ERROR_NOT_FOUND, ""},
		{"GET", "/job", ERROR_NOT_FOUND, ""},
		{"GET", "//", ERROR_NOT_FOUND, ""},
		{"GET", "/assets", ERROR_NOT_FOUND, ""},
		{"POST", "/jobs/1", ERROR_METHOD_NOT_ALLOWED, "GET, HEAD, DELETE"},
		{"DELETE", "/jobs/claims", ERROR_METHOD_NOT_ALLOWED, "GET, HEAD, POST"},
		{"GET", "/state/1", ERROR_METHOD_NOT_ALLOWED, "LOCK, UNLOCK"},
		{"PATCH", "/state/1", ERROR_METHOD_NOT_ALLOWED, "LOCK, UNLOCK"},
		{"PATCH", "/nowhere", ERROR_NOT_FOUND, ""},
		{"BREW", "/state/1", ERROR_UNIMPLEMENTED, "LOCK, UNLOCK"},
		{"get", "/nowhere", ERROR_UNIMPLEMENTED, ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct http_route *route = NULL;
		char allow[ROUTER_ALLOW_SIZE];
		assert_int_equal(find(cases[i].method, cases[i].path, &route, allow),
				 -(int)cases[i].code);
		assert_string_equal(allow, cases[i].allow);
	}
}

static void test_params(void **state)
{
	(void)state;
	struct uri *uri;
	const char *why;
	assert_int_equal(uri_parse("/jobs/a%2Fb/c", &uri, &why), 0);
	assert_string_equal(router_param(&api[4], uri, "id"), "a/b");
	assert_string_equal(router_param(&api[4], uri, "part"), "c");
	assert_null(router_param(&api[4], uri, "par"));
	assert_null(router_param(&api[4], uri, "jobs"));
	uri_free(uri);
	assert_int_equal(uri_parse("/assets/a%20b/c", &uri, &why), 0);
	assert_string_equal(router_param(&console[1], uri, "path"), "a%20b/c");
	uri_free(uri);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_params),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
