/* What every test of runner/ includes: cmocka with what it needs, and JSON written with single
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

#include "base/alloc.h"
#include "base/strbuf.h"

__attribute__((unused)) static char *quoted(const char *text)
{
	char *copy = xstrdup(text);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	return copy;
}

__attribute__((unused)) static json_t *json(const char *text)
{
	_cleanup_free_ char *copy = quoted(text);
	json_error_t problem;
	json_t *value = json_loads(copy, JSON_DECODE_ANY, &problem);
	if (!value)
		fail_msg("%s: %s", text, problem.text);
	return value;
}
