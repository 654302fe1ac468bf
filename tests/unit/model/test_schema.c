#include "testing.h"

#include "model/schema.h"

static struct schema *compile(const char *text)
{
	_cleanup_json_ json_t *value = json(text);
	struct schema *schema = NULL;
	struct error *err = NULL;
	if (schema_compile(value, &schema, &err) < 0)
		fail_msg("%s", err->message);
	return schema;
}

static void assert_refused(const char *text, const char *field, const char *message)
{
	_cleanup_json_ json_t *value = json(text);
	struct schema *schema = NULL;
	_cleanup_error_ struct error *err = NULL;
	assert_true(schema_compile(value, &schema, &err) < 0);
	assert_null(schema);
	assert_string_equal(err->field, field);
	if (!strstr(err->message, message))
		fail_msg("\"%s\" says nothing of \"%s\"", err->message, message);
}

static void what_is_not_understood_is_refused(void **state)
{
	(void)state;
	assert_refused("{'$ref':'#/x'}", "/$ref", "not supported");
	assert_refused("{'properties':{'a':{'oneOf':[]}}}", "/properties/a/oneOf", "not supported");
	assert_refused("{'items':{'type':'text'}}", "/items/type", "is no type");
	assert_refused("{'type':[]}", "/type", "names no type");
	assert_refused("{'pattern':'('}", "/pattern", "regular expression");
	assert_refused("{'minLength':-1}", "/minLength", "0 or more");
	assert_refused("{'minimum':'1'}", "/minimum", "must be a number");
	assert_refused("{'required':'a'}", "/required", "list of names");
	assert_refused("{'enum':[]}", "/enum", "list of values");
	assert_refused("{'uniqueItems':1}", "/uniqueItems", "true or false");
	assert_refused("{'additionalProperties':3}", "/additionalProperties", "must be an object");
	assert_refused("{'properties':{'maxSize':{},'max_size':{}}}", "/properties/max_size",
		       "another property's name");
	assert_refused("{'properties':{'n':{'type':'integer','default':'x'}}}",
		       "/properties/n/default", "is not valid");
	assert_refused("[]", "", "must be an object");
}

static void assert_findings(const char *schema_text, const char *value_text, const char *expected)
{
	_cleanup_schema_ struct schema *schema = compile(schema_text);
	_cleanup_json_ json_t *value = json(value_text);
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	assert_int_equal(schema_validate(schema, value, "/spec", 0, &issues), !*expected);
	assert_issues(&issues, expected);
}

static void types(void **state)
{
	(void)state;
	assert_findings("{'type':'integer'}", "1", "");
	assert_findings("{'type':'integer'}", "1.0", "");
	assert_findings("{'type':'integer'}", "1.5",
			"/spec: spec must be of type integer, not number\n");
	assert_findings("{'type':'number'}", "1", "");
	assert_findings("{'type':['string','null']}", "null", "");
	assert_findings("{'type':['string','null']}", "true",
			"/spec: spec must be of type null or string, not boolean\n");
	assert_findings("{}", "[{}]", "");
}

static void strings(void **state)
{
	(void)state;
	assert_findings("{'minLength':2,'maxLength':3}", "'\xc3\xa9\xc3\xa9\xc3\xa9'", "");
	assert_findings("{'minLength':1}", "''", "/spec: spec must not be empty\n");
	assert_findings("{'minLength':2}", "'a'",
			"/spec: spec must have at least 2 characters, not 1\n");
	assert_findings("{'maxLength':1,'pattern':'^x$'}", "'abc'",
			"/spec: spec must have at most 1 characters, not 3\n");
	assert_findings("{'pattern':'^[a-z]+$'}", "'abc'", "");
	assert_findings("{'pattern':'^[a-z]+$'}", "'abc\\n1'",
			"/spec: spec must match the pattern ^[a-z]+$\n");
	assert_findings(
		"{'enum':['tofu','pulumi',3]}", "'pulmi'",
		"/spec: spec must be one of \"tofu\", \"pulumi\", 3; did you mean \"pulumi\"?\n");
	assert_findings("{'enum':[3]}", "3.0", "");
	assert_findings("{'const':{'a':1}}", "{'a':2}", "/spec: spec must be {\"a\":1}\n");
}

static void numbers_and_lists(void **state)
{
	(void)state;
	assert_findings("{'minimum':-1,'maximum':10.5}", "-2", "/spec: spec must be -1 or more\n");
	assert_findings("{'minimum':-1,'maximum':10.5}", "11",
			"/spec: spec must be 10.5 or less\n");
	assert_findings("{'maximum':9007199254740992}", "9007199254740993",
			"/spec: spec must be 9007199254740992 or less\n");
	assert_findings("{'items':{'type':'string'},'maxItems':1,'minItems':1}", "['a',2]",
			"/spec: spec must have at most 1 elements, not 2\n/spec/1: spec[1] must be "
			"of type string, not integer\n");
	assert_findings("{'minItems':1}", "[]",
			"/spec: spec must have at least 1 elements, not 0\n");
	assert_findings("{'uniqueItems':true}", "[{'a':1,'b':2},3,{'b':2,'a':1}]",
			"/spec: spec must not hold the same element twice\n");
}

