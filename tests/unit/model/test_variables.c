#include "testing.h"

#include "model/variable_type.h"
#include "model/variables.h"

static void upstream_modules(void **state)
{
	(void)state;
	const struct module_variable variables[] = {
		{"metadata", true, NULL},
		{"spec", true,
		 "object({\n  max_size = number # how many\n  host = object({ value = string })\n  "
		 "on = optional(bool, true)\n})"},
		{"extra", false, NULL},
	};
	_cleanup_json_ json_t *schema_json_text =
		json("{'properties':{'maxSize':{},'host':{},'on':{},'empty':{},'labels':{'"
		     "additionalProperties':{}}}}");
	struct schema *compiled = NULL;
	assert_int_equal(schema_compile(schema_json_text, &compiled, NULL), 0);
	_cleanup_schema_ struct schema *schema = compiled;
	_cleanup_json_ json_t *metadata =
		json("{'name':'x','labels':{'someKey':'v'},'someThing':1}");
	_cleanup_json_ json_t *spec = json("{'maxSize':{'value':0},'host':'h-${x}-%{y}','on':false,"
					   "'empty':'','labels':{'aB':'c'}}");
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *result =
		variables_build(variables, 3, schema, metadata, spec, &issues);
	assert_issues(&issues, "");
	assert_json(result, "{'metadata':{'name':'x','labels':{'someKey':'v'},'some_thing':1},"
			    "'spec':{'max_size':0,'host':{'value':'h-${x}-%{y}'},'on':false,'empty'"
			    ":'','labels':{'aB':'c'}}}");
}

static void flat_modules(void **state)
{
	(void)state;
	const struct module_variable variables[] = {
		{"max_size", true, "number"}, {"Name", false, NULL}, {"region", true, NULL},
		{"zone", true, NULL},	      {"opt", false, NULL},
	};
	_cleanup_json_ json_t *metadata = json("{}");
	_cleanup_json_ json_t *spec = json("{'maxSize':3,'Name':'n','region':'r','zone':null}");
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *result =
		variables_build(variables, 5, NULL, metadata, spec, &issues);
	assert_json(result, "{'max_size':3,'Name':'n','region':'r','zone':null}");

	_cleanup_json_ json_t *bad = json("{'max_size':1,'maxSize':2,'nothing':3}");
	assert_null(variables_build(variables, 5, NULL, metadata, bad, &issues));
	assert_issues(
		&issues,
		"/spec/maxSize: spec.maxSize is there twice: the variable max_size has a value "
		"already\n"
		"/spec/nothing: spec.nothing is no variable of the module\n"
		"/spec/region: spec.region is missing: the module's variable region has no "
		"default\n"
		"/spec/zone: spec.zone is missing: the module's variable zone has no default\n");
}

static void assert_adapted(const char *type, const char *value_text, const char *expected)
{
	_cleanup_json_ json_t *value = json(value_text);
	_cleanup_json_ json_t *adapted = variable_type_adapt(type, value);
	assert_json(adapted, expected);
}

static void types(void **state)
{
	(void)state;
	assert_adapted("string", "{'value':'x'}", "'x'");
	assert_adapted("string", "{'value':'x','more':1}", "{'value':'x','more':1}");
	assert_adapted("object({value=string})", "'x'", "{'value':'x'}");
	assert_adapted("object({value=string})", "{'value':{'value':'x'}}", "{'value':'x'}");
	assert_adapted("object({value=optional(string)})", "null", "null");
	assert_adapted("list(object({value=string}))", "['a',{'value':'b'}]",
		       "[{'value':'a'},{'value':'b'}]");
	assert_adapted("map(string)", "{'k':{'value':'a'},'l':'b'}", "{'k':'a','l':'b'}");
	assert_adapted("tuple([string, object({value=number})])", "[{'value':'a'},2]",
		       "['a',{'value':2}]");
	assert_adapted(
		"object({a = optional(string, \"x)\\\"}\"), b = optional(list(string), [\"(\", "
		"\"]\"]), \"c-d\" : set(number)})",
		"{'a':{'value':'1'},'b':[{'value':'2'}],'c-d':[{'value':3}],'e':{'value':4}}",
		"{'a':'1','b':['2'],'c-d':[3],'e':{'value':4}}");
	assert_adapted("any", "{'value':1}", "{'value':1}");
	assert_adapted("object({})", "{'a':1}", "{'a':1}");
}

static void types_that_are_not_understood(void **state)
{
	(void)state;
	static const char *const broken[] = {
		"",
		"strin",
		"list",
		"list(",
		"list(string",
		"string)",
		"object({a=})",
		"object({a string})",
		"object({",
		"optional(string, \"x",
		"tuple([string",
		"map(string))",
		"\"",
		"object({\"a=string})",
		"list(string) x",
	};
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		assert_adapted(broken[i], "[{'value':'x'}]", "[{'value':'x'}]");

	_cleanup_strbuf_ struct strbuf deep = STRBUF_INIT;
	for (int i = 0; i < 10000; i++)
		strbuf_addstr(&deep, "list(");
	assert_adapted(deep.data, "[{'value':'x'}]", "[{'value':'x'}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(upstream_modules),
		cmocka_unit_test(flat_modules),
		cmocka_unit_test(types),
		cmocka_unit_test(types_that_are_not_understood),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
