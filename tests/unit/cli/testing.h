/* What every test of cli/ includes: cmocka with what it needs, and JSON written with single quotes.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/strbuf.h"
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
