/* Two documents, a schema and a value: spelling one way and back, validation, defaults. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/json.h"
#include "model/schema.h"
#include "model/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(const struct schema *schema, const json_t *value)
{
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_json_ json_t *normal = schema_normalise(schema, value, "/spec", &issues);
	if (issues.count > 0)
		return;
	_cleanup_json_ json_t *snake = schema_to_snake_case(schema, normal);
	_cleanup_json_ json_t *again = schema_normalise(schema, snake, "/spec", &issues);
	if (issues.count == 0 && !json_equal(normal, again))
		abort();

	bool valid = schema_validate(schema, normal, "/spec", 0, &issues);
	if (valid != (issues.count == 0))
		abort();
	schema_apply_defaults(schema, normal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	_cleanup_schema_ struct schema *schema = NULL;
	/* Long patterns make regcomp() slow, and patterns are the catalogue's, not a user's. */
	if (size > 4096 || yaml_parse((const char *)data, size, &yaml, NULL) < 0 ||
	    yaml_count(yaml) < 2)
		return 0;
	if (schema_compile(yaml_root(yaml, 0), &schema, NULL) < 0)
		return 0;
	for (size_t i = 1; i < yaml_count(yaml); i++)
		check_value(schema, yaml_root(yaml, i));
	return 0;
}
