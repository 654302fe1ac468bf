#include "testing.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "runner/progress.h"

static struct masker *masker;

struct reader {
	struct progress progress;
	struct batch batch;
	struct tail tail;
};

static void reader_init(struct reader *r, int fd, enum engine_command command,
			enum operation operation)
{
	progress_init(&r->progress);
	batch_init(&r->batch);
	tail_init(&r->tail, fd, 0, false);
	r->progress.engine = &tofu_engine;
	r->progress.masker = masker;
	r->progress.command = command;
	r->progress.operation = operation;
	r->progress.fused = operation == OPERATION_REFRESH && command == ENGINE_PLAN;
}

static void reader_release(struct reader *r)
{
	progress_release(&r->progress);
	batch_release(&r->batch);
	tail_release(&r->tail);
}

static void read_lines(struct reader *r, bool ended)
{
	struct tail_line line;
	while (tail_next(&r->tail, ended, &line) == 1)
		progress_add_line(&r->progress, "stdout", &line, &r->batch);
}

/* One line for each event and each log line, without times. */
static void describe(const struct reader *r, struct strbuf *out)
{
	size_t i, j, at = 0;
	json_t *event, *length;

	json_array_foreach(r->batch.events, i, event)
	{
		const char *type = json_string_value(json_object_get(event, "type"));
		const char *operation = json_string_value(json_object_get(event, "operation"));
		if (strcmp(type, "log") != 0) {
			const json_t *payload = json_object_get(event, "payload");
			const char *address =
				json_string_value(json_object_get(payload, "address"));
			strbuf_addf(out, "%s %s %s\n", type, operation, address ? address : "");
			continue;
		}
		json_array_foreach(json_object_get(event, "lengths"), j, length)
		{
			size_t size = (size_t)json_integer_value(length);
			strbuf_addf(out, "log %s %.*s\n", operation, (int)size,
				    r->batch.bytes.data + at);
			at += size;
		}
	}
	assert_int_equal(at, r->batch.bytes.size);
}

#define RESOURCE(name) "'resource':{'addr':'" name "','resource_type':'t','resource_name':'n'}"
#define REFRESH(name)                                                                  \
	"{'@message':'" name ": Refreshing','type':'refresh_start','hook':{" RESOURCE( \
		name) "}}\n"                                                           \
		      "{'@message':'" name                                             \
		      ": Refreshed','type':'refresh_complete','hook':{" RESOURCE(name) "}}\n"
#define DRIFT(name)          \
	"{'@message':'" name \
	": Drift','type':'resource_drift','change':{" RESOURCE(name) ",'action':'update'}}\n"
#define PLANNED(name, action) \
	"{'@message':'" name  \
	": Plan','type':'planned_change','change':{" RESOURCE(name) ",'action':'" action "'}}\n"
#define SUMMARY \
	"{'@message':'Plan: 1','type':'change_summary','changes':{'add':1,'operation':'plan'}}\n"
#define ERROR                                                                                   \
	"{'@message':'Error: "                                                                  \
	"E','type':'diagnostic','diagnostic':{'severity':'error','summary':'E','detail':'with " \
	"the secret-word'}}\n"

static int output(const char *text)
{
	_cleanup_free_ char *copy = quoted(text);
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(write_all(fd, copy, strlen(copy)), 0);
	return fd;
}

static void refresh_goes_on_to_preview(void **state)
{
	(void)state;
	_cleanup_close_ int fd =
		output("OpenTofu\n" REFRESH("a.a") PLANNED("a.b", "create") SUMMARY);
	struct reader r;
	reader_init(&r, fd, ENGINE_PLAN, OPERATION_REFRESH);
	read_lines(&r, true);
	_cleanup_strbuf_ struct strbuf seen = STRBUF_INIT;
	describe(&r, &seen);
	assert_string_equal(seen.data, "log refresh OpenTofu\n"
				       "log refresh a.a: Refreshing\nresource refresh a.a\n"
				       "log refresh a.a: Refreshed\nresource refresh a.a\n"
				       "operation_end refresh \noperation_begin preview \n"
				       "log preview a.b: Plan\nresource preview a.b\n"
				       "log preview Plan: 1\n");
	const struct engine_counts counts = progress_counts(&r.progress);
	assert_int_equal(counts.create, 1);
	assert_int_equal(counts.unchanged, 1);
	reader_release(&r);
}

