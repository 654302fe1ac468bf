#include "testing.h"

#include "model/manifest.h"

static void parse(const char *text, struct manifest *ret)
{
	_cleanup_json_ json_t *document = json(text);
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	struct error *err = NULL;
	if (manifest_parse(document, ret, &issues, &err) < 0)
		fail_msg("%s: %s", text, err->message);
}

static void assert_findings(const char *text, const char *expected)
{
	_cleanup_json_ json_t *document = json(text);
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_error_ struct error *err = NULL;
	_cleanup_manifest_ struct manifest manifest = {0};
	assert_int_equal(manifest_parse(document, &manifest, &issues, &err), -ERROR_UNPROCESSABLE);
	assert_issues(&issues, expected);
}

#define HEAD "'apiVersion':'x.dev/v1','kind':'Db'"

static void cloud_resource(void **state)
{
	(void)state;
	_cleanup_manifest_ struct manifest m;
	parse("{'spec':{'free_form':1},'status':{'x':1},'api_version':'x.dev/v1','kind':'Db',"
	      "'metadata':{'name':'My "
	      "Db','org':'acme','env':'dev','labels':{'planton.dev/"
	      "provisioner':'terraform','a_b':'c'},"
	      "'version':{'message':'why','previous_version_id':'x'},"
	      "'relationships':[{'kind':'Net','name':'n','type':'runs_on'}]},"
	      "'placement':{'connection':'c1','iac_module':'m','flow_control':{'is_manual':true}}}",
	      &m);
	assert_int_equal(m.type, RESOURCE_CLOUD_RESOURCE);
	assert_string_equal(m.kind, "Db");
	assert_string_equal(m.name, "My Db");
	assert_string_equal(m.slug, "my-db");
	assert_string_equal(m.org, "acme");
	assert_string_equal(m.env, "dev");
	assert_string_equal(m.message, "why");
	assert_null(m.id);
	assert_string_equal(m.connection, "c1");
	assert_string_equal(m.iac_module, "m");
	assert_null(m.runner);
	assert_int_equal(m.provisioner, PROVISIONER_TERRAFORM);
	assert_true(m.has_flow_control && m.flow_control.is_manual &&
		    m.flow_control.preview_before_update_or_destroy);

	_cleanup_free_ char *text = json_to_text(m.doc, 0);
	assert_string_equal(
		text,
		"{\"apiVersion\":\"x.dev/v1\",\"kind\":\"Db\",\"metadata\":{\"name\":\"My "
		"Db\",\"org\":\"acme\",\"env\":\"dev\","
		"\"labels\":{\"planton.dev/provisioner\":\"terraform\",\"a_b\":\"c\"},"
		"\"version\":{\"message\":\"why\",\"previousVersionId\":\"x\"},"
		"\"relationships\":[{\"kind\":\"Net\",\"name\":\"n\",\"type\":\"runs_on\"}]},"
		"\"placement\":{\"connection\":\"c1\",\"iacModule\":\"m\",\"flowControl\":{"
		"\"isManual\":true,"
		"\"disableOnLifecycleEvents\":false,\"skipRefresh\":false,"
		"\"previewBeforeUpdateOrDestroy\":true,"
		"\"pauseBetweenPreviewAndUpdateOrDestroy\":false}},\"spec\":{\"free_form\":1}}");
}

static void minimal(void **state)
{
	(void)state;
	_cleanup_manifest_ struct manifest m;
	parse("{" HEAD ",'metadata':{'name':'a','labels':null,'tags':null,'id':null}}", &m);
	assert_int_equal(m.provisioner, _PROVISIONER_INVALID);
	assert_false(m.has_flow_control);
	assert_int_equal(json_object_size(m.spec), 0);
	assert_null(m.placement);

	manifest_set_identity(&m, "cr_x", NULL, "acme", NULL);
	manifest_set_spec(&m, json("{'k':1}"));
	assert_json(
		m.doc,
		"{'apiVersion':'x.dev/"
		"v1','kind':'Db','metadata':{'name':'a','id':'cr_x','org':'acme'},'spec':{'k':1}}");
	assert_string_equal(m.id, "cr_x");
	assert_null(m.env);
}

static void everything_wrong_is_named(void **state)
{
	(void)state;
	assert_findings("{}", "/apiVersion: apiVersion is missing\n/kind: kind is "
			      "missing\n/metadata: metadata is missing\n");
	assert_findings("[]", ": (document) must be an object\n");
	assert_findings("{" HEAD ",'metadata':{'nmae':'x','env':'Dev','id':'sj_1','tags':[1],'"
			"labels':{'a':1,'planton.dev/provisioner':'ansible'}},'spec':3}",
			"/metadata/nmae: metadata.nmae is unknown; did you mean \"name\"?\n"
			"/metadata/name: metadata.name is missing\n"
			"/metadata/env: metadata.env must be a slug: lower-case letters and digits "
			"with single hyphens between\n"
			"/metadata/labels/a: metadata.labels.a must be text (put it in quotes)\n"
			"/metadata/tags/0: metadata.tags[0] must be text of 1 to 256 bytes\n"
			"/metadata/id: metadata.id is no id of this type (cr_...)\n"
			"/metadata/labels/planton.dev~1provisioner: "
			"metadata.labels[\"planton.dev/provisioner\"] must be one of tofu, "
			"terraform, pulumi\n"
			"/spec: spec must be an object\n");
	assert_findings("{" HEAD ",'metadata':{'name':'','slug':'A'}}",
			"/metadata/name: metadata.name is empty\n"
			"/metadata/slug: metadata.slug must be lower-case letters and digits with "
			"single hyphens between\n");
	assert_findings("{" HEAD ",'metadata':{'name':'***'}}",
			"/metadata/name: metadata.name has no letter or digit to make a slug of\n");
	assert_findings(
		"{" HEAD ",'metadata':{'name':'a','relationships':[{'kind':'K','type':'likes'}]}}",
		"/metadata/relationships/0/name: metadata.relationships[0].name is missing\n"
		"/metadata/relationships/0/type: metadata.relationships[0].type must be one of "
		"depends_on, runs_on, managed_by, uses\n");
	assert_findings(
		"{" HEAD ",'api_version':'y','metadata':{'name':'a'}}",
		"/api_version: api_version is there twice, in camelCase and in snake_case\n");
	assert_findings("{" HEAD ",'metadata':{'name':'a'},'spec':{'p':[{'$sealed':'x'}]}}",
			"/spec/p/0: spec.p[0] holds the reserved key \"$sealed\"\n");
}

