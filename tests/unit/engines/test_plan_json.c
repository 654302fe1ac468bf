#include "testing.h"

static int collect(json_t *payload, void *userdata)
{
	json_array_append(userdata, payload);
	return 0;
}

static json_t *diffs_of(const char *plan)
{
	_cleanup_free_ char *text = xstrdup(plan);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	json_t *found = json_array();
	_cleanup_error_ struct error *error = NULL;
	if (tofu_engine.read_plan(text, strlen(text), collect, found, &error) != 0)
		fail_msg("%s", error ? error->message : "stopped");
	return found;
}

#define PLAN(change)                                                                          \
	"{'format_version':'1.2','variables':{'x':{'value':'{[\\\"'}},'resource_changes':[{'" \
	"address':'a.b','change':" change "}],'configuration':{}}"

static void an_update(void **state)
{
	(void)state;
	assert_json(
		diffs_of(PLAN("{'actions':['update'],'before':{'n':1,'same':'s','list':[1,2]},'"
			      "after':{'n':2,'same':'s','list':[1,3,4]},"
			      "'after_unknown':{'list':[false,false,false]},'before_sensitive':{},'"
			      "after_sensitive':{'list':[false,false,false]}}")),
		"[{'address':'a.b','action':'update','before':{'n':1,'same':'s','list':[1,2]},'"
		"after':{'n':2,'same':'s','list':[1,3,4]},"
		"'changes':[{'path':'n','before':1,'after':2,'sensitive':false,'unknown':false},"
		"{'path':'list[1]','before':2,'after':3,'sensitive':false,'unknown':false},"
		"{'path':'list[2]','before':null,'after':4,'sensitive':false,'unknown':false}]}]");
}

static void sensitive_on_either_side(void **state)
{
	(void)state;
	/* Became sensitive: the old value must not show either. Stopped being so: nor the new one.
	 */
	assert_json(diffs_of(PLAN("{'actions':['update'],'before':{'a':'old','b':'old'},'after':{'"
				  "a':'new','b':'new'},'after_unknown':{},"
				  "'before_sensitive':{'b':true},'after_sensitive':{'a':true}}")),
		    "[{'address':'a.b','action':'update','before':{'a':'(sensitive)','b':'("
		    "sensitive)'},'after':{'a':'(sensitive)','b':'(sensitive)'},"
		    "'changes':[{'path':'a','before':'(sensitive)','after':'(sensitive)','"
		    "sensitive':true,'unknown':false},"
		    "{'path':'b','before':'(sensitive)','after':'(sensitive)','sensitive':true,'"
		    "unknown':false}]}]");
	/* A whole object, and one deep inside. */
	assert_json(
		diffs_of(PLAN(
			"{'actions':['create'],'before':null,'after':{'o':{'x':'s1'},'l':[{'k':'s2'"
			",'p':'v'}],'n':null},'after_unknown':{},"
			"'before_sensitive':false,'after_sensitive':{'o':true,'l':[{'k':true}]}}")),
		"[{'address':'a.b','action':'create','before':null,'after':{'o':'(sensitive)','l':["
		"{'k':'(sensitive)','p':'v'}],'n':null},"
		"'changes':[{'path':'o','before':null,'after':'(sensitive)','sensitive':true,'"
		"unknown':false},"
		"{'path':'l','before':null,'after':[{'k':'(sensitive)','p':'v'}],'sensitive':false,"
		"'unknown':false}]}]");
	/* The whole resource. */
	assert_json(diffs_of(PLAN("{'actions':['delete'],'before':{'x':'s'},'after':null,'after_"
				  "unknown':{},'before_sensitive':true,'after_sensitive':false}")),
		    "[{'address':'a.b','action':'delete','before':'(sensitive)','after':null,"
		    "'changes':[{'path':'','before':'(sensitive)','after':null,'sensitive':true,'"
		    "unknown':false}]}]");
}

static void unknown_values(void **state)
{
	(void)state;
	assert_json(
		diffs_of(
			PLAN("{'actions':['create'],'before':null,'after':{'n':1},'after_unknown':{"
			     "'id':true,'in':{}},'before_sensitive':false,'after_sensitive':{}}")),
		"[{'address':'a.b','action':'create','before':null,'after':{'n':1},'unknown':{'id':"
		"true,'in':{}},"
		"'changes':[{'path':'n','before':null,'after':1,'sensitive':false,'unknown':false},"
		"{'path':'id','before':null,'after':null,'sensitive':false,'unknown':true}]}]");
}

