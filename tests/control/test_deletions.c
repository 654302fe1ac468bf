/* What may be deleted, what is in the way, and what remains. */
#include "documents.h"

#include <stdlib.h>

static void nothing_is_in_the_way(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row v = {0}, again = {0};
	applied(f, vault("v", "{'note': 'text'}"), APPLY_CREATED, &v);
	OK(try_delete(f, v.id, &(struct delete_options){.reason = "not needed"}, ERR));
	struct work *w = begin(f);
	struct version_row *versions = NULL;
	assert_int_equal(version_list(w->tx, v.id, NULL, 10, &versions, ERR), 2);
	assert_string_equal(versions[0].event, "deleted");
	assert_string_equal(versions[0].message, "not needed");
	assert_string_equal(versions[0].previous_id, v.version_id);
	assert_non_null(strstr(versions[0].diff, "-  note: text"));
	for (int i = 0; i < 2; i++)
		version_row_release(&versions[i]);
	free(versions);
	FAILS(ERROR_NOT_FOUND, resource_get(w->tx, v.id, &again, ERR));
	end(w);
	applied(f, vault("v", "{'note': 'text'}"), APPLY_CREATED, &again);
	assert_string_not_equal(again.id, v.id);
}

static void if_match_and_limits(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row v = {0};
	applied(f, vault("v", "{}"), APPLY_CREATED, &v);
	assert_error(try_delete(f, v.id, &(struct delete_options){.if_match = "ver_old"}, ERR),
		     ERROR_CONFLICT, "If-Match", v.version_id);
	char reason[3000];
	memset(reason, 'r', sizeof(reason) - 1);
	reason[sizeof(reason) - 1] = '\0';
	assert_error(try_delete(f, v.id, &(struct delete_options){.reason = reason}, ERR),
		     ERROR_TOO_LARGE, "reason", "limit is 2000");
	OK(try_delete(f, v.id, &(struct delete_options){.if_match = v.version_id}, ERR));
}

static void jobs_and_infrastructure(void **state)
{
	struct fixture *f = *state;
	const char *job_id, *id = apply(f, "p", "m", NULL, &job_id);
	struct runner *r = runner_new(f, "r", 1);
	assert_error(try_delete(f, id, NULL, ERR), ERROR_CONFLICT, NULL, job_id);
	run_job(r, job_id, 1, "t.a t.b");
	int refusal = try_delete(f, id, NULL, ERR);
	assert_non_null(strstr(test_error->hint, "purge"));
	assert_error(refusal, ERROR_CONFLICT, NULL, "its state still holds 2 resources");
	assert_error(try_delete(f, id, &(struct delete_options){.abandon = true}, ERR),
		     ERROR_INVALID_ARGUMENT, "reason", "needs a reason");
	OK(try_delete(f, id, &(struct delete_options){.abandon = true, .reason = "moved"}, ERR));
	struct work *w = begin(f);
	char *bytes = NULL;
	size_t size;
	OK(state_read(w, id, NULL, &bytes, &size, ERR));
	assert_non_null(bytes);
	free(bytes);
	end(w);

	const char *destroyed = apply(f, "d", "m", NULL, &job_id);
	run_job(r, job_id, 1, "t.a");
	run_job(r, create_job(f, destroyed, JOB_DESTROY), 2, "");
	OK(try_delete(f, destroyed, NULL, ERR));
	runner_free(r);
}

static void changes_that_ended_in_the_dark(void **state)
{
	struct fixture *f = *state;
	const char *job_id, *id = apply(f, "p", "m", NULL, &job_id);
	cancel(f, job_id, false);
	struct work *w = begin(f);
	OK(resource_status_set(
		w, id, "held",
		document("{'kind': 'needs_refresh', 'runner': 'rnr_1', 'job': '%s', 'epoch': 1}",
			 job_id),
		ERR));
	end(w);
	assert_error(try_delete(f, id, NULL, ERR), ERROR_CONFLICT, NULL, "lost its runner");
	w = begin(f);
	OK(resource_status_set(w, id, "held", NULL, ERR));
	const struct adoption_row lost = {.job_id = (char *)job_id,
					  .resource_id = (char *)id,
					  .address = (char *)"t.a",
					  .type = (char *)"t",
					  .action = (char *)"create",
					  .advice = (char *)"look"};
	OK(adoption_put(w->tx, &lost, ERR));
	end(w);
	assert_error(try_delete(f, id, NULL, ERR), ERROR_CONFLICT, NULL,
		     "1 objects on its adoption list");
	OK(try_delete(f, id, &(struct delete_options){.abandon = true, .reason = "by hand"}, ERR));
}

