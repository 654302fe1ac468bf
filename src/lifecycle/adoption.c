/* Advice about what a lost change left behind. */
#include "lifecycle/adoption.h"

#include <stddef.h>

#include "base/alloc.h"
#include "base/strutil.h"

/* Resources without anything outside the state to import. */
static const char *const not_importable[] = {"random_password", "tls_", "local_", "terraform_data",
					     "time_"};

static bool has_import(const struct adoption_case *c)
{
	if (isempty(c->id_key) || isempty(c->id_value) || streq(c->id_value, "none"))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(not_importable); i++)
		if (startswith(c->type ? c->type : "", not_importable[i]))
			return false;
	return true;
}

bool adoption_is_outstanding(const struct adoption_case *c)
{
	/* Half made it would be in the state, too, if that was saved. */
	if (c->failed)
		return !c->in_state;
	if (!c->complete)
		return true;
	return !c->in_state && !streq(c->action, "delete");
}

char *adoption_advice(const struct adoption_case *c)
{
	if (c->failed)
		return xasprintf("%s of %s failed, and the state does not know what it left: look "
				 "whether it exists outside",
				 c->action, c->address);
	if (!c->complete)
		return xasprintf("%s of %s was begun and never reported complete: refresh, then "
				 "look whether it exists outside",
				 c->action, c->address);
	if (has_import(c))
		return xasprintf("import { to = %s  id = \"%s\" }", c->address, c->id_value);
	return xasprintf("no import exists for %s: the next update makes another one; remove the "
			 "first by hand if it exists outside",
			 isempty(c->type) ? c->address : c->type);
}
