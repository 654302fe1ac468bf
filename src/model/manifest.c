/* The envelope, read into one spelling and checked. */
#include "model/manifest.h"

#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "model/ident.h"
#include "model/json.h"
#include "model/manifest_internal.h"
#include "model/schema.h"
#include "model/sensitive.h"

struct builtin {
	const char *kind;
	enum resource_type type;
};

static const struct builtin builtins[] = {
	{"Organization", RESOURCE_ORGANIZATION},
	{"Environment", RESOURCE_ENVIRONMENT},
	{"Connection", RESOURCE_CONNECTION},
};

static const char *const document_keys[] = {"apiVersion", "kind",   "metadata", "placement",
					    "spec",	  "status", NULL};
static const char *const metadata_keys[] = {
	"name",	       "slug", "id",	  "org",   "env",	    "labels",
	"annotations", "tags", "version", "group", "relationships", NULL};
static const char *const version_keys[] = {"id", "message", "previousVersionId", NULL};
static const char *const relation_keys[] = {"kind", "env", "name", "type", NULL};
static const char *const relation_types[] = {"depends_on", "runs_on", "managed_by", "uses", NULL};
static const char *const placement_keys[] = {"connection", "runner", "iacModule", "flowControl",
					     NULL};
static const char *const connection_keys[] = {"provider", "default", "fields", "description", NULL};
static const char *const organization_keys[] = {"description", "settings", NULL};
static const char *const environment_keys[] = {"description", NULL};

bool word_is_known(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (streq(*words, word))
			return true;
	return false;
}

json_t *normalise_keys(const json_t *object, const char *pointer, const char *const *known,
		       struct issues *issues)
{
	json_t *result = json_new_object();
	const char *key;
	json_t *member;

	if (!json_is_object(object)) {
		issues_add(issues, pointer, "must be an object");
		return result;
	}
	json_object_foreach((json_t *)object, key, member)
	{
		_cleanup_free_ char *place = json_pointer_append(pointer, key);
		_cleanup_free_ char *camel = snake_to_camel(key);
		if (!word_is_known(camel, known)) {
			const char *meant = string_suggest(camel, known);
			if (meant)
				issues_add(issues, place, "is unknown; did you mean \"%s\"?",
					   meant);
			else
				issues_add(issues, place, "is unknown");
		} else if (json_object_get(result, camel)) {
			issues_add(issues, place, "is there twice, in camelCase and in snake_case");
		} else {
			json_set_value(result, camel, json_incref(member));
		}
	}
	return result;
}

const char *check_text(const json_t *object, const char *pointer, const char *key, size_t max,
		       struct issues *issues)
{
	const json_t *value = json_object_get(object, key);
	_cleanup_free_ char *place = json_pointer_append(pointer, key);

	if (!value || json_is_null(value))
		return NULL;
	if (!json_is_string(value)) {
		issues_add(issues, place, "must be text");
		return NULL;
	}
	if (json_string_length(value) > max) {
		issues_add(issues, place, "must have at most %zu bytes", max);
		return NULL;
	}
	return json_string_length(value) > 0 ? json_string_value(value) : NULL;
}

/* Replaces a member by its normalised form and returns that, borrowed; NULL when it is absent. */
static json_t *normalise_member(json_t *object, const char *pointer, const char *key,
				const char *const *known, struct issues *issues)
{
	const json_t *member = json_object_get(object, key);
	if (!member || json_is_null(member)) {
		json_object_del(object, key);
		return NULL;
	}
	_cleanup_free_ char *place = json_pointer_append(pointer, key);
	json_set_value(object, key, normalise_keys(member, place, known, issues));
	return json_object_get(object, key);
}

static void check_map(json_t *metadata, const char *key, size_t max_value, struct issues *issues)
{
	const json_t *map = json_object_get(metadata, key);
	_cleanup_free_ char *base = json_pointer_append("/metadata", key);
	const char *name;
	json_t *value;

	if (!map || json_is_null(map)) {
		json_object_del(metadata, key);
		return;
	}
	if (!json_is_object(map)) {
		issues_add(issues, base, "must be an object");
		return;
	}
	if (json_object_size(map) > MANIFEST_MAX_LABELS)
		issues_add(issues, base, "must have at most %d members", MANIFEST_MAX_LABELS);
	json_object_foreach((json_t *)map, name, value)
	{
		_cleanup_free_ char *place = json_pointer_append(base, name);
		if (!*name || strlen(name) > MANIFEST_MAX_LABEL_KEY)
			issues_add(issues, place, "must have a name of 1 to %d bytes",
				   MANIFEST_MAX_LABEL_KEY);
		if (!json_is_string(value))
			issues_add(issues, place, "must be text (put it in quotes)");
		else if (json_string_length(value) > max_value)
			issues_add(issues, place, "must have at most %zu bytes", max_value);
	}
}