static void flow_control(void **state)
{
	(void)state;
	assert_findings("{" HEAD ",'metadata':{'name':'a'},'placement':{'flowControl':{'isManual':"
			"1,'skipRefrsh':true}}}",
			"/placement/flowControl/skipRefrsh: placement.flowControl.skipRefrsh is "
			"unknown; did you mean \"skipRefresh\"?\n"
			"/placement/flowControl/isManual: placement.flowControl.isManual must be "
			"true or false\n");
	assert_findings("{" HEAD ",'metadata':{'name':'a'},'placement':{'flowControl':{'"
			"previewBeforeUpdateOrDestroy':false,"
			"'pauseBetweenPreviewAndUpdateOrDestroy':true}}}",
			"/placement/flowControl: placement.flowControl pauses after a preview that "
			"it leaves out\n");
}

static void builtin_kinds(void **state)
{
	(void)state;
	_cleanup_manifest_ struct manifest m;
	parse("{'apiVersion':'planton.dev/"
	      "v1','kind':'Connection','metadata':{'name':'pg'},'spec':{'provider':'postgresql','"
	      "default':true}}",
	      &m);
	assert_int_equal(m.type, RESOURCE_CONNECTION);
	assert_json(m.spec, "{'provider':'postgresql','default':true,'fields':{}}");
	assert_ptr_equal(m.spec, json_object_get(m.doc, "spec"));

	_cleanup_manifest_ struct manifest org;
	parse("{'apiVersion':'planton.dev/"
	      "v1','kind':'Organization','metadata':{'name':'acme'},'spec':{'settings':{'x':1}}}",
	      &org);
	assert_int_equal(org.type, RESOURCE_ORGANIZATION);

	assert_findings("{'apiVersion':'v2','kind':'Connection','metadata':{'name':'pg'},'spec':{'"
			"default':1,'fields':[]},'placement':{}}",
			"/apiVersion: apiVersion must be planton.dev/v1 for kind Connection\n"
			"/placement: placement is for cloud resources\n"
			"/spec/provider: spec.provider is missing\n"
			"/spec/default: spec.default must be true or false\n"
			"/spec/fields: spec.fields must be an object\n");
	assert_findings(
		"{'apiVersion':'planton.dev/"
		"v1','kind':'Environment','metadata':{'name':'dev'},'spec':{'descripton':'x'}}",
		"/spec/descripton: spec.descripton is unknown; did you mean \"description\"?\n");
}

static void limits(void **state)
{
	(void)state;
	_cleanup_json_ json_t *document = json("{" HEAD ",'metadata':{'name':'a'},'spec':{}}");
	json_t *labels = json_new_object();
	for (int i = 0; i <= MANIFEST_MAX_LABELS; i++) {
		_cleanup_free_ char *key = xasprintf("k%d", i);
		json_set_string(labels, key, "v");
	}
	(void)json_pointer_set(document, "/metadata/labels", labels);
	_cleanup_free_ char *text = xcalloc(1, MANIFEST_MAX_SIZE + 1);
	memset(text, 'n', MANIFEST_MAX_NAME + 1);
	(void)json_pointer_set(document, "/metadata/name", json_string(text));

	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_error_ struct error *err = NULL;
	_cleanup_manifest_ struct manifest manifest = {0};
	assert_int_equal(manifest_parse(document, &manifest, &issues, &err), -ERROR_UNPROCESSABLE);
	assert_issues(&issues, "/metadata/name: metadata.name must have at most 63 bytes\n"
			       "/metadata/labels: metadata.labels must have at most 64 members\n");

	memset(text, 'n', MANIFEST_MAX_SIZE);
	(void)json_pointer_set(document, "/spec/text", json_string(text));
	assert_int_equal(manifest_parse(document, &manifest, &issues, &err), -ERROR_TOO_LARGE);
}

static void the_given_document_stays_as_it_was(void **state)
{
	(void)state;
	_cleanup_json_ json_t *document =
		json("{" HEAD ",'metadata':{'name':'a','labels':{'x':'y'},'relationships':[]},'"
		     "spec':{'a':{'b':1}}}");
	_cleanup_json_ json_t *before = json_deep_copy(document);
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_manifest_ struct manifest m;
	assert_int_equal(manifest_parse(document, &m, &issues, NULL), 0);
	json_set_int(json_object_get(m.spec, "a"), "b", 2);
	json_set_string(json_object_get(m.metadata, "labels"), "x", "z");
	assert_true(json_equal(document, before));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cloud_resource),
		cmocka_unit_test(minimal),
		cmocka_unit_test(everything_wrong_is_named),
		cmocka_unit_test(flow_control),
		cmocka_unit_test(builtin_kinds),
		cmocka_unit_test(limits),
		cmocka_unit_test(the_given_document_stays_as_it_was),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
