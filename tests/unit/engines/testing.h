/* What every test of engines/ includes: cmocka with what it needs, and JSON written with single
 * quotes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "engines/engine.h"

__attribute__((unused)) static json_t *json(const char *text)
{
	_cleanup_free_ char *quoted = xstrdup(text);
	for (char *c = quoted; *c; c++)
		if (*c == '\'')
			*c = '"';
	json_error_t problem;
	json_t *value = json_loads(quoted, JSON_DECODE_ANY, &problem);
	if (!value)
		fail_msg("%s: %s", text, problem.text);
	return value;
}

/* Takes value over. */
__attribute__((unused)) static void assert_json(json_t *value, const char *expected)
{
	json_t *wanted = json(expected);
	_cleanup_free_ char *a = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	_cleanup_free_ char *b =
		json_dumps(wanted, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	assert_non_null(a);
	assert_string_equal(a, b);
	json_decref(value);
	json_decref(wanted);
}
