#include "testing.h"

static json_t *secrets;

static int make(const char *variables, const char *manifest, const char *schema, json_t **ret,
		struct error **err)
{
	_cleanup_free_ char *wrapped = xasprintf("{'root_module':{'variables':%s}}", variables);
	json_t *a = json(wrapped), *b = json(manifest), *c = json(schema);
	json_decref(secrets);
	secrets = NULL;
	int r = tofu_engine.make_inputs(a, b, c, ret, &secrets, err);
	json_decref(a);
	json_decref(b);
	json_decref(c);
	return r;
}

static void gives(const char *variables, const char *manifest, const char *expected)
{
	json_t *inputs;
	_cleanup_error_ struct error *error = NULL;
	if (make(variables, manifest, "{'properties':{'fooBar':{'properties':{'innerKey':{}}}}}",
		 &inputs, &error) < 0)
		fail_msg("%s", error->message);
	assert_json(inputs, expected);
}

static void refuses(const char *variables, const char *manifest, const char *expected)
{
	json_t *inputs;
	_cleanup_error_ struct error *error = NULL;
	assert_true(make(variables, manifest, "{}", &inputs, &error) < 0);
	assert_string_equal(error->message, expected);
}

static void metadata_and_spec(void **state)
{
	(void)state;
	gives("{'metadata':{'type':['object',{'name':'string','labels':['map','string']},['labels']"
	      "],'required':true},"
	      "'spec':{'type':['object',{'db_name':'string','ip_addresses':['list','string'],'"
	      "enabled':'bool','s3_bucket':'string'},['ip_addresses','s3_bucket']],'required':true}"
	      "}",
	      "{'metadata':{'name':'n','id':'cr_1','labels':{'camelKey':'v'}},'spec':{'dbName':'x',"
	      "'ipAddresses':['1'],'enabled':false,'s3Bucket':'b','other':1}}",
	      "{'metadata':{'name':'n','labels':{'camelKey':'v'}},'spec':{'db_name':'x','ip_"
	      "addresses':['1'],'enabled':false,'s3_bucket':'b'}}");
	/* null is no value; nothing else is pruned. */
	gives("{'spec':{'type':['object',{'a':'number','b':'string'},['b']]}}",
	      "{'spec':{'a':0,'b':null}}", "{'spec':{'a':0}}");
}

static void fields_as_variables(void **state)
{
	(void)state;
	gives("{'message':{'type':'string','required':true},'item_count':{'type':'number','default'"
	      ":1},'unused':{'default':null}}",
	      "{'spec':{'message':'${not interpolated} %{x}','itemCount':3,'extra':true}}",
	      "{'message':'${not interpolated} %{x}','item_count':3}");
	/* A module of its own that happens to have a variable "spec". */
	gives("{'spec':{'type':'string'}}", "{'spec':{'spec':'s'}}", "{'spec':'s'}");
}

static void references_either_way(void **state)
{
	(void)state;
	gives("{'spec':{'type':['object',{'plain':'string','wrapped':['object',{'value':'string'}]}"
	      ",[]]}}",
	      "{'spec':{'plain':{'value':'x'},'wrapped':'y'}}",
	      "{'spec':{'plain':'x','wrapped':{'value':'y'}}}");
}

static void collections(void **state)
{
	(void)state;
	gives("{'a':{'type':['map',['object',{'in_ner':'string'},[]]]},'b':{'type':['tuple',['"
	      "string',['object',{'x_y':'number'},[]]]]},'c':{'type':['set','number']}}",
	      "{'spec':{'a':{'camelKey':{'inNer':'v'}},'b':['s',{'xY':1}],'c':[1,2]}}",
	      "{'a':{'camelKey':{'in_ner':'v'}},'b':['s',{'x_y':1}],'c':[1,2]}");
}

static void untyped_by_the_schema(void **state)
{
	(void)state;
	gives("{'spec':{'type':'dynamic'},'metadata':{}}",
	      "{'metadata':{'someKey':1},'spec':{'fooBar':{'innerKey':1,'freeKey':2},'anyThing':{'"
	      "aB':[{'cD':1}]}}}",
	      "{'metadata':{'someKey':1},'spec':{'foo_bar':{'inner_key':1,'freeKey':2},'anyThing':{"
	      "'aB':[{'cD':1}]}}}");
}

static void what_is_missing_is_named(void **state)
{
	(void)state;
	refuses("{'size':{'type':'string','required':true}}", "{'spec':{}}",
		"the module needs the variable \"size\", which has no value");
	refuses("{'spec':{'required':true,'type':['object',{'a':['object',{'deep_one':'string'},[]]"
		"},[]]}}",
		"{'spec':{'a':{}}}", "the module needs spec.a.deep_one, which has no value");
}

static void nesting_has_a_limit(void **state)
{
	(void)state;
	_cleanup_strbuf_ struct strbuf manifest = STRBUF_INIT;
	strbuf_addstr(&manifest, "{'spec':{'a':");
	for (int i = 0; i < 100; i++)
		strbuf_addstr(&manifest, "[");
	for (int i = 0; i < 100; i++)
		strbuf_addstr(&manifest, "]");
	strbuf_addstr(&manifest, "}}");
	refuses("{'a':{}}", manifest.data, "a is nested more than 64 levels deep");
}

static void secrets_of_the_module(void **state)
{
	(void)state;
	gives("{'password':{'type':'string','sensitive':true},'keys':{'type':['map','string'],'"
	      "sensitive':true},'name':{'type':'string'}}",
	      "{'spec':{'password':'p','keys':{'k':'v'},'name':'n'}}",
	      "{'password':'p','keys':{'k':'v'},'name':'n'}");
	assert_json(json_incref(secrets), "['p','v']");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_and_spec),	 cmocka_unit_test(fields_as_variables),
		cmocka_unit_test(references_either_way), cmocka_unit_test(collections),
		cmocka_unit_test(untyped_by_the_schema), cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(nesting_has_a_limit),	 cmocka_unit_test(secrets_of_the_module),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	json_decref(secrets);
	return r;
}
