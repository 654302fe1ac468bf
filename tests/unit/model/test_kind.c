#include "testing.h"

#include "model/kind.h"

#define KIND(spec)                            \
	"{'apiVersion':'catalog.planton.dev/" \
	"v1','kind':'CloudResourceKind','metadata':{'name':'Db'},'spec':" spec "}"
#define SCHEMA                                                                                     \
	"{'type':'object','additionalProperties':false,'required':['databaseName'],'properties':{" \
	"'databaseName':{'type':'string'},'connectionLimit':{'type':'integer','default':-1},'"     \
	"password':{'type':'string'}}}"

static struct cloud_resource_kind *parse(const char *text)
{
	_cleanup_json_ json_t *document = json(text);
	struct cloud_resource_kind *kind = NULL;
	struct error *err = NULL;
	if (cloud_resource_kind_parse(document, &kind, &err) < 0)
		fail_msg("%s", err->message);
	return kind;
}

static struct cloud_resource_kind *database(void)
{
	return parse(KIND(
		"{'group':'pg.dev','version':'v1','provider':'postgresql','sensitive':['/"
		"password'],'provisioner':'tofu',"
		"'defaultOutput':'uri','modules':{'tofu':{'directory':'tofu'}},'schema':" SCHEMA
		"}"));
}

static void a_kind(void **state)
{
	(void)state;
	_cleanup_kind_ struct cloud_resource_kind *kind = database();
	assert_string_equal(kind->name, "Db");
	assert_string_equal(kind->api_version, "pg.dev/v1");
	assert_string_equal(kind->provider, "postgresql");
	assert_string_equal(kind->sensitive[0], "/password");
	assert_null(kind->sensitive[1]);
	assert_string_equal(kind->default_output, "uri");
	assert_int_equal(kind->default_provisioner, PROVISIONER_TOFU);
	assert_string_equal(kind->module_directory[PROVISIONER_TOFU], "tofu");
	assert_null(kind->module_directory[PROVISIONER_PULUMI]);

	_cleanup_kind_ struct cloud_resource_kind *bare =
		parse(KIND("{'group':'g','version':'v1','provider':'','provisioner':'pulumi','"
			   "modules':{'pulumi':{'directory':'p'}},'schema':{}}"));
	assert_null(bare->provider);
	assert_null(bare->sensitive);
	assert_null(bare->default_output);
}

static void assert_refused(const char *text, const char *field, const char *message)
{
	_cleanup_json_ json_t *document = json(text);
	struct cloud_resource_kind *kind = NULL;
	_cleanup_error_ struct error *err = NULL;
	assert_true(cloud_resource_kind_parse(document, &kind, &err) < 0);
	assert_null(kind);
	assert_string_equal(err->field, field);
	if (!strstr(err->message, message))
		fail_msg("\"%s\" says nothing of \"%s\"", err->message, message);
}

static void broken_kinds(void **state)
{
	(void)state;
	assert_refused("3", "", "must be an object");
	assert_refused("{}", "/apiVersion",
		       "apiVersion must be catalog.planton.dev/v1; kind must be CloudResourceKind; "
		       "metadata.name is missing");
	assert_refused(KIND("{}"), "/spec/group",
		       "spec.group is missing; spec.version is missing; spec.modules must be an "
		       "object with a member for each provisioner "
		       "that has a module; spec.provisioner is missing; spec.schema is missing");
	assert_refused(KIND("{'group':'g','version':'v1','provisioner':'pulumi','modules':{'tofu':{"
			    "'directory':'t'},'x':{}},'schema':{},'more':1}"),
		       "/spec/more", "spec.more is unknown; spec.modules.x is no provisioner");
	assert_refused(KIND("{'group':'g','version':'v1','provisioner':'pulumi','modules':{'tofu':{"
			    "'directory':'t'}},'schema':{}}"),
		       "/spec/provisioner", "is pulumi, for which there is no module");
	assert_refused(KIND("{'group':'g','version':'v1','provisioner':'tofu','modules':{'tofu':{'"
			    "directory':'t'}},'sensitive':['password'],'schema':{}}"),
		       "/spec/sensitive", "JSON pointers");
	assert_refused(KIND("{'group':'g','version':'v1','provisioner':'tofu','modules':{'tofu':{'"
			    "directory':'t'}},'schema':{'properties':{'a':{'$ref':'b'}}}}"),
		       "/spec/schema/properties/a/$ref", "not supported");
}

static void checking_a_spec(void **state)
{
	(void)state;
	_cleanup_kind_ struct cloud_resource_kind *kind = database();
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *spec =
		json("{'database_name':{'valueFrom':{'kind':'X','name':'y'}}}");
	_cleanup_json_ json_t *checked =
		cloud_resource_kind_check(kind, "pg.dev/v1", spec, &issues);
	assert_json(checked,
		    "{'databaseName':{'valueFrom':{'kind':'X','name':'y'}},'connectionLimit':-1}");

	_cleanup_json_ json_t *bad = json("{'conectionLimit':1}");
	assert_null(cloud_resource_kind_check(kind, "pg.dev/v2", bad, &issues));
	assert_issues(&issues, "/apiVersion: apiVersion must be pg.dev/v1 for kind Db\n"
			       "/spec/databaseName: spec.databaseName is missing\n"
			       "/spec/conectionLimit: spec.conectionLimit is unknown; did you mean "
			       "\"connectionLimit\"?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kind),
		cmocka_unit_test(broken_kinds),
		cmocka_unit_test(checking_a_spec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
