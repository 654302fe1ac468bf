/* What the reader takes, the writer writes, and reading that back gives the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model/json.h"
#include "model/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_document(const json_t *value)
{
	_cleanup_free_ char *text = yaml_to_text(value);
	_cleanup_json_ json_t *again = NULL;
	size_t size = strlen(text);
	if (size > YAML_MAX_SIZE)
		return;
	if (yaml_parse_one(text, size, &again, NULL) < 0)
		abort();
	_cleanup_free_ char *a = json_to_text(value, JSON_WRITE_COMPACT);
	_cleanup_free_ char *b = json_to_text(again, JSON_WRITE_COMPACT);
	if (strcmp(a, b) != 0)
		abort();
	_cleanup_json_ json_t *parsed = NULL;
	if (json_parse(a, strlen(a), SIZE_MAX, &parsed, NULL) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	_cleanup_error_ struct error *err = NULL;

	if (yaml_parse((const char *)data, size, &yaml, &err) < 0) {
		if (!err)
			abort();
		return 0;
	}
	for (size_t i = 0; i < yaml_count(yaml); i++) {
		(void)yaml_position(yaml, i, "/metadata/labels/0/x", NULL);
		/* A lone null is written as such, and read back as an empty text's would be: as
		 * nothing. */
		if (!json_is_null(yaml_root(yaml, i)))
			check_document(yaml_root(yaml, i));
	}
	return 0;
}