static void drift_keeps_it_in_refresh(void **state)
{
	(void)state;
	_cleanup_close_ int fd =
		output(REFRESH("a.a") DRIFT("a.a") PLANNED("a.a", "update") SUMMARY);
	struct reader r;
	reader_init(&r, fd, ENGINE_PLAN, OPERATION_REFRESH);
	read_lines(&r, true);
	assert_int_equal(r.progress.drift, 1);
	assert_int_equal(r.progress.operation, OPERATION_REFRESH);
	reader_release(&r);

	/* A preview only tells of it. */
	reader_init(&r, fd, ENGINE_PLAN, OPERATION_REFRESH);
	r.progress.drift_is_final = true;
	read_lines(&r, true);
	assert_int_equal(r.progress.operation, OPERATION_PREVIEW);
	reader_release(&r);
}

static void whose_failure(void **state)
{
	(void)state;
	_cleanup_close_ int planning = output(REFRESH("a.a") ERROR);
	_cleanup_close_ int reading = output(
		"{'@message':'x','type':'refresh_start','hook':{" RESOURCE("a.a") "}}\n" ERROR);
	struct reader r;
	reader_init(&r, planning, ENGINE_PLAN, OPERATION_REFRESH);
	read_lines(&r, true);
	assert_int_equal(r.progress.operation, OPERATION_PREVIEW);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(r.progress.errors, 0), "detail")),
		"with the (sensitive)");
	reader_release(&r);
	reader_init(&r, reading, ENGINE_PLAN, OPERATION_REFRESH);
	read_lines(&r, true);
	assert_int_equal(r.progress.operation, OPERATION_REFRESH);
	reader_release(&r);
}

static void replacements_are_counted_once(void **state)
{
	(void)state;
	_cleanup_close_ int fd = output(PLANNED("a.a", "replace") PLANNED(
		"a.b",
		"create") "{'@message':'d','type':'apply_complete','hook':"
			  "{" RESOURCE("a.a") ",'action':'delete'}}\n"
					      "{'@message':'c','type':'apply_"
					      "complete','hook':{" RESOURCE(
						      "a.a") ",'action':'create'}}\n"
							     "{'@message':'c','type'"
							     ":'apply_complete','"
							     "hook':{" RESOURCE("a.b") ",'"
										       "action'"
										       ":'"
										       "create'"
										       "}}\n"
										       "{'@"
										       "message"
										       "':'"
										       "Apply',"
										       "'type':"
										       "'change"
										       "_summar"
										       "y','"
										       "changes"
										       "':{'"
										       "add':2,"
										       "'remove"
										       "':1,'"
										       "operati"
										       "on':'"
										       "apply'}"
										       "}\n");
	struct reader r;
	reader_init(&r, fd, ENGINE_APPLY, OPERATION_APPLY);
	read_lines(&r, true);
	const struct engine_counts counts = progress_counts(&r.progress);
	assert_int_equal(counts.create, 1);
	assert_int_equal(counts.delete, 0);
	assert_int_equal(counts.replace, 1);
	/* The plan's resources were told by the plan. */
	_cleanup_strbuf_ struct strbuf seen = STRBUF_INIT;
	describe(&r, &seen);
	assert_string_equal(seen.data,
			    "log apply a.a: Plan\nlog apply a.b: Plan\n"
			    "log apply d\nresource apply a.a\nlog apply c\nresource apply a.a\n"
			    "log apply c\nresource apply a.b\nlog apply Apply\n");
	reader_release(&r);
}

