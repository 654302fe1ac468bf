/* What an engine gets of resources, and what they get back: references, secrets, credentials,
 * outputs. */
#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "control/control.h"
#include "control/manifests.h"
#include "control/resources_internal.h"
#include "control/states.h"
#include "model/ident.h"
#include "model/json.h"
#include "model/sensitive.h"

/* Of a manifest with all of its references resolved: they may repeat large outputs. */
#define MATERIALISED_MAX RESOURCE_STORED_MAX

static int parse_document(const char *text, json_t **ret, struct error **err)
{
	return json_parse(text, strlen(text), RESOURCE_STORED_MAX, ret, err);
}

/* ---- Outputs ---- */

static char *output_context(const char *resource_id, const char *name)
{
	return xasprintf("output:%s:%s", resource_id, name);
}

int resource_set_outputs(struct work *w, const char *resource_id, const json_t *outputs,
			 struct error **err)
{
	json_t *kept = json_new_object();
	const char *name;
	json_t *output;
	json_object_foreach((json_t *)outputs, name, output)
	{
		json_t *copy = json_copy(output);
		const json_t *value = json_get(output, "value");
		if (value && json_get_bool(output, "sensitive", false)) {
			_cleanup_free_ char *context = output_context(resource_id, name);
			char *text = json_to_text(value, JSON_WRITE_COMPACT);
			_cleanup_free_ char *sealed =
				control_seal(w->control, context, text, strlen(text));
			secure_wipe(text, strlen(text));
			free(text);
			json_set_value(copy, "value", sealed_marker_new(sealed));
		}
		json_set_value(kept, name, copy);
	}
	return resource_status_set(w, resource_id, "outputs", kept, err);
}

static int open_output(struct work *w, const char *resource_id, const char *name,
		       const json_t *output, json_t **ret, struct error **err)
{
	const json_t *value = json_get(output, "value");
	const char *sealed = sealed_marker_text(value);
	if (!sealed) {
		*ret = json_incref((json_t *)value);
		return 0;
	}
	_cleanup_free_ char *context = output_context(resource_id, name);
	char *text = NULL;
	size_t size;
	int r = control_unseal(w->control, context, sealed, &text, &size, err);
	if (r < 0)
		return r;
	r = json_parse(text, size, STATE_OUTPUT_MAX_BYTES, ret, err);
	secure_wipe(text, size);
	free(text);
	return r;
}

int resource_outputs(struct work *w, const struct resource_row *row, bool show_sensitive,
		     json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *status = NULL;
	int r = parse_document(row->status, &status, err);
	if (r < 0)
		return r;
	_cleanup_json_ json_t *shown = json_new_object();
	const char *name;
	json_t *output;
	json_object_foreach(json_get(status, "outputs"), name, output)
	{
		json_t *copy = json_copy(output);
		json_set_value(shown, name, copy);
		if (!json_get_bool(output, "sensitive", false))
			continue;
		json_object_del(copy, "value");
		if (!show_sensitive || !json_get(output, "value"))
			continue;
		json_t *value;
		r = open_output(w, row->id, name, output, &value, err);
		if (r < 0)
			return r;
		json_set_value(copy, "value", value);
	}
	*ret = TAKE_PTR(shown);
	return 0;
}

int resource_status_set(struct work *w, const char *resource_id, const char *key, json_t *value,
			struct error **err)
{
	_cleanup_json_ json_t *owned = value, *status = NULL;
	_cleanup_(resource_row_release) struct resource_row row = {0};
	int r = resource_get(w->tx, resource_id, &row, err);
	if (r >= 0)
		r = parse_document(row.status, &status, err);
	if (r < 0)
		return r;
	if (owned)
		json_set_value(status, key, TAKE_PTR(owned));
	else
		json_object_del(status, key);
	_cleanup_free_ char *text = json_to_text(status, JSON_WRITE_COMPACT);
	return resource_set_status(w->tx, resource_id, text, err);
}

/* ---- The manifest ---- */

struct materialising {
	struct work *work;
	const struct job_row *job;
	json_t *values; /* the secrets, by index */
	size_t room;	/* bytes that references may still bring in */
	struct error *error;
};

static json_t *numbered_marker(struct materialising *m, json_t *secret)
{
	json_t *marker = json_new_object();
	json_set_int(marker, SEALED_KEY, (int64_t)json_array_size(m->values));
	json_append_value(m->values, secret);
	return marker;
}

