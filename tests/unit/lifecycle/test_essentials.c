#include "testing.h"

#include <string.h>

#include "base/alloc.h"
#include "base/strv.h"
#include "lifecycle/essentials.h"
#include "model/json.h"

static const char *const none[_ESSENTIAL_MAX] = {"no module", "no connection", "no backend",
						 "no policy"};

static const struct essential_candidate complete[] = {
	{ESSENTIAL_IAC_MODULE, RULE_PLATFORM, "platform module", NULL},
	{ESSENTIAL_PROVIDER_CREDENTIALS, RULE_NOT_NEEDED, "none needed", NULL},
	{ESSENTIAL_STATE_BACKEND, RULE_PLATFORM, "platform-managed", NULL},
	{ESSENTIAL_FLOW_CONTROL_POLICY, RULE_PLATFORM, "default", NULL},
};

static void everything_is_there(void **state)
{
	(void)state;
	_cleanup_essentials_report_ struct essentials_report r;
	essentials_resolve(complete, ARRAY_SIZE(complete), none, &r);
	assert_true(r.ok);
	for (enum essential e = 0; e < _ESSENTIAL_MAX; e++) {
		assert_true(r.rows[e].ok);
		assert_int_equal(r.rows[e].candidate, e);
		assert_null(r.rows[e].missing);
	}
	_cleanup_json_ json_t *json = essentials_report_to_json(&r);
	assert_true(json_get_bool(json, "ok", false));
	const json_t *row = json_array_get(json_object_get(json, "rows"), 1);
	assert_string_equal(json_get_str(row, "essential"), "provider_credentials");
	assert_string_equal(json_get_str(row, "rule"), "not_needed");
}

static void all_gaps_are_named(void **state)
{
	(void)state;
	_cleanup_essentials_report_ struct essentials_report r;
	essentials_resolve(NULL, 0, none, &r);
	assert_false(r.ok);
	_cleanup_free_ char *gaps = essentials_report_gaps(&r);
	assert_string_equal(gaps, "Nothing ran: no module; no connection; no backend; no policy");
	_cleanup_json_ json_t *json = essentials_report_to_json(&r);
	const json_t *row = json_array_get(json_object_get(json, "rows"), 0);
	assert_true(json_is_null(json_object_get(row, "rule")));
	assert_int_equal(json_array_size(json_object_get(row, "missing")), 1);
}

/* The more specific rule wins whatever the order of the candidates, also when what it names does
 * not do. */
static void the_first_rule_wins_whole(void **state)
{
	(void)state;
	const struct essential_candidate candidates[] = {
		{ESSENTIAL_PROVIDER_CREDENTIALS, RULE_ORGANIZATION, "org default", NULL},
		{ESSENTIAL_PROVIDER_CREDENTIALS, RULE_RESOURCE, "named",
		 "connection x does not exist"},
		{ESSENTIAL_FLOW_CONTROL_POLICY, RULE_PLATFORM, "default", NULL},
		{ESSENTIAL_FLOW_CONTROL_POLICY, RULE_RESOURCE, "inline", NULL},
		{ESSENTIAL_IAC_MODULE, RULE_PLATFORM, "m", NULL},
		{ESSENTIAL_STATE_BACKEND, RULE_PLATFORM, "b", NULL},
	};
	_cleanup_essentials_report_ struct essentials_report r;
	essentials_resolve(candidates, ARRAY_SIZE(candidates), none, &r);
	assert_false(r.ok);
	assert_false(r.rows[ESSENTIAL_PROVIDER_CREDENTIALS].ok);
	assert_int_equal(r.rows[ESSENTIAL_PROVIDER_CREDENTIALS].candidate, 1);
	assert_int_equal(r.rows[ESSENTIAL_FLOW_CONTROL_POLICY].candidate, 3);
	_cleanup_free_ char *gaps = essentials_report_gaps(&r);
	assert_string_equal(gaps, "Nothing ran: connection x does not exist");
}

static void a_rule_of_another_essential_is_none(void **state)
{
	(void)state;
	const struct essential_candidate wrong = {ESSENTIAL_IAC_MODULE, RULE_ENVIRONMENT, "m",
						  NULL};
	_cleanup_essentials_report_ struct essentials_report r;
	essentials_resolve(&wrong, 1, none, &r);
	assert_int_equal(r.rows[ESSENTIAL_IAC_MODULE].rule, _RULE_INVALID);
}

static void every_name(void **state)
{
	(void)state;
	for (enum essential e = 0; e < _ESSENTIAL_MAX; e++)
		assert_non_null(essential_to_string(e));
	for (enum essential_rule rule = 0; rule < _RULE_MAX; rule++)
		assert_non_null(essential_rule_to_string(rule));
	assert_int_equal(essentials_provisioner(_PROVISIONER_INVALID, PROVISIONER_TOFU),
			 PROVISIONER_TOFU);
	assert_int_equal(essentials_provisioner(PROVISIONER_PULUMI, PROVISIONER_TOFU),
			 PROVISIONER_PULUMI);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_there),
		cmocka_unit_test(all_gaps_are_named),
		cmocka_unit_test(the_first_rule_wins_whole),
		cmocka_unit_test(a_rule_of_another_essential_is_none),
		cmocka_unit_test(every_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
