/* Collected findings. */
#include "model/issue.h"

#include <stdarg.h>

#include "base/strbuf.h"
#include "model/json.h"

void issues_release(struct issues *issues)
{
	for (size_t i = 0; i < issues->count; i++) {
		free(issues->items[i].pointer);
		free(issues->items[i].message);
	}
	free(issues->items);
	*issues = (struct issues){0};
}

void issues_add(struct issues *issues, const char *pointer, const char *format, ...)
{
	if (issues->count == ISSUES_MAX) {
		issues->dropped++;
		return;
	}
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *text = xvasprintf(format, arguments);
	va_end(arguments);

	_cleanup_free_ char *path = json_pointer_to_path(pointer);
	issues->items = xreallocarray(issues->items, issues->count + 1, sizeof(*issues->items));
	issues->items[issues->count++] = (struct issue){
		.pointer = xstrdup(pointer),
		.message = xasprintf("%s %s", path, text),
	};
}

int issues_to_error(const struct issues *issues, enum error_code code, struct error **err)
{
	if (issues->count == 0)
		return 0;

	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	for (size_t i = 0; i < issues->count; i++)
		strbuf_addf(&text, "%s%s", i > 0 ? "; " : "", issues->items[i].message);
	if (issues->dropped > 0)
		strbuf_addf(&text, "; and %zu more", issues->dropped);
	int r = error_set_field(err, code, issues->items[0].pointer, "%s", text.data);
	for (size_t i = 0; i < issues->count; i++)
		error_add_detail(err, issues->items[i].pointer, issues->items[i].message);
	return r;
}

json_t *issues_to_json(const struct issues *issues)
{
	json_t *array = json_new_array();
	for (size_t i = 0; i < issues->count; i++) {
		json_t *item = json_new_object();
		json_set_string(item, "field", issues->items[i].pointer);
		json_set_string(item, "message", issues->items[i].message);
		json_append_value(array, item);
	}
	return array;
}
