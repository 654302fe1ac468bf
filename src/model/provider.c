/* Provider types, out of providers/<name>.yaml, and what a connection of one gives to an engine. */
#include <ctype.h>
#include <string.h>

#include "base/strutil.h"
#include "base/strv.h"
#include "model/json.h"
#include "model/kind.h"
#include "model/kind_internal.h"
#include "model/manifest_internal.h"

/* Of one field of a connection, a file's content included. */
#define FIELD_MAX ((size_t)256 << 10)
#define MAP_MAX	  100

static const char *const provider_words[] = {"description", "fields", NULL};
static const char *const field_words[] = {"name", "env",	 "alsoEnv",   "file",
					  "map",  "required",	 "sensitive", "default",
					  "enum", "description", NULL};

/* What an engine's environment may take: a name, and none that would change how programs start. */
static bool is_variable_name(const char *name)
{
	static const char *const refused[] = {"PATH",
					      "HOME",
					      "IFS",
					      "ENV",
					      "BASH_ENV",
					      "SHELLOPTS",
					      "TF_CLI_CONFIG_FILE",
					      "TF_CLI_ARGS",
					      "TF_DATA_DIR",
					      "TF_PLUGIN_CACHE_DIR",
					      NULL};
	static const char *const refused_prefixes[] = {
		"LD_", "TF_CLI_ARGS_", "TF_REATTACH_PROVIDERS", "TF_HTTP_", "GLIBC_", "PLANTON_"};

	if (!*name || strlen(name) > 128 || isdigit((unsigned char)*name) ||
	    word_is_known(name, refused))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(refused_prefixes); i++)
		if (startswith(name, refused_prefixes[i]))
			return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	return true;
}

static bool read_flag(const json_t *object, const char *pointer, const char *key,
		      struct issues *issues)
{
	const json_t *value = json_object_get(object, key);
	_cleanup_free_ char *place = json_pointer_append(pointer, key);
	if (value && !json_is_boolean(value))
		issues_add(issues, place, "must be true or false");
	return json_is_true(value);
}

static void read_map(struct provider_field *field, const json_t *object, const char *pointer,
		     struct issues *issues)
{
	_cleanup_free_ char *map = read_member(object, pointer, "map", issues);
	_cleanup_free_ char *place = json_pointer_append(pointer, "map");
	if (!map)
		return;
	if (streq(map, "env"))
		field->map = PROVIDER_MAP_ENV;
	else if (streq(map, "files"))
		field->map = PROVIDER_MAP_FILES;
	else
		issues_add(issues, place, "must be env or files");
}

static void read_field(struct provider_field *field, const json_t *object, const char *pointer,
		       struct issues *issues)
{
	if (!json_is_object(object)) {
		issues_add(issues, pointer, "must be an object");
		return;
	}
	refuse_unknown_members(object, pointer, field_words, issues);
	field->name = read_required_member(object, pointer, "name", issues);
	field->description = read_member(object, pointer, "description", issues);
	field->default_value = read_member(object, pointer, "default", issues);
	field->values = read_texts(object, pointer, "enum", issues);
	field->file = read_flag(object, pointer, "file", issues);
	field->required = read_flag(object, pointer, "required", issues);
	field->sensitive = read_flag(object, pointer, "sensitive", issues);
	read_map(field, object, pointer, issues);

	char *env = read_member(object, pointer, "env", issues);
	if (env)
		strv_take(&field->env, env);
	_cleanup_strv_ char **also = read_texts(object, pointer, "alsoEnv", issues);
	for (size_t i = 0; also && also[i]; i++)
		strv_add(&field->env, also[i]);
	for (size_t i = 0; field->env && field->env[i]; i++)
		if (!is_variable_name(field->env[i]))
			issues_add(issues, pointer, "has a variable that no connection may set: %s",
				   field->env[i]);
	if (!field->env && field->map == PROVIDER_MAP_NONE)
		issues_add(issues, pointer, "has neither env nor map");
	if (field->name && (!isalpha((unsigned char)*field->name) || strpbrk(field->name, "/._ ")))
		issues_add(issues, pointer, "must have a name in camelCase");
}

