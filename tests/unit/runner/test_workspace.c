#include "testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/fileutil.h"
#include "base/strutil.h"
#include "base/tree.h"
#include "runner/workspace.h"

static char root[] = "/tmp/planton-test-workspace-XXXXXX";

static void folders(void **state)
{
	(void)state;
	struct workspace workspace;
	struct stat st;
	workspace_init(&workspace, root, "sj_1");
	assert_int_equal(workspace_make(&workspace, "me", NULL), 0);
	assert_int_equal(stat(workspace.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	_cleanup_free_ char *left = path_join(workspace.path, "left", NULL);
	assert_int_equal(mkdir_p(left, 0700), 0);
	assert_int_equal(workspace_make(&workspace, "me", NULL), 0);
	assert_int_not_equal(access(left, F_OK), 0);

	assert_null(workspace_ready(&workspace));
	assert_int_equal(workspace_set_ready(&workspace, "key", NULL), 0);
	_cleanup_free_ char *key = workspace_ready(&workspace);
	assert_string_equal(key, "key");
	workspace_remove(&workspace);
	assert_int_not_equal(access(workspace.path, F_OK), 0);
	workspace_release(&workspace);
}

static void sockets_fit_into_the_temporary_folder(void **state)
{
	(void)state;
	_cleanup_free_ char *deep = path_join(root, "a-folder-with-a-long-name",
					      "and-another-one-with-a-long-name", NULL);
	struct workspace workspace;
	assert_int_equal(mkdir_p(deep, 0700), 0);
	workspace_init(&workspace, deep, "sj_2");
	assert_non_null(workspace.tmp_link);
	assert_true(strlen(workspace.tmp_link) < 40);
	assert_int_equal(workspace_make(&workspace, "me", NULL), 0);
	_cleanup_free_ char *through = realpath(workspace.tmp_link, NULL);
	assert_string_equal(through, workspace.tmp);
	/* Made again in the place of the old one. */
	assert_int_equal(workspace_make(&workspace, "me", NULL), 0);
	workspace_remove(&workspace);
	struct stat st;
	assert_int_not_equal(lstat(workspace.tmp_link, &st), 0);
	workspace_release(&workspace);
}

static void credential_files(void **state)
{
	(void)state;
	struct workspace workspace;
	workspace_init(&workspace, root, "sj_3");
	assert_int_equal(workspace_make(&workspace, "me", NULL), 0);
	json_t *secrets = json("{'env':{'A':'1'},'files':[{'env':['KUBECONFIG','KUBE_CONFIG_PATH'],"
			       "'name':'kube','content':'text'},"
			       "{'env':'ONE','name':'one','content':''}]}");
	json_t *env;
	assert_int_equal(workspace_write_files(&workspace, secrets, &env, NULL), 0);
	const char *path = json_string_value(json_object_get(env, "KUBECONFIG"));
	assert_string_equal(path, json_string_value(json_object_get(env, "KUBE_CONFIG_PATH")));
	assert_non_null(json_object_get(env, "ONE"));
	assert_string_equal(json_string_value(json_object_get(env, "A")), "1");
	_cleanup_free_ char *text = NULL;
	assert_int_equal(read_file(path, 100, &text, NULL), 0);
	assert_string_equal(text, "text");
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	json_decref(env);
	json_decref(secrets);

	secrets = json("{'files':[{'env':'X','name':'../escape','content':'x'}]}");
	_cleanup_error_ struct error *error = NULL;
	assert_true(workspace_write_files(&workspace, secrets, &env, &error) < 0);
	json_decref(secrets);
	workspace_remove(&workspace);
	workspace_release(&workspace);
}

/* What an engine may leave in its folders must neither be followed nor stop the runner. */
static void traps_of_an_engine(void **state)
{
	(void)state;
	struct workspace workspace;
	workspace_init(&workspace, root, "sj_4");
	assert_int_equal(workspace_make(&workspace, "me", NULL), 0);
	assert_int_equal(mkdir_p(workspace.module, 0700), 0);
	_cleanup_free_ char *victim = path_join(root, "victim", NULL);
	assert_int_equal(write_file_atomic(victim, "precious", 8, 0600), 0);
	_cleanup_free_ char *credential = path_join(workspace.files, "kube", NULL);
	_cleanup_free_ char *other = path_join(workspace.files, "one", NULL);
	_cleanup_free_ char *third = path_join(workspace.files, "two", NULL);
	_cleanup_free_ char *state_file = path_join(workspace.module, "errored.tfstate", NULL);
	_cleanup_free_ char *lock = path_join(workspace.module, "lock", NULL);
	assert_int_equal(mkfifo(credential, 0600), 0);
	assert_int_equal(symlink(victim, other), 0);
	assert_int_equal(mkdir_p(third, 0700), 0);
	assert_int_equal(symlink(victim, state_file), 0);
	assert_int_equal(mkfifo(lock, 0600), 0);

	json_t *secrets = json("{'files':[{'env':'A','name':'kube','content':'new'},"
			       "{'env':'B','name':'one','content':'new'},"
			       "{'env':'C','name':'two','content':'new'}]}");
	json_t *env;
	assert_int_equal(workspace_write_files(&workspace, secrets, &env, NULL), 0);
	json_decref(env);
	json_decref(secrets);
	const char *const written[] = {credential, other, third};
	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		_cleanup_free_ char *text = NULL;
		assert_int_equal(read_file(written[i], 100, &text, NULL), 0);
		assert_string_equal(text, "new");
	}
	_cleanup_free_ char *kept = NULL;
	assert_int_equal(read_file(victim, 100, &kept, NULL), 0);
	assert_string_equal(kept, "precious");

	char *none = NULL;
	assert_true(workspace_read(&workspace, "errored.tfstate", 100, &none, NULL) < 0);
	assert_true(workspace_read(&workspace, "lock", 100, &none, NULL) < 0);
	/* The module's folder replaced by a link. */
	_cleanup_free_ char *moved = path_join(workspace.tmp, "moved", NULL);
	_cleanup_free_ char *plan = path_join(workspace.module, "plan", NULL);
	assert_int_equal(write_file_atomic(plan, "plan", 4, 0600), 0);
	_cleanup_free_ char *text = NULL;
	assert_int_equal(workspace_read(&workspace, "plan", 100, &text, NULL), 0);
	assert_int_equal(rename(workspace.module, moved), 0);
	assert_int_equal(symlink(moved, workspace.module), 0);
	assert_true(workspace_read(&workspace, "plan", 100, &none, NULL) < 0);
	assert_null(none);
	workspace_remove(&workspace);
	workspace_release(&workspace);
}

static bool held(const char *job_id, void *userdata)
{
	return streq(job_id, userdata);
}

static void sweeping(void **state)
{
	(void)state;
	static const struct {
		const char *job, *owner;
		bool stays;
	} cases[] = {
		{"sj_held", "me", true}, {"sj_old", "me", false}, {"sj_other", "somebody", true}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct workspace workspace;
		workspace_init(&workspace, root, cases[i].job);
		assert_int_equal(workspace_make(&workspace, cases[i].owner, NULL), 0);
		workspace_release(&workspace);
	}
	_cleanup_free_ char *foreign = path_join(root, "not-a-workspace", NULL);
	assert_int_equal(mkdir_p(foreign, 0700), 0);
	workspace_sweep(root, "me", held, (void *)"sj_held");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *path = path_join(root, cases[i].job, NULL);
		assert_int_equal(access(path, F_OK) == 0, cases[i].stays);
	}
	assert_int_equal(access(foreign, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders),
		cmocka_unit_test(sockets_fit_into_the_temporary_folder),
		cmocka_unit_test(credential_files),
		cmocka_unit_test(traps_of_an_engine),
		cmocka_unit_test(sweeping),
	};
	if (!mkdtemp(root))
		return 1;
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	rm_rf(root);
	return r;
}
