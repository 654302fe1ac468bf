#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "base/fileutil.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "control/catalog.h"

static char scratch[sizeof("/tmp/planton-test-XXXXXX")];

#define KIND_HEAD "apiVersion: catalog.planton.dev/v1\nkind: CloudResourceKind\nmetadata:\n  name: "
#define KIND_SPEC                                                                          \
	"\nspec:\n  group: db.dev\n  version: v1\n  provider: pg\n  provisioner: tofu\n  " \
	"modules:\n    tofu:\n"                                                            \
	"      directory: tofu\n  schema:\n    type: object\n"

static void put(const char *path, const char *content, mode_t mode)
{
	_cleanup_free_ char *full = path_join(scratch, path, NULL);
	_cleanup_free_ char *folder = xstrndup(full, (size_t)(strrchr(full, '/') - full));
	assert_int_equal(mkdir_p(folder, 0755), 0);
	assert_int_equal(write_file_atomic(full, content, strlen(content), mode), 0);
}

static int make_catalog(void **state)
{
	(void)state;
	memcpy(scratch, "/tmp/planton-test-XXXXXX", sizeof(scratch));
	if (!mkdtemp(scratch))
		return -1;
	put("providers/pg.yaml",
	    "apiVersion: catalog.planton.dev/v1\nkind: ProviderType\nmetadata: {name: pg}\nspec:\n "
	    " fields: [{name: host, env: PGHOST}]\n",
	    0644);
	put("Database/kind.yaml", KIND_HEAD "Database" KIND_SPEC, 0644);
	put("Database/tofu/main.tf", "# main\n", 0600);
	put("Database/tofu/sub/run.sh", "#!/bin/sh\n", 0700);
	put("Database/tofu/.terraform.lock.hcl", "# lock\n", 0644);
	put("Database/tofu/.terraform/providers/x", "not part of it", 0644);
	put("README.md", "no kind", 0644);
	put("notes/text", "no kind either", 0644);
	return 0;
}

static int remove_catalog(void **state)
{
	(void)state;
	return rm_rf(scratch);
}

static struct catalog *load(void)
{
	char *const folders[] = {scratch};
	struct catalog *catalog = NULL;
	struct error *err = NULL;
	if (catalog_load(folders, 1, &catalog, &err) < 0)
		fail_msg("%s", err->message);
	return catalog;
}

static void assert_load_fails(enum error_code code, const char *message)
{
	char *const folders[] = {scratch};
	struct catalog *catalog = NULL;
	_cleanup_error_ struct error *err = NULL;
	assert_int_equal(catalog_load(folders, 1, &catalog, &err), -(int)code);
	assert_null(catalog);
	if (!strstr(err->message, message))
		fail_msg("\"%s\" says nothing of \"%s\"", err->message, message);
}

static void lookups(void **state)
{
	(void)state;
	_cleanup_catalog_ struct catalog *catalog = load();
	const struct cloud_resource_kind *kind = NULL;
	assert_int_equal(catalog_kind_find(catalog, "Database", &kind, NULL), 0);
	assert_string_equal(kind->api_version, "db.dev/v1");

	_cleanup_error_ struct error *err = NULL;
	assert_int_equal(catalog_kind_find(catalog, "DATABASE", &kind, &err), -ERROR_NOT_FOUND);
	assert_string_equal(err->message, "there is no kind DATABASE; did you mean Database?");
	assert_int_equal(catalog_kind_find(catalog, "Databse", &kind, &err), -ERROR_NOT_FOUND);
	assert_string_equal(err->message, "there is no kind Databse; did you mean Database?");

	const struct provider_type *type = NULL;
	assert_int_equal(catalog_provider_find(catalog, "pg", &type, NULL), 0);
	assert_string_equal(type->fields[0].env[0], "PGHOST");
	assert_int_equal(catalog_provider_find(catalog, "nothing-like-it", &type, &err),
			 -ERROR_NOT_FOUND);
	assert_string_equal(err->message, "there is no provider type nothing-like-it");

	const struct cloud_resource_kind *const *kinds;
	const struct provider_type *const *types;
	assert_int_equal(catalog_kind_list(catalog, &kinds), 1);
	assert_ptr_equal(kinds[0], kind);
	assert_int_equal(catalog_provider_list(catalog, &types), 1);
	assert_null(catalog_module_find(catalog, "Database", PROVISIONER_PULUMI));
	assert_null(catalog_module_find(catalog, "Nothing", PROVISIONER_TOFU));
}