int provider_type_parse(const json_t *document, struct provider_type **ret, struct error **err)
{
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_provider_type_ struct provider_type *type = xcalloc(1, sizeof(*type));

	const json_t *spec = catalog_document_spec(document, "ProviderType", &issues);
	type->name = xstrdup_null(json_get_str(document, "metadata.name"));
	if (spec) {
		const json_t *fields = json_object_get(spec, "fields");
		size_t i;
		json_t *field;

		refuse_unknown_members(spec, "/spec", provider_words, &issues);
		type->description = read_member(spec, "/spec", "description", &issues);
		if (!json_is_array(fields))
			issues_add(&issues, "/spec/fields", "must be a list");
		type->fields = xcalloc(json_array_size(fields) + 1, sizeof(*type->fields));
		json_array_foreach(fields, i, field)
		{
			_cleanup_free_ char *place = json_pointer_append_index("/spec/fields", i);
			read_field(&type->fields[type->n_fields++], field, place, &issues);
		}
	}
	int r = issues_to_error(&issues, ERROR_INVALID_ARGUMENT, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(type);
	return 0;
}

void provider_type_free(struct provider_type *type)
{
	if (!type)
		return;
	for (size_t i = 0; i < type->n_fields; i++) {
		struct provider_field *field = &type->fields[i];
		free(field->name);
		strv_free(field->env);
		free(field->default_value);
		strv_free(field->values);
		free(field->description);
	}
	free(type->fields);
	free(type->name);
	free(type->description);
	free(type);
}

char **provider_type_sensitive(const struct provider_type *type)
{
	char **patterns = NULL;
	for (size_t i = 0; i < type->n_fields; i++) {
		const struct provider_field *field = &type->fields[i];
		if (field->sensitive)
			strv_addf(&patterns, "/%s%s", field->name,
				  field->map == PROVIDER_MAP_NONE ? "" : "/*");
	}
	return patterns;
}

/* Text of a scalar, as a user means it (a port may be written as a number); an issue and NULL
 * otherwise. */
static json_t *check_value(const json_t *value, const char *place, struct issues *issues)
{
	if (json_is_string(value) && json_string_length(value) > FIELD_MAX) {
		issues_add(issues, place, "must have at most %zu bytes", FIELD_MAX);
		return NULL;
	}
	if (json_is_string(value))
		return json_incref((json_t *)value);
	if (json_is_number(value) || json_is_boolean(value)) {
		_cleanup_free_ char *text = json_to_text(value, JSON_WRITE_COMPACT);
		return json_new_string(text);
	}
	issues_add(issues, place, "must be text");
	return NULL;
}

static json_t *check_map(const json_t *map, const char *pointer, struct issues *issues)
{
	json_t *result = json_new_object();
	const char *name;
	json_t *member;

	if (!json_is_object(map))
		issues_add(issues, pointer, "must be an object");
	if (json_object_size(map) > MAP_MAX)
		issues_add(issues, pointer, "must have at most %d members", MAP_MAX);
	json_object_foreach((json_t *)map, name, member)
	{
		_cleanup_free_ char *place = json_pointer_append(pointer, name);
		if (!is_variable_name(name))
			issues_add(issues, place,
				   "is no name of a variable that a connection may set");
		json_t *value = check_value(member, place, issues);
		if (value)
			json_set_value(result, name, value);
	}
	return result;
}

static json_t *check_field(const struct provider_field *field, const json_t *given,
			   const char *place, struct issues *issues)
{
	if (!given || json_is_null(given)) {
		if (field->required && !field->default_value)
			issues_add(issues, place, "is missing");
		return NULL;
	}
	if (field->map != PROVIDER_MAP_NONE)
		return check_map(given, place, issues);

	json_t *value = check_value(given, place, issues);
	if (value && field->values && !strv_contains(field->values, json_string_value(value))) {
		_cleanup_free_ char *words = strv_join(field->values, ", ");
		issues_add(issues, place, "must be one of %s", words);
	}
	if (value && field->required && json_string_length(value) == 0)
		issues_add(issues, place, "is empty");
	return value;
}

json_t *provider_type_check(const struct provider_type *type, const json_t *fields,
			    const char *pointer, struct issues *issues)
{
	size_t before = issues->count;
	_cleanup_free_ const char **names = xcalloc(type->n_fields + 1, sizeof(*names));
	for (size_t i = 0; i < type->n_fields; i++)
		names[i] = type->fields[i].name;
	_cleanup_json_ json_t *given = normalise_keys(fields, pointer, names, issues);
	_cleanup_json_ json_t *result = json_new_object();

	for (size_t i = 0; i < type->n_fields; i++) {
		_cleanup_free_ char *place = json_pointer_append(pointer, names[i]);
		json_t *value = check_field(&type->fields[i], json_object_get(given, names[i]),
					    place, issues);
		if (value)
			json_set_value(result, names[i], value);
	}
	return issues->count > before ? NULL : TAKE_PTR(result);
}

static void add_file(json_t *files, json_t *env, const char *name, const char *content)
{
	json_t *file = json_new_object();
	json_set_value(file, "env", env);
	json_set_string(file, "name", name);
	json_set_string(file, "content", content);
	json_append_value(files, file);
}

static json_t *names_to_json(char *const *names)
{
	json_t *array = json_new_array();
	for (; names && *names; names++)
		json_append_value(array, json_new_string(*names));
	return array;
}

static void add_map(const struct provider_field *field, const json_t *map, json_t *env,
		    json_t *files)
{
	const char *name;
	json_t *member;
	json_object_foreach((json_t *)map, name, member)
	{
		if (field->map == PROVIDER_MAP_ENV) {
			json_set_value(env, name, json_incref(member));
		} else {
			char *const names[] = {(char *)name, NULL};
			add_file(files, names_to_json(names), name, json_string_value(member));
		}
	}
}

json_t *connection_to_env(const struct provider_type *type, const json_t *fields)
{
	json_t *result = json_new_object();
	json_t *env = json_new_object();
	json_t *files = json_new_array();
	json_set_value(result, "env", env);
	json_set_value(result, "files", files);

	for (size_t i = 0; i < type->n_fields; i++) {
		const struct provider_field *field = &type->fields[i];
		const json_t *given = json_object_get(fields, field->name);
		const char *value =
			json_is_string(given) ? json_string_value(given) : field->default_value;

		if (field->map != PROVIDER_MAP_NONE) {
			add_map(field, given, env, files);
		} else if (value && field->file) {
			add_file(files, names_to_json(field->env), field->name, value);
		} else if (value) {
			for (char **name = field->env; *name; name++)
				json_set_string(env, *name, value);
		}
	}
	return result;
}
