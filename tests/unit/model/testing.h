/* What every test of model/ includes: cmocka with what it needs, and JSON written with single
 * quotes. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/issue.h"
#include "model/json.h"

/* JSON in which ' stands for ". */
__attribute__((unused)) static json_t *json(const char *text)
{
	_cleanup_free_ char *quoted = xstrdup(text);
	for (char *c = quoted; *c; c++)
		if (*c == '\'')
			*c = '"';
	json_t *value = NULL;
	struct error *err = NULL;
	if (json_parse(quoted, strlen(quoted), JSON_DEFAULT_MAX_SIZE, &value, &err) < 0)
		fail_msg("%s: %s", text, err->message);
	return value;
}

__attribute__((unused)) static void assert_json(const json_t *value, const char *expected)
{
	_cleanup_json_ json_t *wanted = json(expected);
	_cleanup_free_ char *a = json_to_canonical(value);
	_cleanup_free_ char *b = json_to_canonical(wanted);
	assert_string_equal(a, b);
}

/* The findings, one a line. */
__attribute__((unused)) static void assert_issues(const struct issues *issues, const char *expected)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	for (size_t i = 0; i < issues->count; i++)
		strbuf_addf(&text, "%s: %s\n", issues->items[i].pointer, issues->items[i].message);
	assert_string_equal(text.data, expected);
}