static void all_findings_of_an_object(void **state)
{
	(void)state;
	const char *schema =
		"{'type':'object','additionalProperties':false,'required':['name','size'],"
		"'properties':{'name':{'type':'string'},'size':{'type':'integer'},"
		"'labels':{'type':'object','additionalProperties':{'type':'string'}}}}";
	assert_findings(
		schema, "{'nmae':'x','size':'3','labels':{'a/b':1},'zzzzzz':0}",
		"/spec/name: spec.name is missing\n"
		"/spec/nmae: spec.nmae is unknown; did you mean \"name\"?\n"
		"/spec/size: spec.size must be of type integer, not string\n"
		"/spec/labels/a~1b: spec.labels[\"a/b\"] must be of type string, not integer\n"
		"/spec/zzzzzz: spec.zzzzzz is unknown\n");
	assert_findings(schema, "{'name':'x','size':3,'labels':{'a':'b'}}", "");
}

static void references(void **state)
{
	(void)state;
	_cleanup_schema_ struct schema *schema = compile(
		"{'properties':{'host':{'type':'string','maxLength':3},'o':{'type':'object'}}}");
	static const struct {
		const char *value, *expected;
	} cases[] = {
		{"{'host':{'valueFrom':{'kind':'Db','name':'x','fieldPath':'host','env':'dev'}}}",
		 ""},
		{"{'host':{'value':'abc'}}", ""},
		{"{'host':{'value':'abcd'}}",
		 "/spec/host/value: spec.host.value must have at most 3 characters, not 4\n"},
		{"{'host':{'valueFrom':{'kind':'Db','x':1}}}",
		 "/spec/host/valueFrom/x: spec.host.valueFrom.x is unknown; a reference has kind, "
		 "env, name and fieldPath\n"
		 "/spec/host/valueFrom/name: spec.host.valueFrom.name is missing\n"},
		{"{'host':{'valueFrom':'x'}}",
		 "/spec/host/valueFrom: spec.host.valueFrom must be an object\n"},
		{"{'host':{'valueFrom':{},'more':1}}",
		 "/spec/host: spec.host must be of type string, not object\n"},
		{"{'o':{'value':1}}", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ json_t *value = json(cases[i].value);
		_cleanup_issues_ struct issues issues = ISSUES_INIT;
		schema_validate(schema, value, "/spec", SCHEMA_REFERENCES, &issues);
		assert_issues(&issues, cases[i].expected);
	}
	_cleanup_json_ json_t *value = json("{'host':{'value':'abc'}}");
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	assert_false(schema_validate(schema, value, "/spec", 0, &issues));
}

static void spellings(void **state)
{
	(void)state;
	_cleanup_schema_ struct schema *schema = compile(
		"{'properties':{'maxSize':{},'dnsNames':{'items':{'properties':{'fullName':{}}}},"
		"'tags':{'additionalProperties':{'properties':{'someKey':{}}}}}}");
	_cleanup_json_ json_t *value = json("{'max_size':1,'dns_names':[{'full_name':'x'}],'tags':{"
					    "'a_b':{'some_key':0}},'un_known':2}");
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *normal = schema_normalise(schema, value, "/spec", &issues);
	assert_issues(&issues, "");
	assert_json(normal, "{'maxSize':1,'dnsNames':[{'fullName':'x'}],'tags':{'a_b':{'someKey':0}"
			    "},'un_known':2}");
	_cleanup_json_ json_t *snake = schema_to_snake_case(schema, normal);
	assert_true(json_equal(snake, value));

	_cleanup_json_ json_t *twice = json("{'max_size':1,'maxSize':2}");
	_cleanup_json_ json_t *one = schema_normalise(schema, twice, "/spec", &issues);
	assert_issues(&issues,
		      "/spec/maxSize: spec.maxSize is there twice, as maxSize and as max_size\n");
	assert_json(one, "{'maxSize':1}");
}

static void defaults(void **state)
{
	(void)state;
	_cleanup_schema_ struct schema *schema = compile(
		"{'properties':{'a':{'default':false},'b':{'properties':{'c':{'default':''}}},"
		"'l':{'items':{'properties':{'d':{'default':[0]}}}},'m':{'default':{},'properties':"
		"{'e':{'default':1}}}}}");
	_cleanup_json_ json_t *value = json("{'l':[{},{'d':null}],'b':{}}");
	schema_apply_defaults(schema, value);
	assert_json(value, "{'a':false,'b':{'c':''},'l':[{'d':[0]},{'d':null}],'m':{'e':1}}");
	_cleanup_json_ json_t *empty = json("{}");
	schema_apply_defaults(schema, empty);
	assert_json(empty, "{'a':false,'m':{'e':1}}");
}

static void assert_names(const char *camel, const char *snake)
{
	_cleanup_free_ char *to_snake = camel_to_snake(camel);
	assert_string_equal(to_snake, snake);
}

static void names(void **state)
{
	(void)state;
	assert_names("connectionLimit", "connection_limit");
	assert_names("HTTPPort", "http_port");
	assert_names("ipV4Address", "ip_v4_address");
	assert_names("userID", "user_id");
	assert_names("a", "a");
	assert_names("already_snake", "already_snake");
	_cleanup_free_ char *camel = snake_to_camel("connection_limit");
	assert_string_equal(camel, "connectionLimit");
	_cleanup_free_ char *odd = snake_to_camel("_a__b_");
	assert_string_equal(odd, "_a_B_");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_understood_is_refused),
		cmocka_unit_test(types),
		cmocka_unit_test(strings),
		cmocka_unit_test(numbers_and_lists),
		cmocka_unit_test(all_findings_of_an_object),
		cmocka_unit_test(references),
		cmocka_unit_test(spellings),
		cmocka_unit_test(defaults),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
