/* One resolver for the four essentials. */
#include "lifecycle/essentials.h"

#include "base/strbuf.h"
#include "base/strv.h"
#include "model/json.h"

static const char *const essential_names[_ESSENTIAL_MAX] = {
	[ESSENTIAL_IAC_MODULE] = "iac_module",
	[ESSENTIAL_PROVIDER_CREDENTIALS] = "provider_credentials",
	[ESSENTIAL_STATE_BACKEND] = "state_backend",
	[ESSENTIAL_FLOW_CONTROL_POLICY] = "flow_control_policy",
};

static const char *const rule_names[_RULE_MAX] = {
	[RULE_PINNED] = "pinned",
	[RULE_RESOURCE] = "resource",
	[RULE_RESOURCE_POLICY] = "resource_policy",
	[RULE_ENVIRONMENT] = "environment",
	[RULE_ORGANIZATION] = "organization",
	[RULE_PLATFORM] = "platform",
	[RULE_NOT_NEEDED] = "not_needed",
};

#define RULES_MAX 6

static const struct {
	enum essential_rule rules[RULES_MAX];
	size_t count;
} tables[_ESSENTIAL_MAX] = {
	[ESSENTIAL_IAC_MODULE] = {{RULE_RESOURCE, RULE_ORGANIZATION, RULE_PLATFORM}, 3},
	[ESSENTIAL_PROVIDER_CREDENTIALS] = {{RULE_NOT_NEEDED, RULE_RESOURCE, RULE_ENVIRONMENT,
					     RULE_ORGANIZATION},
					    4},
	[ESSENTIAL_STATE_BACKEND] = {{RULE_PINNED, RULE_ORGANIZATION, RULE_PLATFORM}, 3},
	[ESSENTIAL_FLOW_CONTROL_POLICY] = {{RULE_RESOURCE, RULE_RESOURCE_POLICY, RULE_ENVIRONMENT,
					    RULE_ORGANIZATION, RULE_PLATFORM},
					   5},
};

const char *essential_to_string(enum essential e)
{
	return essential_names[e];
}

const char *essential_rule_to_string(enum essential_rule rule)
{
	return rule_names[rule];
}

static void resolve_one(enum essential e, const struct essential_candidate *candidates,
			size_t count, const char *no_candidate, struct essential_row *row)
{
	*row = (struct essential_row){.rule = _RULE_INVALID};
	for (size_t r = 0; r < tables[e].count; r++)
		for (size_t i = 0; i < count; i++) {
			const struct essential_candidate *c = &candidates[i];
			if (c->essential != e || c->rule != tables[e].rules[r])
				continue;
			row->rule = c->rule;
			row->candidate = i;
			row->detail = xstrdup_null(c->detail);
			row->ok = !c->gap;
			if (c->gap)
				strv_add(&row->missing, c->gap);
			return;
		}
	strv_add(&row->missing, no_candidate);
}

void essentials_resolve(const struct essential_candidate *candidates, size_t count,
			const char *const no_candidate[_ESSENTIAL_MAX],
			struct essentials_report *ret)
{
	ret->ok = true;
	for (enum essential e = 0; e < _ESSENTIAL_MAX; e++) {
		resolve_one(e, candidates, count, no_candidate[e], &ret->rows[e]);
		ret->ok = ret->ok && ret->rows[e].ok;
	}
}

void essentials_report_release(struct essentials_report *r)
{
	for (enum essential e = 0; e < _ESSENTIAL_MAX; e++) {
		free(r->rows[e].detail);
		strv_free(r->rows[e].missing);
	}
	*r = (struct essentials_report){0};
}

json_t *essentials_report_to_json(const struct essentials_report *r)
{
	json_t *rows = json_new_array();
	for (enum essential e = 0; e < _ESSENTIAL_MAX; e++) {
		const struct essential_row *from = &r->rows[e];
		json_t *missing = json_new_array();
		for (char **gap = from->missing; gap && *gap; gap++)
			json_append_value(missing, json_new_string(*gap));
		json_t *row = json_new_object();
		json_set_string(row, "essential", essential_names[e]);
		json_set_bool(row, "ok", from->ok);
		json_set_string_or_null(
			row, "rule", from->rule == _RULE_INVALID ? NULL : rule_names[from->rule]);
		json_set_string_or_null(row, "detail", from->detail);
		json_set_value(row, "missing", missing);
		json_append_value(rows, row);
	}
	json_t *report = json_new_object();
	json_set_bool(report, "ok", r->ok);
	json_set_value(report, "rows", rows);
	return report;
}

char *essentials_report_gaps(const struct essentials_report *r)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	const char *separator = "Nothing ran: ";
	for (enum essential e = 0; e < _ESSENTIAL_MAX; e++)
		for (char **gap = r->rows[e].missing; gap && *gap; gap++) {
			strbuf_addf(&text, "%s%s", separator, *gap);
			separator = "; ";
		}
	return strbuf_detach(&text, NULL);
}

enum provisioner essentials_provisioner(enum provisioner label, enum provisioner kind_default)
{
	return label != _PROVISIONER_INVALID ? label : kind_default;
}