static void assert_tar(const void *bytes, size_t size, const char *expected)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	struct archive *archive = archive_read_new();
	archive_read_support_format_tar(archive);
	assert_int_equal(archive_read_open_memory(archive, bytes, size), ARCHIVE_OK);
	for (struct archive_entry *entry;
	     archive_read_next_header(archive, &entry) == ARCHIVE_OK;) {
		char content[64] = "";
		assert_true(archive_read_data(archive, content, sizeof(content) - 1) >= 0);
		assert_int_equal(archive_entry_mtime(entry), 0);
		assert_int_equal(archive_entry_uid(entry), 0);
		const char *link = archive_entry_symlink(entry);
		strbuf_addf(&text, "%o %s%s%s %s", (unsigned)archive_entry_perm(entry),
			    archive_entry_pathname(entry), link ? " -> " : "", link ? link : "",
			    link ? "\n" : content);
	}
	archive_read_free(archive);
	assert_string_equal(text.data, expected);
}

static void modules_are_packed_the_same_everywhere(void **state)
{
	(void)state;
	_cleanup_free_ char *link = path_join(scratch, "Database/tofu/sub/link.tf", NULL);
	assert_int_equal(symlink("../main.tf", link), 0);
	_cleanup_catalog_ struct catalog *catalog = load();
	const struct catalog_module *module =
		catalog_module_find(catalog, "Database", PROVISIONER_TOFU);
	assert_int_equal(module->files, 4);

	const void *bytes, *again;
	size_t size;
	assert_int_equal(catalog_module_tar(catalog, module->digest, &bytes, &size, NULL), 0);
	assert_int_equal(catalog_module_tar(catalog, module->digest, &again, &size, NULL), 0);
	assert_ptr_equal(bytes, again);
	assert_tar(bytes, size,
		   "644 .terraform.lock.hcl # lock\n644 main.tf # main\n777 sub/link.tf -> "
		   "../main.tf \n755 sub/run.sh #!/bin/sh\n");

	/* Another time, another place, other bits of the mode that do not count. */
	_cleanup_free_ char *main_tf = path_join(scratch, "Database/tofu/main.tf", NULL);
	assert_int_equal(chmod(main_tf, 0664), 0);
	_cleanup_catalog_ struct catalog *second = load();
	const struct catalog_module *same =
		catalog_module_find(second, "Database", PROVISIONER_TOFU);
	assert_string_equal(same->digest, module->digest);
	size_t second_size;
	assert_int_equal(catalog_module_tar(second, same->digest, &again, &second_size, NULL), 0);
	assert_int_equal(second_size, size);
	assert_memory_equal(again, bytes, size);

	assert_int_equal(chmod(main_tf, 0755), 0);
	_cleanup_catalog_ struct catalog *third = load();
	assert_string_not_equal(catalog_module_find(third, "Database", PROVISIONER_TOFU)->digest,
				module->digest);
}

static void a_module_that_changed_is_not_served(void **state)
{
	(void)state;
	_cleanup_catalog_ struct catalog *catalog = load();
	const struct catalog_module *module =
		catalog_module_find(catalog, "Database", PROVISIONER_TOFU);
	put("Database/tofu/main.tf", "# other\n", 0644);
	const void *bytes;
	size_t size;
	_cleanup_error_ struct error *err = NULL;
	assert_int_equal(catalog_module_tar(catalog, module->digest, &bytes, &size, &err),
			 -ERROR_CONFLICT);
	assert_non_null(err->hint);
	assert_int_equal(catalog_module_tar(catalog, "0123", &bytes, &size, &err),
			 -ERROR_NOT_FOUND);
}

static void later_folders_win(void **state)
{
	(void)state;
	put("more/Database/kind.yaml", KIND_HEAD "Database\nspec:\n  group: other.dev" KIND_SPEC,
	    0644);
	put("more/Database/tofu/main.tf", "# x\n", 0644);
	_cleanup_free_ char *more = path_join(scratch, "more", NULL);
	char *const folders[] = {scratch, more, more};
	struct catalog *broken = NULL;
	assert_true(catalog_load(folders, 2, &broken, NULL) < 0);

	put("more/Database/kind.yaml",
	    KIND_HEAD "Database\nspec:\n  group: other.dev\n  version: v2\n  provisioner: tofu\n  "
		      "modules: {tofu: {directory: tofu}}\n  schema: {}\n",
	    0644);
	struct catalog *catalog = NULL;
	assert_int_equal(catalog_load(folders, 3, &catalog, NULL), 0);
	const struct cloud_resource_kind *kind;
	assert_int_equal(catalog_kind_find(catalog, "Database", &kind, NULL), 0);
	assert_string_equal(kind->api_version, "other.dev/v2");
	catalog_free(catalog);
}

