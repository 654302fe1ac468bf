/* What to do about resources that a lost change left behind. Pure. */
#pragma once

#include <stdbool.h>

struct adoption_case {
	const char *address, *type, *action; /* action: create | update | delete | replace */
	bool complete, failed;		     /* reported so; neither: begun, and no word since */
	bool in_state;			     /* the newest saved state has the address */
	const char *id_key, *id_value; /* of the engine's report; NULL or "" when it gave none */
};

/* Is it something that the next plan would not find out by itself? */
bool adoption_is_outstanding(const struct adoption_case *c);
/* For people. Caller frees. */
char *adoption_advice(const struct adoption_case *c);
