#include "testing.h"

#include "base/alloc.h"
#include "base/strbuf.h"
#include "lifecycle/flow_control.h"
#include "lifecycle/sequence.h"

static struct flow_control flow_of(unsigned bits)
{
	return (struct flow_control){
		.is_manual = bits & 1,
		.disable_on_lifecycle_events = bits & 2,
		.skip_refresh = bits & 4,
		.preview_before_update_or_destroy = bits & 8,
		.pause_between_preview_and_update_or_destroy = bits & 16,
	};
}

static void text_of(const struct sequence *s, struct strbuf *text)
{
	strbuf_reset(text);
	for (size_t i = 0; i < s->n_run; i++)
		strbuf_addf(text, "%s%s", i ? " " : "", operation_to_string(s->run[i]));
}

/* Rows: job; columns: without and with refresh, without and with preview. */
static const char *const expected[_JOB_OPERATION_MAX][2][2] = {
	[JOB_REFRESH] = {{"init refresh", "init refresh"}, {"init refresh", "init refresh"}},
	[JOB_PREVIEW] = {{"init preview", "init preview"},
			 {"init refresh preview", "init refresh preview"}},
	[JOB_UPDATE] = {{"init apply", "init preview apply"},
			{"init refresh apply", "init refresh preview apply"}},
	[JOB_DESTROY] = {{"init destroy", "init preview destroy"},
			 {"init refresh destroy", "init refresh preview destroy"}},
};

static void every_operation_under_every_policy(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	for (enum job_operation job = 0; job < _JOB_OPERATION_MAX; job++)
		for (unsigned bits = 0; bits < 32; bits++) {
			struct flow_control flow = flow_of(bits);
			struct sequence s = sequence_of(job, &flow);
			text_of(&s, &text);
			assert_string_equal(text.data,
					    expected[job][!flow.skip_refresh]
						    [flow.preview_before_update_or_destroy]);
			assert_int_equal(s.pause_before_start, flow.is_manual);
			bool changes = job == JOB_UPDATE || job == JOB_DESTROY;
			assert_int_equal(s.pause_before_change,
					 changes &&
						 flow.pause_between_preview_and_update_or_destroy);
			assert_int_equal(s.n_all, s.n_run + (size_t)__builtin_popcount(s.left_out));
			for (size_t i = 0; i < s.n_run; i++)
				assert_false(s.left_out & (1U << s.run[i]));
			assert_int_equal(!flow_control_check(&flow), !((bits & 16) && !(bits & 8)));
		}
}

static void only_apply_and_destroy_change(void **state)
{
	(void)state;
	for (enum operation o = 0; o < _OPERATION_MAX; o++)
		assert_int_equal(operation_is_change(o),
				 o == OPERATION_APPLY || o == OPERATION_DESTROY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operation_under_every_policy),
		cmocka_unit_test(only_apply_and_destroy_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
