/* The parser of event streams, whole and byte by byte. */
#include "fixture.h"

#include <errno.h>
#include <string.h>

#include "http/client.h"

struct log {
	struct strbuf text;
	int stop_after; /* events; 0: never */
};

static int take(const char *event, const char *id, const char *data, size_t size, void *ctx)
{
	struct log *log = ctx;
	assert_int_equal(strlen(data), size);
	strbuf_addf(&log->text, "[%s|%s|%s]", event, id, data);
	return log->stop_after > 0 && --log->stop_after == 0 ? 7 : 0;
}

static void expect(const char *stream, size_t size, const char *events)
{
	for (size_t step = 1; step <= size; step++) {
		struct log log = {.text = STRBUF_INIT};
		struct sse_parser *p = sse_parser_new(1000, take, &log);
		for (size_t at = 0; at < size; at += step)
			assert_int_equal(sse_parser_feed(p, stream + at, MIN(step, size - at)), 0);
		assert_string_equal(log.text.data, events);
		strbuf_release(&log.text);
		sse_parser_free(p);
	}
}

static void test_events(void **state)
{
	(void)state;
	static const struct {
		const char *stream, *events;
	} cases[] = {
		{"data: a\n\n", "[message||a]"},
		{"data:a\ndata:  b\ndata\n\n", "[message||a\n b\n]"},
		{"id: 1\nevent: log\ndata: x\n\nid\ndata: y\n\n", "[log|1|x][message||y]"},
		{"id: 1\ndata: x\n\ndata: y\n\n", "[message|1|x][message|1|y]"},
		{": heartbeat\n\n\n\n: \n\ndata: x\n\n", "[message||x]"},
		{"data: x\r\n\r\ndata: y\r\rdata: z\n\r\n", "[message||x][message||y][message||z]"},
		{"\xef\xbb\xbf"
		 "data: x\n\n",
		 "[message||x]"},
		{"event: end\n\ndata: x\n\n", "[message||x]"},
		{"event: end\ndata:\n\n", "[end||]"},
		{"nonsense: 1\nretry: 10\ndata : 2\ndata: x\n\n", "[message||x]"},
		{"data: unfinished\n", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		expect(cases[i].stream, strlen(cases[i].stream), cases[i].events);
	expect("id: a\0b\ndata: x\n\n", 17, "[message||x]");
}

static void test_stop(void **state)
{
	(void)state;
	struct log log = {.text = STRBUF_INIT, .stop_after = 2};
	struct sse_parser *p = sse_parser_new(100, take, &log);
	const char *stream = "data: a\n\ndata: b\n\ndata: c\n\n";
	assert_int_equal(sse_parser_feed(p, stream, strlen(stream)), 7);
	assert_string_equal(log.text.data, "[message||a][message||b]");
	strbuf_release(&log.text);
	sse_parser_free(p);
}

static void test_limit(void **state)
{
	(void)state;
	struct log log = {.text = STRBUF_INIT};
	struct sse_parser *p = sse_parser_new(16, take, &log);
	assert_int_equal(sse_parser_feed(p, "data: 0123456789\n\n", 18), 0);
	assert_int_equal(sse_parser_feed(p, "data: 01234", 11), 0);
	assert_int_equal(sse_parser_feed(p, "567890", 6), -EMSGSIZE);
	sse_parser_free(p);
	p = sse_parser_new(16, take, &log);
	for (int i = 0; i < 2; i++)
		assert_int_equal(sse_parser_feed(p, "data: 01\n", 9), 0);
	assert_int_equal(sse_parser_feed(p, "data: 0123456\n", 14), -EMSGSIZE);
	strbuf_release(&log.text);
	sse_parser_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
