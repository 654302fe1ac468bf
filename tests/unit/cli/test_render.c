#include "testing.h"

#include "cli/render.h"

#define AT "'time':'2026-01-02T15:04:0"

static void feed(struct job_view *v, const char *const *events, struct strbuf *out)
{
	for (; *events; events++) {
		_cleanup_json_ json_t *event = json(*events);
		job_view_event(v, event, out);
	}
}

#define JOB(second, fields) \
	"{" AT second ".000Z','type':'job_status','operation':null,'payload':{" fields "}}"
#define OP(second, name, fields)                                                                   \
	"{" AT second ".000Z','type':'operation_status','operation':'" name "','payload':{" fields \
	"}}"
#define RES(second, op, fields) \
	"{" AT second ".000Z','type':'resource','operation':'" op "','payload':{" fields "}}"
#define LOG(second, op, line)                                                             \
	"{" AT second ".000Z','type':'log','operation':'" op "','payload':{'line':'" line \
	"','stream':'stdout','attempt':1}}"
#define RUNNING "'status':'running','result':'tbd','attempt':1"
#define DONE	"'status':'completed','result':'succeeded'"

static const char *const update[] = {
	JOB("1", "'status':'queued','result':'tbd'"),
	JOB("1", "'status':'running','result':'tbd'"),
	OP("1", "init", RUNNING),
	LOG("1", "init", "Initializing"),
	OP("1", "init", DONE ",'durationMs':420"),
	OP("1", "refresh", RUNNING),
	RES("2", "refresh", "'address':'x.y','action':'refresh','phase':'done'"),
	OP("2", "refresh", DONE ",'durationMs':1100,'drift':0"),
	OP("2", "preview", RUNNING),
	RES("2", "preview", "'address':'role.app','action':'create','phase':'planned'"),
	RES("2", "preview", "'address':'database.main','action':'update','phase':'planned'"),
	RES("2", "preview", "'address':'password.root','action':'update','phase':'planned'"),
	"{" AT "2.000Z','type':'diff','operation':'preview','payload':{'address':'database.main','"
	"action':'update','changes':["
	"{'path':'connection_limit','before':20,'after':50,'sensitive':false,'unknown':false}]}}",
	"{" AT "2.000Z','type':'diff','operation':'preview','payload':{'address':'password.root','"
	"action':'update','changes':["
	"{'path':'result','before':'(sensitive)','after':'(sensitive)','sensitive':true}]}}",
	OP("3", "preview", DONE ",'durationMs':900,'summary':{'create':1,'update':2,'delete':0}"),
	JOB("3", "'status':'awaiting_approval','result':'tbd','reason':'policy prod-safe'"),
	JOB("5", "'status':'running','result':'tbd'"),
	OP("5", "apply", RUNNING),
	RES("5", "apply", "'address':'role.app','action':'create','phase':'started'"),
	NULL,
};
static const char *const rest[] = {
	RES("6", "apply", "'address':'role.app','action':'create','phase':'done','elapsedMs':1000"),
	OP("7", "apply", DONE ",'durationMs':2000,'summary':{'create':1,'update':2,'delete':0}"),
	"{" AT "7.000Z','type':'outputs','operation':null,'payload':{'outputs':{'host':{'value':'"
	"10.0.0.5','sensitive':false},"
	"'password':{'sensitive':true}}}}",
	JOB("7", "'status':'completed','result':'succeeded','summary':{'create':1,'update':2}"),
	NULL,
};

static const struct render_options plain = {.summary = true, .outputs = true, .width = 100};

static void on_a_terminal(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT, live = STRBUF_INIT;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &plain);
	feed(v, update, &out);
	job_view_live(v, 1767366248000, 2, 80, 3, &live);
	assert_string_equal(live.data, "⠹ apply   3s   0/3   role.app creating 3s\n");
	feed(v, rest, &out);
	job_view_end(v, &out);
	assert_string_equal(
		out.data,
		"✓ init       0.4s\n"
		"✓ refresh    1.1s   1 resource, no drift\n"
		"✓ preview    0.9s   +1 ~2 -0\n"
		"  + role.app\n"
		"  ~ database.main   connection_limit 20 → 50\n"
		"  ~ password.root   result (sensitive)\n"
		"⏸ awaiting approval (policy prod-safe). Resume: planton sj resume sj_1\n"
		"✓ apply      2.0s\n"
		"Succeeded in 4.0s · 1 created, 2 updated\n"
		"Outputs: host = \"10.0.0.5\"   password = (sensitive)\n");
	assert_int_equal(job_view_exit(v), EXIT_CODE_OK);
	assert_true(job_view_has_changes(v));
	job_view_free(v);
}

