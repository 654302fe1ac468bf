/* Build tool: `openapi_embed IN.yaml OUT.c` turns the API's document into JSON inside a C array. */
#include <stdio.h>

#include "base/error.h"
#include "base/fileutil.h"
#include "model/json.h"
#include "model/yaml.h"

#define DOCUMENT_MAX ((size_t)4 << 20)

static int convert(const char *from, struct strbuf *out, struct error **err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *document = NULL;
	_cleanup_strbuf_ struct strbuf json = STRBUF_INIT;
	size_t size;
	int r = read_file(from, DOCUMENT_MAX, &text, &size);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot read %s", from);
	r = yaml_parse_one(text, size, &document, err);
	if (r < 0)
		return error_wrap(err, "%s", from);
	json_write(&json, document, JSON_WRITE_COMPACT);
	strbuf_addch(&json, '\n');

	strbuf_addstr(out, "#include \"api/openapi.h\"\n\n"
			   "const unsigned char openapi_document[] = {");
	for (size_t i = 0; i < json.size; i++)
		strbuf_addf(out, "%s%u,", i % 24 == 0 ? "\n\t" : "", (unsigned char)json.data[i]);
	strbuf_addstr(out, "\n};\n"
			   "const size_t openapi_document_size = sizeof(openapi_document);\n");
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_error_ struct error *e = NULL;
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	if (argc != 3) {
		fprintf(stderr, "usage: openapi_embed IN.yaml OUT.c\n");
		return 2;
	}
	int r = convert(argv[1], &out, &e);
	if (r >= 0) {
		r = write_file_atomic(argv[2], out.data, out.size, 0644);
		if (r < 0)
			error_set_errno(&e, ERROR_INTERNAL, r, "cannot write %s", argv[2]);
	}
	if (r >= 0)
		return 0;
	_cleanup_free_ char *message = error_describe(e);
	fprintf(stderr, "openapi_embed: %s\n", message);
	return 1;
}
