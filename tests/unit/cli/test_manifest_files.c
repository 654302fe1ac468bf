#include "testing.h"

#include <stdio.h>
#include <sys/stat.h>

#include "base/tree.h"
#include "cli/manifest_files.h"

static char folder[] = "/tmp/planton-manifests-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rm_rf(folder);
}

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define RESOURCE(name, spec) \
	"apiVersion: a/v1\nkind: Thing\nmetadata: {name: " name "}\nspec: " spec "\n"

static char *labels(const struct manifest_files *files)
{
	struct strbuf out = STRBUF_INIT;
	for (size_t i = 0; i < files->count; i++) {
		_cleanup_free_ char *label = manifest_label(files->items[i].document);
		strbuf_addf(&out, "%s%s", i ? " " : "", label);
	}
	return strbuf_detach(&out, NULL);
}

static void order_of_references(void **state)
{
	(void)state;
	put("1.yaml",
	    RESOURCE("app",
		     "{url: {valueFrom: {kind: Thing, name: The DB, fieldPath: "
		     "x}}}") "---\n" RESOURCE("The DB", "{net: [{value_from: {name: net}}]}"));
	put("2.yml", RESOURCE("net", "{}") "---\n"
					   "kind: Connection\nmetadata: {name: c}\nspec: {}\n");
	put("3.json", "{\"kind\":\"Environment\",\"metadata\":{\"name\":\"dev\"},\"spec\":{}}");
	put("4.yaml", "kind: Organization\nmetadata: {name: acme}\n---\n"
		      "kind: Thing\nmetadata: {name: early, relationships: [{kind: Thing, name: "
		      "late}]}\nspec: {}\n---\n" RESOURCE("late", "{}"));
	put("ignored.txt", "{{{");
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_error_ struct error *e = NULL;
	assert_int_equal(manifest_files_load(&files, folder, "acme", "dev", &e), 0);
	assert_int_equal(manifest_files_order(&files, &e), 0);
	_cleanup_free_ char *found = labels(&files);
	assert_string_equal(found, "Organization/acme Environment/dev Connection/c Thing/net "
				   "Thing/the-db Thing/app Thing/late "
				   "Thing/early");
	assert_null(json_get(files.items[0].document, "metadata.org"));
	assert_string_equal(json_get_str(files.items[1].document, "metadata.org"), "acme");
	assert_null(json_get(files.items[2].document, "metadata.env"));
	assert_string_equal(json_get_str(files.items[3].document, "metadata.env"), "dev");
	assert_string_equal(files.items[7].source + strlen(folder), "/4.yaml (document 2)");
}

static void circle(void **state)
{
	(void)state;
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_error_ struct error *e = NULL;
	put("circle.yaml", RESOURCE("a", "{x: {valueFrom: {name: b}}}") "---\n" RESOURCE(
				   "b", "{x: {valueFrom: {name: a}}}"));
	_cleanup_free_ char *path = xasprintf("%s/circle.yaml", folder);
	assert_int_equal(manifest_files_load(&files, path, NULL, NULL, &e), 0);
	assert_true(manifest_files_order(&files, &e) < 0);
	assert_string_equal(
		e->message,
		"the manifests refer to each other in a circle: Thing/a ← Thing/b ← Thing/a");
}

static void twins(void **state)
{
	(void)state;
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_error_ struct error *e = NULL;
	put("twins.yaml", RESOURCE("a one", "{x: 1}") "---\n" RESOURCE("b", "{}") "---\n" RESOURCE(
				  "A-One", "{x: 2}"));
	_cleanup_free_ char *path = xasprintf("%s/twins.yaml", folder);
	assert_int_equal(manifest_files_load(&files, path, NULL, NULL, &e), 0);
	assert_true(manifest_files_order(&files, &e) < 0);
	assert_non_null(strstr(e->message, "Thing/a-one is described twice"));
	assert_non_null(strstr(e->message, "twins.yaml (document 3)"));
}

static void bad_files(void **state)
{
	(void)state;
	_cleanup_(manifest_files_release) struct manifest_files files = {0};
	_cleanup_error_ struct error *e = NULL;
	put("bad.yaml", "spec: {}\n");
	put("empty.yaml", "# nothing\n");
	_cleanup_free_ char *bad = xasprintf("%s/bad.yaml", folder),
			    *empty = xasprintf("%s/empty.yaml", folder);
	assert_true(manifest_files_load(&files, bad, NULL, NULL, &e) < 0);
	assert_true(manifest_files_load(&files, empty, NULL, NULL, &e) < 0);
	assert_true(manifest_files_load(&files, "/nonexistent.yaml", NULL, NULL, &e) < 0);
	assert_int_equal(e->code, ERROR_NOT_FOUND);
}

static void connection_fields(void **state)
{
	(void)state;
	_cleanup_error_ struct error *e = NULL;
	_cleanup_free_ char *text = xasprintf(
		"{'kind':'Connection','metadata':{'name':'c'},'spec':{'fields':{'a':{'valueFromEnv'"
		":'PLANTON_TEST_SECRET'},"
		"'b':{'valueFromFile':'%s/"
		"secret'},'env':{'K':{'valueFromEnv':'PLANTON_TEST_SECRET'}},'plain':'x'}}}",
		folder);
	_cleanup_json_ json_t *connection = json(text);
	put("secret", "from file\n");
	unsetenv("PLANTON_TEST_SECRET");
	assert_true(manifest_resolve_fields(connection, &e) < 0);
	setenv("PLANTON_TEST_SECRET", "from env", 1);
	assert_int_equal(manifest_resolve_fields(connection, &e), 0);
	assert_string_equal(json_get_str(connection, "spec.fields.a"), "from env");
	assert_string_equal(json_get_str(connection, "spec.fields.b"), "from file\n");
	assert_string_equal(json_get_str(connection, "spec.fields.env.K"), "from env");
	assert_string_equal(json_get_str(connection, "spec.fields.plain"), "x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(order_of_references),
					   cmocka_unit_test(circle), cmocka_unit_test(twins),
					   cmocka_unit_test(bad_files),
					   cmocka_unit_test(connection_fields)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
