#include "documents.h"

#include <dirent.h>

#include "base/fileutil.h"

json_t *document(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *text = xvasprintf(format, arguments);
	va_end(arguments);
	for (char *at = text; *at; at++)
		if (*at == '\'')
			*at = '"';
	json_error_t problem;
	json_t *value = json_loads(text, JSON_DECODE_ANY, &problem);
	if (!value)
		fail_msg("%s: %s", problem.text, text);
	return value;
}

json_t *vault(const char *name, const char *spec)
{
	return document(
		"{'apiVersion': 'vault.test/v1', 'kind': 'Vault', 'metadata': {'name': '%s', "
		"'env': 'dev'}, 'spec': %s}",
		name, spec);
}

json_t *plain(const char *kind, const char *name, const char *spec)
{
	return document("{'apiVersion': 'planton.dev/v1', 'kind': '%s', 'metadata': {'name': "
			"'%s'}, 'spec': %s}",
			kind, name, spec);
}

int try_apply(struct fixture *f, json_t *manifest, const struct apply_options *options,
	      struct apply_result *ret, struct error **err)
{
	_cleanup_json_ json_t *owned = manifest;
	struct work *w = begin(f);
	int r = resource_apply(w, manifest, options ? options : &(struct apply_options){0}, ret,
			       err);
	if (r < 0)
		work_rollback(w);
	else
		end(w);
	return r;
}

void applied(struct fixture *f, json_t *manifest, enum apply_outcome outcome,
	     struct resource_row *ret)
{
	_cleanup_(apply_result_release) struct apply_result result = {0};
	OK(try_apply(f, manifest, NULL, &result, ERR));
	assert_int_equal(result.outcome, outcome);
	assert_null(result.job.id);
	if (ret) {
		*ret = result.resource;
		result.resource = (struct resource_row){0};
	}
}

void assert_error(int r, enum error_code code, const char *field, const char *message)
{
	assert_true(r < 0);
	assert_non_null(test_error);
	_cleanup_free_ char *text = error_describe(test_error);
	if (test_error->code != code || (field && !streq_null(test_error->field, field)) ||
	    !strstr(text, message))
		fail_msg("%s, field %s: %s", error_code_string(test_error->code),
			 test_error->field ? test_error->field : "(none)", text);
	error_free(test_error);
	test_error = NULL;
}

void refused(struct fixture *f, json_t *manifest, enum error_code code, const char *field,
	     const char *message)
{
	_cleanup_(apply_result_release) struct apply_result result = {0};
	assert_error(try_apply(f, manifest, NULL, &result, ERR), code, field, message);
}

int try_delete(struct fixture *f, const char *id, const struct delete_options *options,
	       struct error **err)
{
	_cleanup_resource_ struct resource_row row = stored(f, id);
	struct work *w = begin(f);
	int r = resource_delete_checked(w, &row, options ? options : &(struct delete_options){0},
					err);
	if (r < 0)
		work_rollback(w);
	else
		end(w);
	return r;
}

struct resource_row stored(struct fixture *f, const char *id)
{
	struct resource_row row = {0};
	struct work *w = begin(f);
	OK(resource_get(w->tx, id, &row, ERR));
	end(w);
	return row;
}

bool on_disk(struct fixture *f, const char *secret)
{
	bool found = false;
	DIR *folder = opendir(f->folder);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		_cleanup_free_ char *path = path_join(f->folder, entry->d_name, NULL),
				    *bytes = NULL;
		size_t size;
		assert_int_equal(read_file(path, (size_t)64 << 20, &bytes, &size), 0);
		found = found || memmem(bytes, size, secret, strlen(secret));
	}
	closedir(folder);
	return found;
}