static void in_a_file(void **state)
{
	(void)state;
	struct render_options o = {.stamps = true, .diff = true, .many = true, .width = 100};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &o);
	feed(v, update, &out);
	feed(v, rest, &out);
	job_view_end(v, &out);
	assert_string_equal(out.data, "15:04:01 [Db/db] ✓ init       0.4s\n"
				      "15:04:02 [Db/db] ✓ refresh    1.1s   1 resource, no drift\n"
				      "15:04:03 [Db/db] ✓ preview    0.9s   +1 ~2 -0\n"
				      "15:04:03 [Db/db]   + role.app\n"
				      "15:04:03 [Db/db]   ~ database.main\n"
				      "15:04:03 [Db/db]       connection_limit: 20 → 50\n"
				      "15:04:03 [Db/db]   ~ password.root\n"
				      "15:04:03 [Db/db]       result: (sensitive)\n"
				      "15:04:03 [Db/db] ⏸ awaiting approval (policy prod-safe). "
				      "Resume: planton sj resume sj_1\n"
				      "15:04:06 [Db/db]   + role.app   create done 1.0s\n"
				      "15:04:07 [Db/db] ✓ apply      2.0s\n"
				      "15:04:07 [Db/db] Succeeded in 4.0s\n");
	job_view_free(v);
}

static void failure(void **state)
{
	(void)state;
	static const char *const events[] = {
		JOB("1", "'status':'running','result':'tbd'"),
		OP("1", "init", RUNNING),
		LOG("1", "init", "one\\u001b]0;x\\u0007"),
		OP("2", "init",
		   "'status':'completed','result':'failed','durationMs':100,'errors':[{'summary':'"
		   "no module'}]"),
		OP("2", "apply", "'status':'completed','result':'skipped'"),
		JOB("2", "'status':'completed','result':'failed','error':{'code':'engine_failed','"
			 "message':'init failed'}"),
		NULL,
	};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &plain);
	feed(v, events, &out);
	job_view_end(v, &out);
	assert_string_equal(out.data, "✗ init       0.1s   failed\n"
				      "✗ error: no module\n"
				      "    one\n"
				      "- apply             skipped\n"
				      "Failed in 1.0s · init failed\n"
				      "Log: planton sj logs sj_1   Again: planton sj rerun sj_1\n");
	assert_int_equal(job_view_exit(v), EXIT_CODE_JOB_FAILED);
	job_view_free(v);
}

static void what_is_tried_again_says_why(void **state)
{
	(void)state;
	static const char *const events[] = {
		JOB("1", "'status':'running','result':'tbd'"),
		OP("1", "init", RUNNING),
		OP("2", "init", "'status':'queued','result':'tbd','reason':'it was killed'"),
		OP("2", "init", "'status':'running','result':'tbd','attempt':2"),
		OP("3", "init", DONE ",'durationMs':1000"),
		NULL,
	};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &plain);
	feed(v, events, &out);
	assert_string_equal(out.data, "↻ init     again: it was killed\n"
				      "✓ init       1.0s\n");
	job_view_free(v);
}

static void drift_and_diagnostics(void **state)
{
	(void)state;
	static const char *const events[] = {
		JOB("1", "'status':'running','result':'tbd'"),
		OP("1", "refresh", RUNNING),
		RES("1", "refresh", "'address':'a.b','action':'update','phase':'drift'"),
		"{" AT "1.000Z','type':'diff','operation':'refresh','payload':{'address':'a.b','"
		"action':'update','drift':true,"
		"'changes':[{'path':'size','before':1,'after':2,'sensitive':false,'unknown':false}]"
		"}}",
		OP("1", "refresh", DONE ",'durationMs':300,'drift':1"),
		"{" AT "1.000Z','type':'diagnostic','operation':'preview','payload':{'severity':'"
		"warning','summary':'old',"
		"'detail':'line 1\\nline 2','address':'a.b','source':{'file':'main.tf','line':3}}}",
		JOB("2", "'status':'completed','result':'succeeded'"),
		NULL,
	};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_REFRESH, &plain);
	feed(v, events, &out);
	job_view_end(v, &out);
	assert_string_equal(out.data, "✓ refresh    0.3s   drift in 1 resource\n"
				      "  ~ a.b   size 1 → 2\n"
				      "! warning: old\n"
				      "    a.b at main.tf:3\n"
				      "    line 1\n"
				      "    line 2\n"
				      "Succeeded in 1.0s · drift in 1 resource\n");
	job_view_free(v);
}

/* To record drift is to read everything once more in the same attempt; a later attempt begins anew.
 */
static void what_is_read_twice_counts_once(void **state)
{
	(void)state;
	static const char *const events[] = {
		JOB("1", "'status':'running','result':'tbd'"),
		OP("1", "refresh", RUNNING),
		RES("1", "refresh", "'address':'gone','action':'refresh','phase':'done'"),
		OP("1", "refresh", "'status':'queued','result':'tbd','reason':'it was killed'"),
		OP("1", "refresh", "'status':'running','result':'tbd','attempt':2"),
		RES("1", "refresh", "'address':'a.a','action':'refresh','phase':'done'"),
		RES("1", "refresh", "'address':'a.b','action':'refresh','phase':'done'"),
		RES("1", "refresh", "'address':'a.b','action':'update','phase':'drift'"),
		RES("1", "refresh", "'address':'a.a','action':'refresh','phase':'done'"),
		RES("1", "refresh", "'address':'a.b','action':'refresh','phase':'done'"),
		OP("1", "refresh", DONE ",'durationMs':300,'drift':1"),
		NULL,
	};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &plain);
	feed(v, events, &out);
	assert_string_equal(out.data, "↻ refresh  again: it was killed\n"
				      "✓ refresh    0.3s   2 resources, drift in 1 resource\n"
				      "  ~ a.b   drifted\n");
	job_view_free(v);
}