static void errors_name_file_and_line(void **state)
{
	(void)state;
	put("Database/kind.yaml", KIND_HEAD "Database" KIND_SPEC "    pattrn: x\n", 0644);
	assert_load_fails(
		ERROR_INVALID_ARGUMENT,
		"Database/kind.yaml:15: schema: pattrn is a keyword that is not supported");
	put("Database/kind.yaml", KIND_HEAD "Other" KIND_SPEC, 0644);
	assert_load_fails(
		ERROR_INVALID_ARGUMENT,
		"Database/kind.yaml:4: metadata.name is Other in a folder named Database");
	put("Database/kind.yaml", "a: [\n", 0644);
	assert_load_fails(ERROR_INVALID_ARGUMENT, "Database/kind.yaml: line 2");
	put("Database/kind.yaml", KIND_HEAD "Database" KIND_SPEC, 0644);
	put("providers/pg.yaml",
	    "apiVersion: catalog.planton.dev/v1\nkind: ProviderType\nmetadata: {name: pg}\nspec: "
	    "{}\n",
	    0644);
	assert_load_fails(ERROR_INVALID_ARGUMENT,
			  "providers/pg.yaml:4: spec.fields must be a list");
	_cleanup_free_ char *provider = path_join(scratch, "providers/pg.yaml", NULL);
	assert_int_equal(unlink(provider), 0);
	assert_load_fails(ERROR_INVALID_ARGUMENT,
			  "Database/kind.yaml:8: there is no provider type pg");
}

static void hostile_modules(void **state)
{
	(void)state;
	_cleanup_free_ char *link = path_join(scratch, "Database/tofu/out", NULL);
	static const char *const targets[] = {"/etc/passwd", "../kind.yaml", "nowhere", "..",
					      "out"};
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		assert_int_equal(symlink(targets[i], link), 0);
		assert_load_fails(
			ERROR_INVALID_ARGUMENT,
			"out is a symbolic link that leads out of the module, or nowhere");
		assert_int_equal(unlink(link), 0);
	}
	assert_int_equal(mkfifo(link, 0600), 0);
	assert_load_fails(ERROR_INVALID_ARGUMENT, "out is neither a file nor a folder");
	assert_int_equal(unlink(link), 0);

	put("Database/tofu/large", "", 0644);
	_cleanup_free_ char *large = path_join(scratch, "Database/tofu/large", NULL);
	assert_int_equal(truncate(large, (off_t)MODULE_MAX_BYTES + 1), 0);
	assert_load_fails(ERROR_TOO_LARGE, "more than 16777216 bytes");
	assert_int_equal(unlink(large), 0);

	for (int i = 0; i < MODULE_MAX_FILES; i++) {
		_cleanup_free_ char *path = xasprintf("%s/Database/tofu/f%d", scratch, i);
		assert_int_equal(symlink("main.tf", path), 0);
	}
	assert_load_fails(ERROR_TOO_LARGE, "more than 2000 files");
}

static void paths_of_modules(void **state)
{
	(void)state;
	put("Database/kind.yaml",
	    KIND_HEAD "Database\nspec:\n  group: g\n  version: v\n  provisioner: tofu\n  modules: "
		      "{tofu: {directory: ../x}}\n  schema: {}\n",
	    0644);
	assert_load_fails(ERROR_INVALID_ARGUMENT, "is not inside the kind's folder");
	put("Database/kind.yaml",
	    KIND_HEAD "Database\nspec:\n  group: g\n  version: v\n  provisioner: tofu\n  modules: "
		      "{tofu: {directory: absent}}\n  schema: {}\n",
	    0644);
	assert_load_fails(ERROR_NOT_FOUND, "absent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lookups, make_catalog, remove_catalog),
		cmocka_unit_test_setup_teardown(modules_are_packed_the_same_everywhere,
						make_catalog, remove_catalog),
		cmocka_unit_test_setup_teardown(a_module_that_changed_is_not_served, make_catalog,
						remove_catalog),
		cmocka_unit_test_setup_teardown(later_folders_win, make_catalog, remove_catalog),
		cmocka_unit_test_setup_teardown(errors_name_file_and_line, make_catalog,
						remove_catalog),
		cmocka_unit_test_setup_teardown(hostile_modules, make_catalog, remove_catalog),
		cmocka_unit_test_setup_teardown(paths_of_modules, make_catalog, remove_catalog),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