/* A runner that is killed anywhere goes on from the cursor, and everything is told once. */
static void going_on_after_every_byte(void **state)
{
	(void)state;
	_cleanup_free_ char *text = quoted("start secret-word\n" REFRESH("a.a") PLANNED(
		"a.b", "create") "plain\n\n" PLANNED("a.c", "replace") SUMMARY ERROR "no newline");
	size_t size = strlen(text);
	_cleanup_close_ int whole = output(text);
	struct reader reference;
	_cleanup_strbuf_ struct strbuf expected = STRBUF_INIT;

	reader_init(&reference, whole, ENGINE_PLAN, OPERATION_REFRESH);
	read_lines(&reference, true);
	describe(&reference, &expected);
	json_t *last = progress_to_cursor(&reference.progress);

	for (size_t cut = 0; cut <= size; cut++) {
		int fd = memfd_create("test", MFD_CLOEXEC);
		assert_int_equal(write_all(fd, text, cut), 0);
		struct reader first, second;
		_cleanup_strbuf_ struct strbuf seen = STRBUF_INIT;

		reader_init(&first, fd, ENGINE_PLAN, OPERATION_REFRESH);
		read_lines(&first, false);
		describe(&first, &seen);
		json_t *cursor = progress_to_cursor(&first.progress);
		_cleanup_free_ char *stored = json_dumps(cursor, JSON_COMPACT);
		uint64_t offset = first.tail.offset;
		json_decref(cursor);
		reader_release(&first);

		assert_int_equal(write_all(fd, text + cut, size - cut), 0);
		reader_init(&second, fd, ENGINE_PLAN, OPERATION_REFRESH);
		cursor = json_loads(stored, 0, NULL);
		progress_from_cursor(&second.progress, cursor);
		json_decref(cursor);
		tail_release(&second.tail);
		tail_init(&second.tail, fd, offset, second.progress.skip_stdout);
		read_lines(&second, true);
		describe(&second, &seen);
		assert_string_equal(seen.data, expected.data);
		cursor = progress_to_cursor(&second.progress);
		assert_true(json_equal(cursor, last));
		json_decref(cursor);
		reader_release(&second);
		close(fd);
	}
	json_decref(last);
	reader_release(&reference);
}

static void the_log_has_a_limit(void **state)
{
	(void)state;
	struct reader r;
	char *big = xmalloc(LINE_MAX_BYTES);
	memset(big, 'x', LINE_MAX_BYTES);
	const struct tail_line line = {.data = big, .size = LINE_MAX_BYTES};
	_cleanup_free_ char *planned = quoted(PLANNED("a.b", "create"));
	const struct tail_line event = {.data = planned, .size = strlen(planned) - 1};

	reader_init(&r, -1, ENGINE_PLAN, OPERATION_PREVIEW);
	for (int i = 0; i < 99; i++) {
		progress_add_line(&r.progress, "stdout", &line, &r.batch);
		assert_true(r.batch.lines > 0);
		batch_reset(&r.batch);
	}
	progress_add_line(&r.progress, "stdout", &line, &r.batch);
	assert_non_null(strstr(r.batch.bytes.data, "limit of 100 MB"));
	batch_reset(&r.batch);
	progress_add_line(&r.progress, "stdout", &line, &r.batch);
	assert_true(batch_is_empty(&r.batch));
	/* What happens to resources is told all the same. */
	progress_add_line(&r.progress, "stdout", &event, &r.batch);
	assert_int_equal(json_array_size(r.batch.events), 1);
	assert_int_equal(r.progress.planned.create, 1);
	reader_release(&r);
	free(big);
}

static void errors_are_few_and_the_explanation_leads(void **state)
{
	(void)state;
	struct reader r;
	reader_init(&r, -1, ENGINE_APPLY, OPERATION_APPLY);
	for (int i = 0; i < 20; i++)
		progress_add_error(&r.progress, i == 0 ? "first" : "more", "with the secret-word");
	progress_lead_error(&r.progress, "because", NULL);
	assert_int_equal(json_array_size(r.progress.errors), 10);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(r.progress.errors, 0), "summary")),
		"because");
	const json_t *second = json_array_get(r.progress.errors, 1);
	assert_string_equal(json_string_value(json_object_get(second, "summary")), "first");
	assert_string_equal(json_string_value(json_object_get(second, "detail")),
			    "with the (sensitive)");
	reader_release(&r);
}

static void a_line_of_several(void **state)
{
	(void)state;
	_cleanup_close_ int fd = output("{'@message':'one\\ntwo secret-word'}\nraw\\\n");
	struct reader r;
	reader_init(&r, fd, ENGINE_APPLY, OPERATION_APPLY);
	read_lines(&r, true);
	_cleanup_strbuf_ struct strbuf seen = STRBUF_INIT;
	describe(&r, &seen);
	assert_string_equal(seen.data,
			    "log apply one\nlog apply two (sensitive)\nlog apply raw\\\n");
	reader_release(&r);
}

int main(void)
{
	masker = masker_new();
	masker_add(masker, "secret-word");
	masker_finish(masker);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refresh_goes_on_to_preview),
		cmocka_unit_test(drift_keeps_it_in_refresh),
		cmocka_unit_test(whose_failure),
		cmocka_unit_test(replacements_are_counted_once),
		cmocka_unit_test(going_on_after_every_byte),
		cmocka_unit_test(the_log_has_a_limit),
		cmocka_unit_test(errors_are_few_and_the_explanation_leads),
		cmocka_unit_test(a_line_of_several),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	masker_free(masker);
	return r;
}
