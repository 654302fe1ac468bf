#include "testing.h"

static void parse(const char *text, struct engine_line *line)
{
	_cleanup_free_ char *quoted = xstrdup(text);
	for (char *c = quoted; *c; c++)
		if (*c == '\'')
			*c = '"';
	engine_line_reset(line);
	tofu_engine.parse_line(quoted, strlen(quoted), line);
}

static void what_is_no_json_is_text(void **state)
{
	(void)state;
	_cleanup_engine_line_ struct engine_line line = ENGINE_LINE_INIT;
	static const char *const texts[] = {"",
					    "hello",
					    "\033[1mbold\033[0m",
					    "{",
					    "{}",
					    "[1]",
					    "{\"@message\":1}",
					    "{\"type\":\"planned_change\"}",
					    "{\"@message\":\"cut off",
					    "\xff\xfe"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		engine_line_reset(&line);
		tofu_engine.parse_line(texts[i], strlen(texts[i]), &line);
		assert_string_equal(line.text.data, texts[i]);
		assert_int_equal(line.type, _EVENT_TYPE_INVALID);
		assert_int_equal(line.mark, ENGINE_MARK_NONE);
		assert_null(line.payload);
	}
}

static void resources(void **state)
{
	(void)state;
	_cleanup_engine_line_ struct engine_line line = ENGINE_LINE_INIT;
#define RESOURCE                                                                                   \
	"'resource':{'addr':'a.b[0]','resource_type':'a','resource_name':'b','implied_provider':'" \
	"p'}"
	parse("{'@message':'a.b[0]: Plan to create','type':'planned_change','change':{" RESOURCE
	      ",'action':'create'}}",
	      &line);
	assert_string_equal(line.text.data, "a.b[0]: Plan to create");
	assert_int_equal(line.type, EVENT_RESOURCE);
	assert_int_equal(line.mark, ENGINE_MARK_PLANNED);
	assert_json(json_incref(line.payload),
		    "{'address':'a.b[0]','type':'a','name':'b','provider':'p','action':'create','"
		    "phase':'planned'}");

	parse("{'@message':'x','type':'planned_change','change':{" RESOURCE
	      ",'action':'noop','importing':{'id':'i'}}}",
	      &line);
	assert_string_equal(line.action, "import");
	parse("{'@message':'x','type':'planned_change','change':{" RESOURCE ",'action':'remove'}}",
	      &line);
	assert_string_equal(line.action, "forget");
	parse("{'@message':'x','type':'planned_change','change':{" RESOURCE
	      ",'action':'something new'}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_PLANNED);
	assert_null(line.payload);

	parse("{'@message':'x','type':'resource_drift','change':{" RESOURCE ",'action':'delete'}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_DRIFT);
	assert_json(json_incref(line.payload), "{'address':'a.b[0]','type':'a','name':'b','"
					       "provider':'p','action':'delete','phase':'drift'}");
	parse("{'@message':'x','type':'resource_drift','change':{" RESOURCE ",'action':'move'}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_NONE);

	parse("{'@message':'x','type':'apply_complete','hook':{" RESOURCE
	      ",'action':'create','id_key':'id','id_value':'i-1','elapsed_seconds':2.5}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_APPLIED);
	assert_json(json_incref(line.payload),
		    "{'address':'a.b[0]','type':'a','name':'b','provider':'p','action':'create',"
		    "'phase':'done','idKey':'id','idValue':'i-1','elapsedMs':2500}");
	parse("{'@message':'x','type':'apply_errored','hook':{" RESOURCE
	      ",'action':'update','elapsed_seconds':0}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_NONE);
	assert_string_equal(json_string_value(json_object_get(line.payload, "phase")), "failed");
	parse("{'@message':'x','type':'refresh_start','hook':{" RESOURCE "}}", &line);
	assert_int_equal(line.mark, ENGINE_MARK_REFRESH_STARTED);
	parse("{'@message':'x','type':'refresh_complete','hook':{}}", &line);
	assert_int_equal(line.mark, ENGINE_MARK_REFRESH_COMPLETE);
	assert_null(line.payload);
}

static void summaries_and_outputs(void **state)
{
	(void)state;
	_cleanup_engine_line_ struct engine_line line = ENGINE_LINE_INIT;
	parse("{'@message':'Plan','type':'change_summary','changes':{'add':1,'change':2,'remove':3,"
	      "'import':4,'forget':5,'operation':'plan'}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_PLAN_SUMMARY);
	assert_int_equal(line.counts.create, 1);
	assert_int_equal(line.counts.update, 2);
	assert_int_equal(line.counts.delete, 3);
	assert_int_equal(line.counts.import, 4);
	assert_int_equal(line.counts.forget, 5);
	parse("{'@message':'Apply','type':'change_summary','changes':{'add':-1,'operation':'apply'}"
	      "}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_APPLY_SUMMARY);
	assert_int_equal(line.counts.create, 0);

	parse("{'@message':'Outputs: "
	      "1','type':'outputs','outputs':{'a':{'sensitive':false,'action':'noop'}}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_PLANNED);
	assert_string_equal(line.action, "");
	parse("{'@message':'Outputs: "
	      "1','type':'outputs','outputs':{'a':{'sensitive':false,'action':'update'}}}",
	      &line);
	assert_string_equal(line.action, "outputs");
	parse("{'@message':'Outputs: "
	      "1','type':'outputs','outputs':{'a':{'sensitive':false,'value':1,'type':'number'}}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_NONE);
	assert_null(line.payload);
}

static void diagnostics(void **state)
{
	(void)state;
	_cleanup_engine_line_ struct engine_line line = ENGINE_LINE_INIT;
	parse("{'@message':'Error: "
	      "Bad','type':'diagnostic','diagnostic':{'severity':'error','summary':'Bad','detail':'"
	      "One.\\n\\nTwo.',"
	      "'address':'a.b','range':{'filename':'main.tf','start':{'line':3,'column':4,'byte':9}"
	      "},'snippet':{'context':'resource x','code':'secret'}}}",
	      &line);
	assert_int_equal(line.type, EVENT_DIAGNOSTIC);
	assert_int_equal(line.mark, ENGINE_MARK_ERROR);
	assert_string_equal(line.text.data,
			    "Error: Bad\n  on main.tf line 3, in resource x\n  One.\n\n  Two.");
	assert_json(json_incref(line.payload),
		    "{'severity':'error','summary':'Bad','detail':'One.\\n\\nTwo.','address':'a.b',"
		    "'source':{'file':'main.tf','line':3,'column':4}}");
	parse("{'@message':'Warning: "
	      "W','type':'diagnostic','diagnostic':{'severity':'warning','summary':'W'}}",
	      &line);
	assert_int_equal(line.mark, ENGINE_MARK_NONE);
	assert_string_equal(line.text.data, "Warning: W");
	parse("{'@message':'Warning: "
	      "n','type':'diagnostic','diagnostic':{'severity':'warning','summary':'Incomplete "
	      "lock file information for providers','detail':'d'}}",
	      &line);
	assert_null(line.payload);
	assert_int_equal(line.type, _EVENT_TYPE_INVALID);
	parse("{'@message':'x','type':'diagnostic'}", &line);
	assert_null(line.payload);
}

static void counts(void **state)
{
	(void)state;
	const struct engine_counts some = {.create = 1, .unchanged = 7};
	json_t *json_counts = engine_counts_to_json(&some);
	const struct engine_counts back = engine_counts_from_json(json_counts);
	assert_memory_equal(&some, &back, sizeof(some));
	assert_true(engine_counts_any(&back));
	const struct engine_counts still = {.unchanged = 7};
	assert_false(engine_counts_any(&still));
	json_decref(json_counts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_json_is_text),
		cmocka_unit_test(resources),
		cmocka_unit_test(summaries_and_outputs),
		cmocka_unit_test(diagnostics),
		cmocka_unit_test(counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
