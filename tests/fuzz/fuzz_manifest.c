/* A manifest that was accepted is accepted again, and comes out the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/ident.h"
#include "model/manifest.h"
#include "model/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_document(const json_t *document)
{
	_cleanup_issues_ struct issues issues = ISSUES_INIT;
	_cleanup_manifest_ struct manifest manifest = {0};
	_cleanup_error_ struct error *err = NULL;
	if (manifest_parse(document, &manifest, &issues, &err) < 0) {
		if (!err)
			abort();
		return;
	}
	if (!manifest.name || !slug_is_valid(manifest.slug) || !json_is_object(manifest.spec))
		abort();

	_cleanup_manifest_ struct manifest again = {0};
	if (manifest_parse(manifest.doc, &again, &issues, NULL) < 0 ||
	    !json_equal(manifest.doc, again.doc))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_yaml_text_ struct yaml_text *yaml = NULL;
	if (yaml_parse((const char *)data, size, &yaml, NULL) < 0)
		return 0;
	for (size_t i = 0; i < yaml_count(yaml); i++)
		check_document(yaml_root(yaml, i));
	return 0;
}
