/* Copies of values with the spelling that the schema or an engine module wants, and with defaults.
 */
#include "base/strutil.h"
#include "model/json.h"
#include "model/schema_internal.h"

static json_t *copy(const json_t *value)
{
	json_t *result = json_deep_copy(value);
	if (!result)
		out_of_memory();
	return result;
}

static json_t *normalise_object(const struct schema *schema, const json_t *object,
				const char *pointer, struct issues *issues)
{
	json_t *result = json_new_object();
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)object, name, member)
	{
		_cleanup_free_ char *place = json_pointer_append(pointer, name);
		const struct schema_property *property = schema_find_property(schema, name, true);
		const char *canonical = property ? property->name : name;
		const struct schema *inner = property ? property->schema : schema->additional;

		if (json_object_get(result, canonical)) {
			issues_add(issues, place, "is there twice, as %s and as %s", canonical,
				   property ? property->snake : name);
			continue;
		}
		json_set_value(result, canonical,
			       inner ? schema_normalise(inner, member, place, issues)
				     : copy(member));
	}
	return result;
}

/* {value_from: {field_path: ...}} where no object is allowed otherwise; NULL for anything else. */
static json_t *normalise_reference(const struct schema *schema, const json_t *value,
				   const char *pointer, struct issues *issues)
{
	if (schema->types == 0 || (schema->types & TYPE_OBJECT) || json_object_size(value) != 1 ||
	    !json_is_object(json_object_get(value, "value_from")))
		return NULL;
	json_t *result = json_new_object();
	json_t *reference = json_new_object();
	const char *name;
	json_t *member;
	_cleanup_free_ char *base = json_pointer_append(pointer, "value_from");
	json_object_foreach(json_object_get(value, "value_from"), name, member)
	{
		const char *canonical = streq(name, "field_path") ? "fieldPath" : name;
		_cleanup_free_ char *place = json_pointer_append(base, name);
		if (json_object_get(reference, canonical))
			issues_add(issues, place, "is there twice, as fieldPath and as field_path");
		else
			json_set_value(reference, canonical, copy(member));
	}
	json_set_value(result, "valueFrom", reference);
	return result;
}

json_t *schema_normalise(const struct schema *schema, const json_t *value, const char *pointer,
			 struct issues *issues)
{
	json_t *reference = normalise_reference(schema, value, pointer, issues);
	if (reference)
		return reference;
	if (json_is_object(value))
		return normalise_object(schema, value, pointer, issues);
	if (!json_is_array(value) || !schema->items)
		return copy(value);

	json_t *result = json_new_array();
	size_t i;
	json_t *element;
	json_array_foreach(value, i, element)
	{
		_cleanup_free_ char *place = json_pointer_append_index(pointer, i);
		json_append_value(result, schema_normalise(schema->items, element, place, issues));
	}
	return result;
}

json_t *schema_to_snake_case(const struct schema *schema, const json_t *value)
{
	size_t i;
	const char *name;
	json_t *member;

	if (json_is_object(value)) {
		json_t *result = json_new_object();
		json_object_foreach((json_t *)value, name, member)
		{
			const struct schema_property *property =
				schema_find_property(schema, name, true);
			const struct schema *inner =
				property ? property->schema : schema->additional;
			json_set_value(result, property ? property->snake : name,
				       inner ? schema_to_snake_case(inner, member) : copy(member));
		}
		return result;
	}
	if (!json_is_array(value) || !schema->items)
		return copy(value);

	json_t *result = json_new_array();
	json_array_foreach(value, i, member)
		json_append_value(result, schema_to_snake_case(schema->items, member));
	return result;
}

void schema_apply_defaults(const struct schema *schema, json_t *value)
{
	size_t i;
	const char *name;
	json_t *member;

	if (json_is_array(value) && schema->items) {
		json_array_foreach(value, i, member) schema_apply_defaults(schema->items, member);
		return;
	}
	if (!json_is_object(value))
		return;

	for (i = 0; i < schema->n_properties; i++) {
		const struct schema_property *property = &schema->properties[i];
		if (!json_object_get(value, property->name) && property->schema->default_value)
			json_set_value(value, property->name,
				       copy(property->schema->default_value));
	}
	json_object_foreach(value, name, member)
	{
		const struct schema_property *property = schema_find_property(schema, name, false);
		const struct schema *inner = property ? property->schema : schema->additional;
		if (inner)
			schema_apply_defaults(inner, member);
	}
}