static json_t *unresolvable(struct materialising *m, const char *pointer, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* NULL, so that the field stays as it is. */
static json_t *unresolvable(struct materialising *m, const char *pointer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *why = xvasprintf(format, arguments);
	va_end(arguments);
	_cleanup_free_ char *path = json_pointer_to_path(pointer);
	(void)error_set_field(&m->error, ERROR_UNPROCESSABLE, pointer, "%s cannot be resolved: %s",
			      path, why);
	return NULL;
}

/* "status.outputs.uri" or "uri" -> "uri" */
static const char *output_name(const struct cloud_resource_kind *kind, const char *field_path)
{
	if (!field_path)
		return kind->default_output;
	const char *name = startswith(field_path, "status.outputs.");
	return name ? name : field_path;
}

/* The output that a reference names, borrowed from *ret_outputs; NULL after unresolvable(). */
static const json_t *find_output(struct materialising *m, const char *pointer, const char *ref,
				 const char *env, const char *name, json_t **ret_outputs)
{
	const struct scope scope = {.org = m->job->org, .env = env ? env : m->job->env};
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_error_ struct error *lookup = NULL;
	int r = resource_resolve(m->work, RESOURCE_CLOUD_RESOURCE, ref, &scope, &row, &lookup);
	if (r >= 0)
		r = resource_outputs(m->work, &row, true, ret_outputs, &lookup);
	if (r < 0 && error_code_http_status(lookup->code) >= 500) {
		(void)error_move(&m->error, &lookup);
		return NULL;
	}
	if (r < 0) {
		(void)unresolvable(m, pointer, "%s", lookup->message);
		return NULL;
	}
	const json_t *output = json_object_get(*ret_outputs, name);
	if (!output)
		(void)unresolvable(m, pointer, "there is no output %s of %s (is it applied?)", name,
				   ref);
	return output;
}

static json_t *resolve_reference(struct materialising *m, const char *pointer,
				 const json_t *reference)
{
	const char *kind_name = json_get_str(reference, "kind"),
		   *slug = json_get_str(reference, "name");
	const struct cloud_resource_kind *kind;
	_cleanup_error_ struct error *unknown = NULL;
	if (catalog_kind_find(m->work->control->catalog, kind_name, &kind, &unknown) < 0)
		return unresolvable(m, pointer, "%s", unknown->message);
	const char *name = output_name(kind, json_get_str(reference, "fieldPath"));
	if (!name)
		return unresolvable(
			m, pointer,
			"valueFrom needs a fieldPath: kind %s declares no default output",
			kind_name);

	_cleanup_free_ char *ref = xasprintf("%s/%s", kind_name, slug);
	_cleanup_json_ json_t *outputs = NULL;
	const json_t *output =
		find_output(m, pointer, ref, json_get_str(reference, "env"), name, &outputs);
	if (!output)
		return NULL;
	json_t *value = json_get(output, "value");
	if (!value) {
		const char *omitted = json_get_str(output, "omitted");
		return unresolvable(m, pointer, "output %s of %s %s", name, ref,
				    omitted ? omitted : "has no value");
	}
	_cleanup_free_ char *text = json_to_text(value, JSON_WRITE_COMPACT);
	size_t size = strlen(text);
	secure_wipe(text, size);
	if (size > m->room)
		return unresolvable(m, pointer,
				    "with it the manifest passes its limit of %zu bytes",
				    MATERIALISED_MAX);
	m->room -= size;
	return json_get_bool(output, "sensitive", false) ? numbered_marker(m, json_incref(value))
							 : json_incref(value);
}

/* Where any object is allowed there may be a valueFrom that is not meant for us, as in Kubernetes.
 */
static bool is_reference(const json_t *value)
{
	static const char *const known[] = {"kind", "env", "name", "fieldPath"};
	size_t found = 0;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		found += json_is_string(json_object_get(value, known[i]));
	return found == json_object_size(value) && json_get_str(value, "kind") &&
	       json_get_str(value, "name");
}

/* What a value of the form {valueFrom: reference} refers to, else NULL. */
static const json_t *reference_of(const json_t *value)
{
	const json_t *reference =
		json_object_size(value) == 1 ? json_object_get(value, "valueFrom") : NULL;
	return is_reference(reference) ? reference : NULL;
}

static bool is_in_spec(const char *pointer)
{
	return streq(pointer, "/spec") || startswith(pointer, "/spec/");
}

static json_t *materialise(const char *pointer, const json_t *value, void *ctx)
{
	struct materialising *m = ctx;
	if (m->error)
		return NULL;
	const char *sealed = sealed_marker_text(value);
	if (sealed) {
		json_t *opened;
		const char *owner = m->job->resource_id ? m->job->resource_id : m->job->state_id;
		return manifest_open_value(m->work->control, owner, sealed, &opened, &m->error) < 0
			       ? NULL
			       : numbered_marker(m, opened);
	}
	const char *text = json_string_value(value);
	if (text && (startswith(text, "$secret/") || startswith(text, "$var/")))
		return unresolvable(m, pointer,
				    "there are no secrets and variables in this version: %.100s",
				    text);
	const json_t *reference = reference_of(value);
	return reference ? resolve_reference(m, pointer, reference) : NULL;
}

/* In the spec alone: labels and annotations are what they are. */
static json_t *materialise_document(const char *pointer, const json_t *value, void *ctx)
{
	if (!*pointer)
		return NULL;
	return is_in_spec(pointer) ? materialise(pointer, value, ctx)
				   : json_incref((json_t *)value);
}

struct looking {
	struct work *work;
	const struct job_row *job;
	json_t *sources;
	struct error *error;
};

static json_t *note_source(const char *pointer, const json_t *value, void *ctx)
{
	struct looking *l = ctx;
	const json_t *reference = reference_of(value);
	if (!*pointer || l->error)
		return NULL;
	if (!is_in_spec(pointer))
		return json_null();
	if (!reference)
		return NULL;
	const char *env = json_get_str(reference, "env");
	const struct scope scope = {.org = l->job->org, .env = env ? env : l->job->env};
	_cleanup_free_ char *ref = xasprintf("%s/%s", json_get_str(reference, "kind"),
					     json_get_str(reference, "name"));
	_cleanup_(resource_row_release) struct resource_row row = {0};
	_cleanup_error_ struct error *lookup = NULL;
	if (resource_resolve(l->work, RESOURCE_CLOUD_RESOURCE, ref, &scope, &row, &lookup) >= 0)
		json_set_string(l->sources, row.id, ref);
	else if (error_code_http_status(lookup->code) >= 500)
		(void)error_move(&l->error, &lookup);
	return json_null();
}

int resource_sources(struct work *w, const struct job_row *job, json_t **ret, struct error **err)
{
	_cleanup_json_ json_t *document = NULL, *sources = json_new_object();
	struct looking l = {.work = w, .job = job, .sources = sources};
	if (strstr(job->manifest, "\"valueFrom\"")) {
		int r = parse_document(job->manifest, &document, err);
		if (r < 0)
			return r;
		json_decref(json_copy_with(document, note_source, &l));
	}
	if (l.error)
		return error_move(err, &l.error);
	*ret = TAKE_PTR(sources);
	return 0;
}

int resource_manifest_for_engine(struct work *w, const struct job_row *job, json_t **ret_manifest,
				 json_t **ret_values, struct error **err)
{
	_cleanup_json_ json_t *document = NULL, *manifest = NULL, *values = json_new_array();
	int r = parse_document(job->manifest, &document, err);
	if (r < 0)
		return r;
	struct materialising m = {.work = w,
				  .job = job,
				  .values = values,
				  .room = MATERIALISED_MAX - strlen(job->manifest)};
	manifest = json_copy_with(document, materialise_document, &m);
	if (m.error)
		return error_move(err, &m.error);
	if (json_nesting(manifest) > RESOURCE_MAX_NESTING ||
	    json_nesting(values) > RESOURCE_MAX_NESTING)
		return error_set_field(err, ERROR_UNPROCESSABLE, "/spec",
				       "spec is, with its references resolved, nested deeper than "
				       "the limit of %d levels",
				       RESOURCE_MAX_NESTING);
	*ret_manifest = TAKE_PTR(manifest);
	*ret_values = TAKE_PTR(values);
	return 0;
}

/* What a runner must hide wherever it appears; a host or a user is no secret. */
static json_t *sensitive_values(const struct provider_type *type, const json_t *fields)
{
	_cleanup_strv_ char **patterns = provider_type_sensitive(type);
	_cleanup_json_ json_t *found = sensitive_collect(fields, patterns);
	json_t *values = json_new_array();
	const char *pointer;
	json_t *value;
	json_object_foreach(found, pointer, value)
	{
		json_append_value(values, json_incref(value));
	}
	return values;
}

int connection_open(struct work *w, const struct resource_row *connection, json_t **ret,
		    struct error **err)
{
	_cleanup_json_ json_t *document = NULL, *open = NULL;
	int r = parse_document(connection->manifest, &document, err);
	if (r >= 0)
		r = manifest_open(w->control, connection->id, document, &open, err);
	if (r < 0)
		return r;
	const struct provider_type *type;
	r = catalog_provider_find(w->control->catalog, json_get_str(open, "spec.provider"), &type,
				  err);
	if (r < 0)
		return r;
	const json_t *fields = json_get(open, "spec.fields");
	*ret = connection_to_env(type, fields);
	json_set_value(*ret, "mask", sensitive_values(type, fields));
	return 0;
}