static void actions(void **state)
{
	(void)state;
	static const struct {
		const char *theirs, *ours;
	} cases[] = {
		{"['delete','create']", "replace"},
		{"['create','delete']", "replace"},
		{"['no-op']", NULL},
		{"['forget']", "forget"},
		{"['read']", "read"},
		{"[]", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *plan =
			xasprintf("{'resource_changes':[{'address':'a','change':{'actions':%s,'"
				  "before':null,'after':null}}]}",
				  cases[i].theirs);
		json_t *diffs = diffs_of(plan);
		const char *action =
			json_string_value(json_object_get(json_array_get(diffs, 0), "action"));
		if (cases[i].ours)
			assert_string_equal(action, cases[i].ours);
		else
			assert_int_equal(json_array_size(diffs), 0);
		json_decref(diffs);
	}
	assert_json(diffs_of("{'resource_changes':[{'address':'a','change':{'actions':['no-op'],'"
			     "importing':{'id':'x'},'before':{},'after':{}}}]}"),
		    "[{'address':'a','action':'import','before':{},'after':{},'changes':[]}]");
}

static void drift(void **state)
{
	(void)state;
	assert_json(
		diffs_of("{'resource_drift':[{'address':'a','change':{'actions':['update'],'before'"
			 ":{'x':1},'after':{'x':2}}}]}"),
		"[{'address':'a','action':'update','drift':true,'before':{'x':1},'after':{'x':2},"
		"'changes':[{'path':'x','before':1,'after':2,'sensitive':false,'unknown':false}]}"
		"]");
}

static void what_is_cut_off_is_an_error(void **state)
{
	(void)state;
	const char *plan = "{\"a\":[{\"b\":\"\\\"]\"}],\"resource_changes\":[{\"address\":\"a\","
			   "\"change\":{\"actions\":[\"update\"],\"before\":{},\"after\":{}}}]}";
	for (size_t size = 0; size < strlen(plan); size++) {
		_cleanup_error_ struct error *error = NULL;
		json_t *found = json_array();
		_cleanup_free_ char *cut = xmemdup(plan, size);
		int r = tofu_engine.read_plan(cut, size, collect, found, &error);
		assert_true(r < 0);
		assert_non_null(error);
		json_decref(found);
	}
	json_decref(diffs_of("{}"));
}

static void big_values_are_shortened(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf plan = STRBUF_INIT;
	strbuf_addstr(&plan, "{'resource_changes':[{'address':'a','change':{'actions':['create'],'"
			     "before':null,'after':{'x':'");
	for (int i = 0; i < 10000; i++)
		strbuf_addch(&plan, 'y');
	strbuf_addstr(&plan, "'}}}]}");
	json_t *diffs = diffs_of(plan.data);
	const char *value = json_string_value(
		json_object_get(json_object_get(json_array_get(diffs, 0), "after"), "x"));
	assert_true(strlen(value) < 4200);
	assert_non_null(strstr(value, "(10000 bytes)"));
	json_decref(diffs);

	strbuf_reset(&plan);
	strbuf_addstr(&plan, "{'resource_changes':[{'address':'a','change':{'actions':['create'],'"
			     "before':null,'after':{'x':[");
	for (int i = 0; i < 200000; i++)
		strbuf_addf(&plan, "%s%d", i ? "," : "", i);
	strbuf_addstr(&plan, "]}}}]}");
	diffs = diffs_of(plan.data);
	assert_true(json_is_true(json_object_get(json_array_get(diffs, 0), "truncated")));
	json_decref(diffs);
}

static int stop(json_t *payload, void *userdata)
{
	(void)payload;
	(void)userdata;
	return 7;
}

static void the_callback_may_stop_it(void **state)
{
	(void)state;
	const char *plan = "{\"resource_changes\":[{\"address\":\"a\",\"change\":{\"actions\":["
			   "\"update\"]}}]}";
	assert_int_equal(tofu_engine.read_plan(plan, strlen(plan), stop, NULL, NULL), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_update),
		cmocka_unit_test(sensitive_on_either_side),
		cmocka_unit_test(unknown_values),
		cmocka_unit_test(actions),
		cmocka_unit_test(drift),
		cmocka_unit_test(what_is_cut_off_is_an_error),
		cmocka_unit_test(big_values_are_shortened),
		cmocka_unit_test(the_callback_may_stop_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
