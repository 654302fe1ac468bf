/*
 * The four essentials of a job, resolved from candidates that the caller found: for each essential
 * a table of rules is tried in order and the first that has a candidate wins whole. A candidate may
 * be there and still not do (named but missing, forbidden); then it is a gap, and no later rule is
 * tried. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/alloc.h"
#include "model/enums.h"

enum essential {
	ESSENTIAL_IAC_MODULE,
	ESSENTIAL_PROVIDER_CREDENTIALS,
	ESSENTIAL_STATE_BACKEND,
	ESSENTIAL_FLOW_CONTROL_POLICY,
	_ESSENTIAL_MAX,
	_ESSENTIAL_INVALID = -1,
};
const char *essential_to_string(enum essential e);

/* Rules of all essentials; which of them an essential has, and in which order, is a table in
 * essentials.c. */
enum essential_rule {
	RULE_PINNED,	      /* by the first job of the resource */
	RULE_RESOURCE,	      /* on the resource itself */
	RULE_RESOURCE_POLICY, /* a policy that selects the resource */
	RULE_ENVIRONMENT,
	RULE_ORGANIZATION,
	RULE_PLATFORM,
	RULE_NOT_NEEDED,
	_RULE_MAX,
	_RULE_INVALID = -1,
};
const char *essential_rule_to_string(enum essential_rule rule);

struct essential_candidate {
	enum essential essential;
	enum essential_rule rule;
	const char *detail; /* what it is, for people */
	const char *gap;    /* NULL: it does. Else why it does not, naming it and what to do */
};

struct essential_row {
	bool ok;
	enum essential_rule rule; /* _RULE_INVALID when none matched */
	size_t candidate;	  /* index into the candidates, when a rule matched */
	char *detail;
	char **missing;
};

struct essentials_report {
	bool ok;
	struct essential_row rows[_ESSENTIAL_MAX];
};
void essentials_report_release(struct essentials_report *r);
#define _cleanup_essentials_report_ _cleanup_(essentials_report_release)

/* no_candidate[e]: the gap when no rule of e has a candidate. */
void essentials_resolve(const struct essential_candidate *candidates, size_t count,
			const char *const no_candidate[_ESSENTIAL_MAX],
			struct essentials_report *ret);

/* {ok, rows: [{essential, ok, rule, detail, missing}]} */
json_t *essentials_report_to_json(const struct essentials_report *r);
/* "Nothing ran: <gap>; <gap>"; caller frees. */
char *essentials_report_gaps(const struct essentials_report *r);

/* The provisioner is settled before anything else: the label, then the kind's default. _INVALID
 * means absent. */
enum provisioner essentials_provisioner(enum provisioner label, enum provisioner kind_default);
