#include "testing.h"

#include "base/strv.h"
#include "model/kind.h"

#define TYPE(fields)                          \
	"{'apiVersion':'catalog.planton.dev/" \
	"v1','kind':'ProviderType','metadata':{'name':'p'},'spec':{'fields':" fields "}}"

static struct provider_type *parse(const char *text)
{
	_cleanup_json_ json_t *document = json(text);
	struct provider_type *type = NULL;
	struct error *err = NULL;
	if (provider_type_parse(document, &type, &err) < 0)
		fail_msg("%s", err->message);
	return type;
}

static struct provider_type *server(void)
{
	return parse(TYPE("[{'name':'host','env':'PGHOST','required':true},{'name':'port','env':'"
			  "PGPORT','default':'5432'},"
			  "{'name':'password','env':'PGPASSWORD','sensitive':true},"
			  "{'name':'sslMode','env':'PGSSLMODE','enum':['disable','require']},"
			  "{'name':'kubeConfig','env':'KUBECONFIG','alsoEnv':['KUBE_CONFIG_PATH'],'"
			  "file':true,'sensitive':true}]"));
}

static struct provider_type *generic(void)
{
	return parse(TYPE("[{'name':'env','map':'env','sensitive':true},{'name':'files','map':'"
			  "files','sensitive':true}]"));
}

static void what_an_engine_gets(void **state)
{
	(void)state;
	_cleanup_provider_type_ struct provider_type *type = server();
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *given =
		json("{'host':'db','password':'s','ssl_mode':'require','kubeConfig':'text'}");
	_cleanup_json_ json_t *fields = provider_type_check(type, given, "/spec/fields", &issues);
	assert_issues(&issues, "");
	assert_json(fields, "{'host':'db','password':'s','sslMode':'require','kubeConfig':'text'}");
	_cleanup_json_ json_t *env = connection_to_env(type, fields);
	assert_json(env,
		    "{'env':{'PGHOST':'db','PGPORT':'5432','PGPASSWORD':'s','PGSSLMODE':'require'},"
		    "'files':[{'env':['KUBECONFIG','KUBE_CONFIG_PATH'],'name':'kubeConfig','"
		    "content':'text'}]}");
	_cleanup_strv_ char **patterns = provider_type_sensitive(type);
	_cleanup_free_ char *joined = strv_join(patterns, " ");
	assert_string_equal(joined, "/password /kubeConfig");
}

static void findings(void **state)
{
	(void)state;
	_cleanup_provider_type_ struct provider_type *type = server();
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *given =
		json("{'port':5432,'sslMode':'off','pasword':'x','kube_config':['x']}");
	assert_null(provider_type_check(type, given, "/spec/fields", &issues));
	assert_issues(
		&issues,
		"/spec/fields/pasword: spec.fields.pasword is unknown; did you mean \"password\"?\n"
		"/spec/fields/host: spec.fields.host is missing\n"
		"/spec/fields/sslMode: spec.fields.sslMode must be one of disable, require\n"
		"/spec/fields/kubeConfig: spec.fields.kubeConfig must be text\n");
}

static void numbers_and_booleans_are_text(void **state)
{
	(void)state;
	_cleanup_provider_type_ struct provider_type *type = server();
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *given = json("{'host':true,'port':5433}");
	_cleanup_json_ json_t *fields = provider_type_check(type, given, "/spec/fields", &issues);
	assert_json(fields, "{'host':'true','port':'5433'}");
}

static void maps(void **state)
{
	(void)state;
	_cleanup_provider_type_ struct provider_type *type = generic();
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *given =
		json("{'env':{'MY_TOKEN':'t','N':1},'files':{'MY_FILE':'content'}}");
	_cleanup_json_ json_t *fields = provider_type_check(type, given, "/spec/fields", &issues);
	_cleanup_json_ json_t *env = connection_to_env(type, fields);
	assert_json(env, "{'env':{'MY_TOKEN':'t','N':'1'},'files':[{'env':['MY_FILE'],'name':'MY_"
			 "FILE','content':'content'}]}");
	_cleanup_strv_ char **patterns = provider_type_sensitive(type);
	assert_string_equal(patterns[0], "/env/*");

	_cleanup_json_ json_t *hostile = json("{'env':{'LD_PRELOAD':'x','PATH':'x','A=B':'x','../"
					      "x':'x','1A':'x','TF_CLI_ARGS_apply':'x'}}");
	assert_null(provider_type_check(type, hostile, "/f", &issues));
	assert_int_equal(issues.count, 6);
}

static void broken_types(void **state)
{
	(void)state;
	_cleanup_json_ json_t *document = json(TYPE("[{'name':'a'},{'env':'X'},{'name':'b','env':'"
						    "LD_PRELOAD','map':'x','file':1,'more':2},4]"));
	struct provider_type *type = NULL;
	_cleanup_error_ struct error *err = NULL;
	assert_true(provider_type_parse(document, &type, &err) < 0);
	assert_string_equal(err->message,
			    "spec.fields[0] has neither env nor map; spec.fields[1].name is "
			    "missing; spec.fields[2].more is unknown; "
			    "spec.fields[2].file must be true or false; spec.fields[2].map must be "
			    "env or files; "
			    "spec.fields[2] has a variable that no connection may set: LD_PRELOAD; "
			    "spec.fields[3] must be an object");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_engine_gets),
		cmocka_unit_test(findings),
		cmocka_unit_test(numbers_and_booleans_are_text),
		cmocka_unit_test(maps),
		cmocka_unit_test(broken_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