static void check_tags(json_t *metadata, struct issues *issues)
{
	const json_t *tags = json_object_get(metadata, "tags");
	size_t i;
	json_t *tag;

	if (!tags || json_is_null(tags)) {
		json_object_del(metadata, "tags");
		return;
	}
	if (!json_is_array(tags)) {
		issues_add(issues, "/metadata/tags", "must be a list");
		return;
	}
	if (json_array_size(tags) > MANIFEST_MAX_TAGS)
		issues_add(issues, "/metadata/tags", "must have at most %d elements",
			   MANIFEST_MAX_TAGS);
	json_array_foreach(tags, i, tag)
	{
		_cleanup_free_ char *place = json_pointer_append_index("/metadata/tags", i);
		if (!json_is_string(tag) || json_string_length(tag) == 0 ||
		    json_string_length(tag) > MANIFEST_MAX_LABEL)
			issues_add(issues, place, "must be text of 1 to %d bytes",
				   MANIFEST_MAX_LABEL);
	}
}

static void check_relation(json_t *relations, size_t index, struct issues *issues)
{
	_cleanup_free_ char *place = json_pointer_append_index("/metadata/relationships", index);
	_cleanup_json_ json_t *relation =
		normalise_keys(json_array_get(relations, index), place, relation_keys, issues);

	for (size_t i = 0; relation_keys[i]; i++) {
		_cleanup_free_ char *member = json_pointer_append(place, relation_keys[i]);
		const char *value = check_text(relation, place, relation_keys[i],
					       MANIFEST_MAX_LABEL_KEY, issues);
		bool optional = streq(relation_keys[i], "env");
		if (!value && !optional)
			issues_add(issues, member, "is missing");
		else if (value && streq(relation_keys[i], "type") &&
			 !word_is_known(value, relation_types))
			issues_add(issues, member,
				   "must be one of depends_on, runs_on, managed_by, uses");
	}
	json_array_set(relations, index, relation);
}

static void check_relations(json_t *metadata, struct issues *issues)
{
	const json_t *given = json_object_get(metadata, "relationships");
	if (!given || json_is_null(given)) {
		json_object_del(metadata, "relationships");
		return;
	}
	if (!json_is_array(given) || json_array_size(given) > MANIFEST_MAX_RELATIONS) {
		issues_add(issues, "/metadata/relationships", "must be a list of at most %d",
			   MANIFEST_MAX_RELATIONS);
		return;
	}
	json_set_value(metadata, "relationships", json_copy((json_t *)given));
	json_t *relations = json_object_get(metadata, "relationships");
	for (size_t i = 0; i < json_array_size(relations); i++)
		check_relation(relations, i, issues);
}

static void read_names(struct manifest *manifest, struct issues *issues)
{
	const char *name =
		check_text(manifest->metadata, "/metadata", "name", MANIFEST_MAX_NAME, issues);
	const char *slug =
		check_text(manifest->metadata, "/metadata", "slug", SLUG_MAX_LENGTH, issues);
	const char *scopes[] = {"org", "env"};
	char **values[] = {&manifest->org, &manifest->env};

	if (!name && !json_is_string(json_object_get(manifest->metadata, "name")))
		issues_add(issues, "/metadata/name", "is missing");
	else if (name == NULL &&
		 json_string_length(json_object_get(manifest->metadata, "name")) == 0)
		issues_add(issues, "/metadata/name", "is empty");
	manifest->name = xstrdup_null(name);

	if (slug && !slug_is_valid(slug))
		issues_add(issues, "/metadata/slug",
			   "must be lower-case letters and digits with single hyphens between");
	manifest->slug = slug ? xstrdup(slug) : (name ? slug_from_name(name) : NULL);
	if (name && !manifest->slug)
		issues_add(issues, "/metadata/name", "has no letter or digit to make a slug of");

	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
		const char *scope = check_text(manifest->metadata, "/metadata", scopes[i],
					       SLUG_MAX_LENGTH, issues);
		_cleanup_free_ char *place = json_pointer_append("/metadata", scopes[i]);
		if (scope && !slug_is_valid(scope))
			issues_add(issues, place,
				   "must be a slug: lower-case letters and digits with single "
				   "hyphens between");
		*values[i] = xstrdup_null(scope);
	}
}

