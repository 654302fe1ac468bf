/* What every test of base/ includes: cmocka with what it needs, and a scratch folder. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/tree.h"

static char scratch[sizeof("/tmp/planton-test-XXXXXX")];

__attribute__((unused)) static int make_scratch(void **state)
{
	(void)state;
	static const char template[] = "/tmp/planton-test-XXXXXX";
	for (size_t i = 0; i < sizeof(template); i++)
		scratch[i] = template[i];
	return mkdtemp(scratch) ? 0 : -1;
}

__attribute__((unused)) static int remove_scratch(void **state)
{
	(void)state;
	return rm_rf(scratch);
}