static void what_others_take_values_from(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row source = {0}, user = {0}, other = {0};
	applied(f, plain("Environment", "prod", "{}"), APPLY_CREATED, NULL);
	applied(f, vault("source", "{}"), APPLY_CREATED, &source);
	applied(f,
		vault("user", "{'peer': {'valueFrom': {'kind': 'Vault', 'name': 'source', "
			      "'fieldPath': 'x'}}}"),
		APPLY_CREATED, &user);
	json_t *m =
		vault("other",
		      "{'peer': {'valueFrom': {'kind': 'Vault', 'env': 'dev', 'name': 'source'}}}");
	json_set_string(json_get(m, "metadata"), "env", "prod");
	applied(f, m, APPLY_CREATED, &other);
	assert_error(try_delete(f, source.id, NULL, ERR), ERROR_CONFLICT, NULL,
		     "Vault/user in dev takes a value from it");
	OK(try_delete(f, user.id, NULL, ERR));
	assert_error(try_delete(f, source.id, NULL, ERR), ERROR_CONFLICT, NULL,
		     "Vault/other in prod");
	applied(f, vault("mine", "{'note': 'valueFrom Vault source'}"), APPLY_CREATED, NULL);
	OK(try_delete(f, other.id, NULL, ERR));
	OK(try_delete(f, source.id, NULL, ERR));
}

static void containers_and_connections(void **state)
{
	struct fixture *f = *state;
	_cleanup_resource_ struct resource_row env = {0}, org = {0}, connection = {0}, v = {0};
	applied(f, plain("Environment", "qa", "{}"), APPLY_CREATED, &env);
	applied(f, plain("Organization", "acme", "{}"), APPLY_CREATED, &org);
	applied(f,
		plain("Connection", "pg",
		      "{'provider': 'postgresql', 'fields': {'host': 'h', 'user': 'u'}}"),
		APPLY_CREATED, &connection);
	json_t *m = vault("v", "{}");
	json_set_string(json_get(m, "metadata"), "env", "qa");
	json_object_set_new(m, "placement", document("{'connection': 'pg'}"));
	applied(f, m, APPLY_CREATED, &v);
	m = plain("Environment", "dev", "{}");
	json_set_string(json_get(m, "metadata"), "org", "acme");
	applied(f, m, APPLY_CREATED, NULL);

	assert_error(try_delete(f, env.id, NULL, ERR), ERROR_CONFLICT, NULL, "Vault v is in it");
	assert_error(try_delete(f, org.id, NULL, ERR), ERROR_CONFLICT, NULL,
		     "Environment dev is in it");
	assert_error(try_delete(f, connection.id, NULL, ERR), ERROR_CONFLICT, NULL,
		     "used by Vault/v in qa");
	m = vault("v", "{'note': 'x'}");
	json_set_string(json_get(m, "metadata"), "env", "qa");
	applied(f, m, APPLY_UPDATED, NULL);
	struct work *w = begin(f);
	OK(resource_status_set(w, v.id, "pinned", document("{'connection': '%s'}", connection.id),
			       ERR));
	end(w);
	assert_error(try_delete(f, connection.id, NULL, ERR), ERROR_CONFLICT, NULL,
		     "used by Vault/v in qa");
	OK(try_delete(f, v.id, NULL, ERR));
	OK(try_delete(f, connection.id, NULL, ERR));
	OK(try_delete(f, env.id, NULL, ERR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONTROL_TEST(nothing_is_in_the_way),
		CONTROL_TEST(if_match_and_limits),
		CONTROL_TEST(jobs_and_infrastructure),
		CONTROL_TEST(changes_that_ended_in_the_dark),
		CONTROL_TEST(what_others_take_values_from),
		CONTROL_TEST(containers_and_connections),
	};
	return cmocka_run_group_tests_name("deletions", tests, NULL, NULL);
}