static void read_metadata(struct manifest *manifest, struct issues *issues)
{
	manifest->metadata = normalise_member(manifest->doc, "", "metadata", metadata_keys, issues);
	if (!manifest->metadata) {
		issues_add(issues, "/metadata", "is missing");
		return;
	}
	json_t *metadata = manifest->metadata;
	read_names(manifest, issues);
	check_text(metadata, "/metadata", "group", MANIFEST_MAX_LABEL, issues);
	check_map(metadata, "labels", MANIFEST_MAX_LABEL, issues);
	check_map(metadata, "annotations", MANIFEST_MAX_ANNOTATION, issues);
	check_tags(metadata, issues);
	check_relations(metadata, issues);

	const char *id = check_text(metadata, "/metadata", "id", SLUG_MAX_LENGTH, issues);
	if (id && ident_resource_type(id) != manifest->type)
		issues_add(issues, "/metadata/id", "is no id of this type (%s_...)",
			   resource_type_prefix(manifest->type));
	manifest->id = xstrdup_null(id);

	json_t *version = normalise_member(metadata, "/metadata", "version", version_keys, issues);
	if (version)
		manifest->message = xstrdup_null(check_text(version, "/metadata/version", "message",
							    MANIFEST_MAX_MESSAGE, issues));
}

static void read_provisioner(struct manifest *manifest, struct issues *issues)
{
	manifest->provisioner = _PROVISIONER_INVALID;
	const char *word = json_string_value(
		json_object_get(json_object_get(manifest->metadata, "labels"), LABEL_PROVISIONER));
	if (!word)
		return;
	manifest->provisioner = provisioner_from_string(word);
	if (manifest->provisioner != _PROVISIONER_INVALID)
		return;
	_cleanup_free_ char *place = json_pointer_append("/metadata/labels", LABEL_PROVISIONER);
	issues_add(issues, place, "must be one of tofu, terraform, pulumi");
}

static void read_placement(struct manifest *manifest, struct issues *issues)
{
	json_t *placement =
		normalise_member(manifest->doc, "", "placement", placement_keys, issues);
	manifest->placement = placement;
	if (!placement)
		return;
	if (manifest->type != RESOURCE_CLOUD_RESOURCE) {
		issues_add(issues, "/placement", "is for cloud resources");
		return;
	}
	manifest->connection = xstrdup_null(
		check_text(placement, "/placement", "connection", SLUG_MAX_LENGTH, issues));
	manifest->runner = xstrdup_null(
		check_text(placement, "/placement", "runner", MANIFEST_MAX_LABEL_KEY, issues));
	manifest->iac_module = xstrdup_null(
		check_text(placement, "/placement", "iacModule", MANIFEST_MAX_LABEL_KEY, issues));

	const json_t *flow = json_object_get(placement, "flowControl");
	if (!flow)
		return;
	manifest->has_flow_control = true;
	flow_control_parse(flow, "/placement/flowControl", &manifest->flow_control, issues);
	json_set_value(placement, "flowControl", flow_control_to_json(&manifest->flow_control));
}

static void read_builtin_spec(struct manifest *manifest, struct issues *issues)
{
	json_t *spec;
	switch (manifest->type) {
	case RESOURCE_ORGANIZATION:
		spec = normalise_member(manifest->doc, "", "spec", organization_keys, issues);
		if (json_object_get(spec, "settings") &&
		    !json_is_object(json_object_get(spec, "settings")))
			issues_add(issues, "/spec/settings", "must be an object");
		break;
	case RESOURCE_ENVIRONMENT:
		spec = normalise_member(manifest->doc, "", "spec", environment_keys, issues);
		break;
	case RESOURCE_CONNECTION:
		spec = normalise_member(manifest->doc, "", "spec", connection_keys, issues);
		if (!check_text(spec, "/spec", "provider", MANIFEST_MAX_NAME, issues))
			issues_add(issues, "/spec/provider", "is missing");
		if (json_object_get(spec, "default") &&
		    !json_is_boolean(json_object_get(spec, "default")))
			issues_add(issues, "/spec/default", "must be true or false");
		if (!json_object_get(spec, "fields"))
			json_set_value(spec, "fields", json_new_object());
		else if (!json_is_object(json_object_get(spec, "fields")))
			issues_add(issues, "/spec/fields", "must be an object");
		break;
	default:
		return;
	}
	check_text(spec, "/spec", "description", MANIFEST_MAX_MESSAGE, issues);
	manifest->spec = spec;
}

static void read_spec(struct manifest *manifest, struct issues *issues)
{
	const json_t *spec = json_object_get(manifest->doc, "spec");
	if (!spec || json_is_null(spec))
		json_set_value(manifest->doc, "spec", json_new_object());
	else if (!json_is_object(spec))
		issues_add(issues, "/spec", "must be an object");
	manifest->spec = json_object_get(manifest->doc, "spec");
	if (json_is_object(manifest->spec))
		read_builtin_spec(manifest, issues);
}

