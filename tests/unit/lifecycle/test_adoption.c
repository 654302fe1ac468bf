#include "testing.h"

#include <string.h>

#include "base/alloc.h"
#include "lifecycle/adoption.h"

static void expect(struct adoption_case c, bool outstanding, const char *advice)
{
	assert_int_equal(adoption_is_outstanding(&c), outstanding);
	_cleanup_free_ char *text = adoption_advice(&c);
	assert_non_null(strstr(text, advice));
}

static void what_is_outstanding_and_what_to_do(void **state)
{
	(void)state;
	struct adoption_case c = {.address = "postgresql_role.owner",
				  .type = "postgresql_role",
				  .action = "create",
				  .complete = true,
				  .id_key = "id",
				  .id_value = "orders"};
	expect(c, true, "import { to = postgresql_role.owner  id = \"orders\" }");
	c.in_state = true;
	expect(c, false, "");
	c.complete = false;
	expect(c, true, "never reported complete");
	c = (struct adoption_case){.address = "random_password.p",
				   .type = "random_password",
				   .action = "create",
				   .complete = true,
				   .id_key = "id",
				   .id_value = "none"};
	expect(c, true, "no import exists for random_password");
	c.id_value = "abc";
	expect(c, true, "no import exists for random_password");
	c = (struct adoption_case){
		.address = "x.y", .type = "x", .action = "create", .complete = true};
	expect(c, true, "no import exists for x");
	c.action = "delete";
	expect(c, false, "");
}

static void what_failed_is_outstanding_if_no_state_knows_it(void **state)
{
	(void)state;
	struct adoption_case c = {
		.address = "x.y", .type = "x", .action = "create", .failed = true};
	expect(c, true, "create of x.y failed, and the state does not know what it left");
	c.in_state = true;
	expect(c, false, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_outstanding_and_what_to_do),
		cmocka_unit_test(what_failed_is_outstanding_if_no_state_knows_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
