/* A manifest's spec as a module's variables. */
#include "model/variables.h"

#include "base/strutil.h"
#include "model/json.h"
#include "model/variable_type.h"

static const struct module_variable *find(const struct module_variable *variables, size_t count,
					  const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (streq(variables[i].name, name))
			return &variables[i];
	return NULL;
}

static void set_variable(json_t *result, const struct module_variable *variable,
			 const json_t *value)
{
	json_t *adapted =
		variable->type ? variable_type_adapt(variable->type, value) : json_deep_copy(value);
	json_set_value(result, variable->name, adapted);
}

/* metadata's own names are ours; the keys of labels and annotations are the user's. */
static json_t *metadata_to_snake_case(const json_t *metadata)
{
	json_t *result = json_new_object();
	const char *key;
	json_t *member;
	json_object_foreach((json_t *)metadata, key, member)
	{
		_cleanup_free_ char *snake = camel_to_snake(key);
		json_set_value(result, snake, json_deep_copy(member));
	}
	return result;
}

static void build_upstream(json_t *result, const struct module_variable *variables, size_t count,
			   const struct schema *schema, const json_t *metadata, const json_t *spec)
{
	_cleanup_json_ json_t *snake_metadata = metadata_to_snake_case(metadata);
	_cleanup_json_ json_t *snake_spec =
		schema ? schema_to_snake_case(schema, spec) : json_deep_copy(spec);
	set_variable(result, find(variables, count, "metadata"), snake_metadata);
	set_variable(result, find(variables, count, "spec"), snake_spec);
}

static void build_flat(json_t *result, const struct module_variable *variables, size_t count,
		       const json_t *spec, struct issues *issues)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)spec, key, value)
	{
		_cleanup_free_ char *snake = camel_to_snake(key);
		_cleanup_free_ char *place = json_pointer_append("/spec", key);
		const struct module_variable *variable = find(variables, count, key);
		if (!variable)
			variable = find(variables, count, snake);
		if (!variable)
			issues_add(issues, place, "is no variable of the module");
		else if (json_object_get(result, variable->name))
			issues_add(issues, place,
				   "is there twice: the variable %s has a value already",
				   variable->name);
		else
			set_variable(result, variable, value);
	}
}

json_t *variables_build(const struct module_variable *variables, size_t count,
			const struct schema *schema, const json_t *metadata, const json_t *spec,
			struct issues *issues)
{
	size_t before = issues->count;
	_cleanup_json_ json_t *result = json_new_object();

	if (find(variables, count, "metadata") && find(variables, count, "spec"))
		build_upstream(result, variables, count, schema, metadata, spec);
	else
		build_flat(result, variables, count, spec, issues);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *place = json_pointer_append("/spec", variables[i].name);
		if (variables[i].required && !json_object_get(result, variables[i].name))
			issues_add(issues, place,
				   "is missing: the module's variable %s has no default",
				   variables[i].name);
	}
	return issues->count > before ? NULL : TAKE_PTR(result);
}