static void read_kind(struct manifest *manifest, struct issues *issues)
{
	const char *version =
		check_text(manifest->doc, "", "apiVersion", MANIFEST_MAX_LABEL_KEY, issues);
	const char *kind = check_text(manifest->doc, "", "kind", MANIFEST_MAX_LABEL_KEY, issues);

	manifest->api_version = xstrdup_null(version);
	manifest->kind = xstrdup_null(kind);
	manifest->type = RESOURCE_CLOUD_RESOURCE;
	if (!version)
		issues_add(issues, "/apiVersion", "is missing");
	if (!kind) {
		issues_add(issues, "/kind", "is missing");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++) {
		if (!streq(builtins[i].kind, kind))
			continue;
		manifest->type = builtins[i].type;
		if (version && !streq(version, MANIFEST_API_VERSION))
			issues_add(issues, "/apiVersion", "must be %s for kind %s",
				   MANIFEST_API_VERSION, kind);
	}
}

static json_t *find_sealed(const char *pointer, const json_t *value, void *ctx)
{
	if (json_object_get(value, SEALED_KEY))
		issues_add(ctx, pointer, "holds the reserved key \"%s\"", SEALED_KEY);
	return NULL;
}

static int check_limits(const json_t *document, struct issues *issues, struct error **err)
{
	if (json_nesting(document) > JSON_MAX_NESTING)
		return error_set(err, ERROR_TOO_LARGE,
				 "the manifest is nested deeper than the limit of %d levels",
				 JSON_MAX_NESTING);
	_cleanup_free_ char *text = json_to_text(document, JSON_WRITE_COMPACT);
	if (strlen(text) > MANIFEST_MAX_SIZE)
		return error_set(err, ERROR_TOO_LARGE,
				 "the manifest has %zu bytes as JSON; the limit is %zu",
				 strlen(text), MANIFEST_MAX_SIZE);
	json_decref(json_copy_with(document, find_sealed, issues));
	return 0;
}

/* The order in which a document is shown. */
static void order_members(struct manifest *manifest)
{
	json_t *ordered = json_new_object();
	for (size_t i = 0; document_keys[i]; i++) {
		json_t *member = json_object_get(manifest->doc, document_keys[i]);
		if (member && !streq(document_keys[i], "status"))
			json_set_value(ordered, document_keys[i], json_incref(member));
	}
	json_decref(manifest->doc);
	manifest->doc = ordered;
}

int manifest_parse(const json_t *document, struct manifest *ret, struct issues *issues,
		   struct error **err)
{
	int r = check_limits(document, issues, err);
	if (r < 0)
		return r;

	_cleanup_manifest_ struct manifest manifest = {.provisioner = _PROVISIONER_INVALID};
	_cleanup_json_ json_t *copy = json_deep_copy(document);
	manifest.doc = normalise_keys(copy, "", document_keys, issues);
	if (json_is_object(document)) {
		read_kind(&manifest, issues);
		read_metadata(&manifest, issues);
		read_provisioner(&manifest, issues);
		read_placement(&manifest, issues);
		read_spec(&manifest, issues);
	}
	r = issues_to_error(issues, ERROR_UNPROCESSABLE, err);
	order_members(&manifest);
	*ret = manifest;
	manifest = (struct manifest){0};
	return r;
}

void manifest_release(struct manifest *manifest)
{
	free(manifest->api_version);
	free(manifest->kind);
	free(manifest->name);
	free(manifest->slug);
	free(manifest->id);
	free(manifest->org);
	free(manifest->env);
	free(manifest->message);
	free(manifest->connection);
	free(manifest->runner);
	free(manifest->iac_module);
	json_decref(manifest->doc);
	*manifest = (struct manifest){.provisioner = _PROVISIONER_INVALID};
}

void manifest_set_spec(struct manifest *manifest, json_t *spec)
{
	json_set_value(manifest->doc, "spec", spec);
	manifest->spec = spec;
}

void manifest_set_identity(struct manifest *manifest, const char *id, const char *slug,
			   const char *org, const char *env)
{
	const struct {
		const char *key;
		char **target;
		const char *value;
	} parts[] = {
		{"id", &manifest->id, id},
		{"slug", &manifest->slug, slug},
		{"org", &manifest->org, org},
		{"env", &manifest->env, env},
	};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parts[i].value)
			continue;
		replace_string(parts[i].target, parts[i].value);
		json_set_string(manifest->metadata, parts[i].key, *parts[i].target);
	}
}
