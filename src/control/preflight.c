/* Finding the candidates of the four essentials; which of them wins is a rule of lifecycle. */
#include "control/preflight.h"

#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "control/control.h"
#include "control/jobs_state.h"
#include "lifecycle/flow_control.h"
#include "model/issue.h"
#include "model/json.h"
#include "model/manifest.h"

#define CANDIDATES_MAX	8
#define CONNECTIONS_MAX 1000

/* What is found; candidates[i] has its document in documents[i]. Texts live until the end. */
struct finding {
	struct work *work;
	const struct preflight_subject *subject;
	const struct cloud_resource_kind *kind; /* NULL: not in the catalogue */
	enum provisioner provisioner;
	struct essential_candidate candidates[CANDIDATES_MAX];
	json_t *documents[CANDIDATES_MAX];
	size_t count;
	const char *no_candidate[_ESSENTIAL_MAX];
	char **texts;
};

static void finding_release(struct finding *f)
{
	for (size_t i = 0; i < f->count; i++)
		json_decref(f->documents[i]);
	strv_free(f->texts);
}

static const char *say(struct finding *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static const char *say(struct finding *f, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *text = xvasprintf(format, arguments);
	va_end(arguments);
	strv_take(&f->texts, text);
	return text;
}

/* Steals document. */
static void add(struct finding *f, enum essential essential, enum essential_rule rule,
		const char *detail, const char *gap, json_t *document)
{
	f->candidates[f->count] = (struct essential_candidate){essential, rule, detail, gap};
	f->documents[f->count++] = document;
}

static json_t *document_of(const char *key, const char *value)
{
	json_t *document = json_new_object();
	json_set_string(document, key, value);
	return document;
}

static void find_module(struct finding *f)
{
	const struct preflight_subject *s = f->subject;
	_cleanup_error_ struct error *unknown = NULL;
	if (catalog_kind_find(f->work->control->catalog, s->kind, &f->kind, &unknown) < 0) {
		f->no_candidate[ESSENTIAL_IAC_MODULE] = say(f, "%s", unknown->message);
		return;
	}
	f->provisioner = essentials_provisioner(s->provisioner, f->kind->default_provisioner);
	const char *name = provisioner_to_string(f->provisioner);
	const char *pinned = json_get_str(s->pinned, "provisioner");
	f->no_candidate[ESSENTIAL_IAC_MODULE] = say(
		f, "no IaC module for kind %s with provisioner %s is registered", s->kind, name);
	if (s->iac_module)
		add(f, ESSENTIAL_IAC_MODULE, RULE_RESOURCE, NULL,
		    say(f,
			"there is no IaC module %s, which placement.iacModule names: remove it to "
			"use the platform's",
			s->iac_module),
		    NULL);
	const struct catalog_module *module =
		catalog_module_find(f->work->control->catalog, s->kind, f->provisioner);
	if (!module)
		return;
	const char *gap = NULL;
	if (pinned && !streq(pinned, name))
		gap = say(f,
			  "the resource is provisioned by %s since its first job and cannot become "
			  "%s: destroy it first",
			  pinned, name);
	json_t *document = document_of("digest", module->digest);
	json_set_string(document, "kind", s->kind);
	json_set_string(document, "provisioner", name);
	json_set_string(document, "scope", "platform");
	add(f, ESSENTIAL_IAC_MODULE, RULE_PLATFORM,
	    say(f, "%s module %s of %.12s", name, s->kind, module->digest), gap, document);
}

static json_t *connection_document(const struct resource_row *row, const char *provider)
{
	json_t *document = document_of("connectionId", row->id);
	json_set_string(document, "connection", row->slug);
	json_set_string(document, "provider", provider);
	return document;
}

static int find_named_connection(struct finding *f, const char *provider, struct error **err)
{
	const struct preflight_subject *s = f->subject;
	const struct scope scope = {.org = s->org};
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = resource_resolve(f->work, RESOURCE_CONNECTION, s->connection, &scope, &row,
				 &lookup);
	if (r < 0) {
		if (lookup->code == ERROR_INTERNAL)
			return error_move(err, &lookup);
		add(f, ESSENTIAL_PROVIDER_CREDENTIALS, RULE_RESOURCE, NULL,
		    say(f,
			"connection %s, which the resource names, does not exist in organization "
			"%s",
			s->connection, s->org),
		    NULL);
		return 0;
	}
	_cleanup_json_ json_t *manifest = json_of_text(row.manifest);
	const char *its = json_get_str(manifest, "spec.provider");
	const char *gap = NULL;
	if (!streq_null(row.org, s->org))
		gap = say(f, "connection %s belongs to another organization", s->connection);
	else if (provider && !streq_null(its, provider) && !streq_null(its, "generic"))
		gap = say(f, "connection %s is for %s; kind %s needs %s", s->connection,
			  its ? its : "nothing", s->kind, provider);
	add(f, ESSENTIAL_PROVIDER_CREDENTIALS, RULE_RESOURCE, say(f, "connection %s", row.slug),
	    gap, connection_document(&row, its));
	return 0;
}

static int find_default_connection(struct finding *f, const char *provider, struct error **err)
{
	const struct resource_filter filter = {.type = RESOURCE_CONNECTION, .org = f->subject->org};
	struct resource_row *rows = NULL;
	int n = resource_list(f->work->tx, &filter, NULL, CONNECTIONS_MAX, &rows, err);
	bool found = false;
	for (int i = 0; i < n; i++) {
		_cleanup_json_ json_t *manifest = json_of_text(rows[i].manifest);
		if (!found && json_get_bool(manifest, "spec.default", false) &&
		    streq_null(json_get_str(manifest, "spec.provider"), provider)) {
			add(f, ESSENTIAL_PROVIDER_CREDENTIALS, RULE_ORGANIZATION,
			    say(f, "connection %s, the default for %s in organization %s",
				rows[i].slug, provider, f->subject->org),
			    NULL, connection_document(&rows[i], provider));
			found = true;
		}
		resource_row_release(&rows[i]);
	}
	free(rows);
	return MIN(n, 0);
}

static int find_credentials(struct finding *f, struct error **err)
{
	const struct preflight_subject *s = f->subject;
	const char *provider = f->kind && !isempty(f->kind->provider) ? f->kind->provider : NULL;
	if (s->connection)
		return find_named_connection(f, provider, err);
	if (!f->kind) {
		f->no_candidate[ESSENTIAL_PROVIDER_CREDENTIALS] =
			say(f, "the provider of %s is not known", s->kind);
		return 0;
	}
	if (!provider) {
		add(f, ESSENTIAL_PROVIDER_CREDENTIALS, RULE_NOT_NEEDED,
		    say(f, "%s needs no provider", s->kind), NULL, json_new_object());
		return 0;
	}
	f->no_candidate[ESSENTIAL_PROVIDER_CREDENTIALS] =
		say(f,
		    "no connection for %s: name one in placement.connection, or apply a Connection "
		    "with provider: %s and default: true "
		    "in organization %s",
		    provider, provider, s->org);
	return find_default_connection(f, provider, err);
}

static void find_backend(struct finding *f)
{
	const char *pinned = json_get_str(f->subject->pinned, "backend");
	json_t *document = document_of("type", "platform");
	json_set_string(document, "stateId", f->subject->state_id);
	f->no_candidate[ESSENTIAL_STATE_BACKEND] = "no state backend";
	if (pinned && streq(pinned, "platform"))
		add(f, ESSENTIAL_STATE_BACKEND, RULE_PINNED,
		    "the platform's, as since the resource's first job", NULL, document);
	else
		add(f, ESSENTIAL_STATE_BACKEND, RULE_PLATFORM, "the platform's", NULL, document);
}

static void add_policy(struct finding *f, enum essential_rule rule, const char *detail,
		       const char *gap, const struct flow_control *flow)
{
	json_t *document = json_new_object();
	json_set_value(document, "policy", flow_control_to_json(flow));
	add(f, ESSENTIAL_FLOW_CONTROL_POLICY, rule, detail, gap, document);
}

static void find_policy(struct finding *f)
{
	f->no_candidate[ESSENTIAL_FLOW_CONTROL_POLICY] = "no flow control policy";
	if (f->subject->flow_control) {
		struct flow_control flow = flow_control_default;
		_cleanup_issues_ struct issues issues = ISSUES_INIT;
		flow_control_parse(f->subject->flow_control, "/placement/flowControl", &flow,
				   &issues);
		const char *gap = issues.count ? say(f, "%s", issues.items[0].message)
					       : flow_control_check(&flow);
		add_policy(f, RULE_RESOURCE, "inline on the resource", gap, &flow);
	}
	add_policy(f, RULE_PLATFORM, "the platform's default", NULL, &flow_control_default);
}

static json_t *essentials_of(const struct finding *f, const struct essentials_report *report)
{
	static const char *const keys[_ESSENTIAL_MAX] = {
		[ESSENTIAL_IAC_MODULE] = "iacModule",
		[ESSENTIAL_PROVIDER_CREDENTIALS] = "providerCredentials",
		[ESSENTIAL_STATE_BACKEND] = "stateBackend",
		[ESSENTIAL_FLOW_CONTROL_POLICY] = "flowControlPolicy",
	};
	json_t *essentials = json_new_object();
	for (enum essential e = 0; e < _ESSENTIAL_MAX; e++) {
		json_t *document = json_copy(f->documents[report->rows[e].candidate]);
		json_set_string(document, "rule", essential_rule_to_string(report->rows[e].rule));
		json_set_value(essentials, keys[e], document);
	}
	return essentials;
}

int preflight_resolve(struct work *w, const struct preflight_subject *subject,
		      struct preflight *ret, struct error **err)
{
	_cleanup_(finding_release) struct finding f = {
		.work = w, .subject = subject, .provisioner = _PROVISIONER_INVALID};
	find_module(&f);
	int r = find_credentials(&f, err);
	if (r < 0)
		return r;
	find_backend(&f);
	find_policy(&f);
	essentials_resolve(f.candidates, f.count, f.no_candidate, &ret->report);
	ret->essentials = ret->report.ok ? essentials_of(&f, &ret->report) : NULL;
	return 0;
}

void preflight_release(struct preflight *p)
{
	essentials_report_release(&p->report);
	json_decref(p->essentials);
}

int preflight_of_job(struct work *w, const struct job_row *job, struct preflight *ret,
		     struct error **err)
{
	_cleanup_json_ json_t *manifest = json_of_text(job->manifest), *status = NULL;
	_cleanup_(resource_row_release) struct resource_row resource = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = job->resource_id ? resource_get(w->tx, job->resource_id, &resource, &lookup) : 0;
	if (r < 0 && lookup->code != ERROR_NOT_FOUND)
		return error_move(err, &lookup);
	status = json_of_text(resource.status);
	const json_t *labels = json_get(manifest, "metadata.labels");
	const struct preflight_subject subject = {
		.kind = job->kind,
		.org = job->org,
		.env = job->env,
		.connection = json_get_str(manifest, "placement.connection"),
		.iac_module = json_get_str(manifest, "placement.iacModule"),
		.provisioner = provisioner_from_string(
			json_string_value(json_object_get(labels, LABEL_PROVISIONER))),
		.flow_control = json_get(manifest, "placement.flowControl"),
		.pinned = json_object_get(status, "pinned"),
		.state_id = job->state_id,
	};
	return preflight_resolve(w, &subject, ret, err);
}

int preflight_report(struct work *w, const char *kind, const struct scope *scope,
		     const char *connection, json_t **ret, struct error **err)
{
	const struct preflight_subject subject = {
		.kind = kind,
		.org = scope->org ? scope->org : DEFAULT_ORGANIZATION,
		.env = scope->env,
		.connection = connection,
		.provisioner = _PROVISIONER_INVALID,
	};
	_cleanup_preflight_ struct preflight p = {0};
	int r = scope_check(w, &(struct scope){subject.org, subject.env}, err);
	if (r >= 0)
		r = preflight_resolve(w, &subject, &p, err);
	if (r >= 0)
		*ret = essentials_report_to_json(&p.report);
	return r;
}