static void outputs_are_cut_on_a_terminal_only(void **state)
{
	(void)state;
	static const char *const events[] = {
		"{" AT "1.000Z','type':'outputs','operation':null,'payload':{'outputs':{'uri':{"
		"'value':'0123456789012345678901234567890123456789'},'x':{'value':1}}}}",
		JOB("1", "'status':'completed','result':'succeeded'"),
		NULL,
	};
	for (int stamps = 0; stamps < 2; stamps++) {
		const struct render_options o = {.outputs = true, .width = 20, .stamps = stamps};
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
		struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &o);
		feed(v, events, &out);
		job_view_end(v, &out);
		assert_string_equal(
			out.data,
			stamps ? "15:04:01 Succeeded\n15:04:01 Outputs:\n15:04:01   uri = "
				 "\"0123456789012345678901234567890123456789\"\n15:04:01   x = 1\n"
			       : "Succeeded\nOutputs:\n  uri = \"012345678901…\n  x = 1\n");
		job_view_free(v);
	}
}

static void waiting_is_what_no_operation_is_part_of(void **state)
{
	(void)state;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &plain);
	static const struct {
		const char *event;
		bool waits;
	} steps[] = {
		{JOB("1", "'status':'queued','result':'tbd'"), true},
		{JOB("1", "'status':'running','result':'tbd'"), true},
		{OP("1", "init", RUNNING), false},
		{OP("1", "init", DONE), true},
		{JOB("1", "'status':'awaiting_approval','result':'tbd'"), false},
		{JOB("1", "'status':'completed','result':'succeeded'"), false},
	};
	assert_true(job_view_is_waiting(v));
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
		feed(v, (const char *[]){steps[i].event, NULL}, &out);
		assert_true(job_view_is_waiting(v) == steps[i].waits);
	}
	job_view_free(v);
}

static void logs(void **state)
{
	(void)state;
	struct render_options o = plain;
	o.logs = true;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &o);
	feed(v,
	     (const char *[]){update[0], update[1], update[2], update[3], update[4], update[9],
			      NULL},
	     &out);
	assert_string_equal(out.data, "▸ queued\n"
				      "▸ running\n"
				      "▸ init\n"
				      "Initializing\n"
				      "✓ init       0.4s\n"
				      "  + role.app   create planned\n");
	job_view_free(v);
}

static void exit_codes(void **state)
{
	(void)state;
	static const struct {
		const char *event;
		enum exit_code code;
	} cases[] = {
		{JOB("1", "'status':'running','result':'tbd'"), EXIT_CODE_OK},
		{JOB("1", "'status':'awaiting_approval','result':'tbd'"),
		 EXIT_CODE_AWAITING_APPROVAL},
		{JOB("1", "'status':'completed','result':'cancelled'"), EXIT_CODE_CANCELLED},
		{JOB("1", "'status':'completed','result':'failed'"), EXIT_CODE_JOB_FAILED},
		{JOB("1", "'status':'completed','result':'failed','error':{'code':'preflight_"
			  "failed','message':'m'}"),
		 EXIT_CODE_REFUSED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
		struct job_view *v = job_view_new("sj_1", "Db/db", JOB_UPDATE, &plain);
		feed(v, (const char *[]){cases[i].event, NULL}, &out);
		assert_int_equal(job_view_exit(v), cases[i].code);
		job_view_free(v);
	}
	assert_int_equal(exit_code_worse(EXIT_CODE_OK, EXIT_CODE_AWAITING_APPROVAL),
			 EXIT_CODE_AWAITING_APPROVAL);
	assert_int_equal(exit_code_worse(EXIT_CODE_JOB_FAILED, EXIT_CODE_CANCELLED),
			 EXIT_CODE_JOB_FAILED);
	assert_int_equal(exit_code_worse(EXIT_CODE_REFUSED, EXIT_CODE_JOB_FAILED),
			 EXIT_CODE_JOB_FAILED);
}

static int use_utc(void **state)
{
	(void)state;
	return setenv("TZ", "UTC", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_terminal),
		cmocka_unit_test(in_a_file),
		cmocka_unit_test(failure),
		cmocka_unit_test(what_is_tried_again_says_why),
		cmocka_unit_test(drift_and_diagnostics),
		cmocka_unit_test(what_is_read_twice_counts_once),
		cmocka_unit_test(outputs_are_cut_on_a_terminal_only),
		cmocka_unit_test(waiting_is_what_no_operation_is_part_of),
		cmocka_unit_test(logs),
		cmocka_unit_test(exit_codes),
	};
	return cmocka_run_group_tests(tests, use_utc, NULL);
}
