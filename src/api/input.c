/* What routes read of a request, and pages of lists. */
#include <string.h>

#include "api/exchange.h"
#include "api/internal.h"
#include "base/parse.h"
#include "base/strutil.h"
#include "control/catalog.h"
#include "model/json.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX     500

static const json_t *member(struct exchange *x, const char *name)
{
	const json_t *value = json_object_get(x->body, name);
	return json_is_null(value) ? NULL : value;
}

static int wrong_type(const char *name, const char *wanted, struct error **err)
{
	return error_set_field(err, ERROR_INVALID_ARGUMENT, name, "%s is not %s", name, wanted);
}

static int missing(const char *name, struct error **err)
{
	return error_set_field(err, ERROR_INVALID_ARGUMENT, name, "%s is missing", name);
}

int exchange_string(struct exchange *x, const char *name, const char **ret, struct error **err)
{
	const json_t *value = member(x, name);
	if (value && !json_is_string(value))
		return wrong_type(name, "a string", err);
	*ret = json_string_value(value);
	return 0;
}

int exchange_string_required(struct exchange *x, const char *name, const char **ret,
			     struct error **err)
{
	const char *value;
	int r = exchange_string(x, name, &value, err);
	if (r < 0)
		return r;
	if (isempty(value))
		return missing(name, err);
	*ret = value;
	return 0;
}

int exchange_bool(struct exchange *x, const char *name, bool *ret, struct error **err)
{
	const json_t *value = member(x, name);
	if (value && !json_is_boolean(value))
		return wrong_type(name, "true or false", err);
	*ret = json_is_true(value);
	return 0;
}

int exchange_object_required(struct exchange *x, const char *name, const json_t **ret,
			     struct error **err)
{
	const json_t *value = member(x, name);
	if (!value)
		return missing(name, err);
	if (!json_is_object(value))
		return wrong_type(name, "an object", err);
	*ret = value;
	return 0;
}

int exchange_strings(struct exchange *x, const char *name, const json_t **ret, struct error **err)
{
	const json_t *value = member(x, name);
	if (value && !json_is_array(value))
		return wrong_type(name, "a list of strings", err);
	size_t i;
	json_t *item;
	json_array_foreach((json_t *)value, i, item)
	{
		if (!json_is_string(item))
			return wrong_type(name, "a list of strings", err);
	}
	*ret = value;
	return 0;
}

int exchange_query_bool(struct exchange *x, const char *name, bool *ret, struct error **err)
{
	const char *value = http_request_query(x->request, name);
	if (!value)
		return 0;
	if (!streq(value, "true") && !streq(value, "false"))
		return wrong_type(name, "true or false", err);
	*ret = streq(value, "true");
	return 0;
}

int exchange_query_int(struct exchange *x, const char *name, int64_t *ret, struct error **err)
{
	const char *value = http_request_query(x->request, name);
	uint64_t number;
	if (!value)
		return 0;
	if (parse_u64(value, &number) < 0 || number > INT64_MAX)
		return wrong_type(name, "a whole number", err);
	*ret = (int64_t)number;
	return 0;
}

int exchange_query_enum(struct exchange *x, const char *name, int (*from_string)(const char *),
			const char *(*to_string)(int), int max, int *ret, struct error **err)
{
	const char *value = http_request_query(x->request, name);
	if (!value)
		return 0;
	int found = from_string(value);
	if (found < 0) {
		_cleanup_strbuf_ struct strbuf words = STRBUF_INIT;
		for (int i = 0; i < max; i++)
			strbuf_addf(&words, "%s%s", i > 0 ? ", " : "", to_string(i));
		int r = error_set_field(err, ERROR_INVALID_ARGUMENT, name, "%s is no %s", value,
					name);
		error_hint(err, "it is one of %s", words.data);
		return r;
	}
	*ret = found;
	return 0;
}

int exchange_query_kind(struct exchange *x, struct error **err)
{
	const char *name = http_request_query(x->request, "kind");
	const struct cloud_resource_kind *kind;
	int r = name ? catalog_kind_find(x->api->catalog, name, &kind, err) : 0;
	if (r < 0)
		error_hint(err, "planton list kinds shows them");
	return r;
}

char *exchange_if_match(struct exchange *x)
{
	const char *value = http_request_header(x->request, "If-Match");
	if (!value || streq(value, "*"))
		return NULL;
	size_t length = strlen(value);
	if (length >= 2 && value[0] == '"' && value[length - 1] == '"')
		return xstrndup(value + 1, length - 2);
	return xstrdup(value);
}

void exchange_etag(struct exchange *x, const char *version)
{
	_cleanup_free_ char *tag = xasprintf("\"%s\"", version);
	http_response_header(x->response, "ETag", tag);
}

int exchange_page(struct exchange *x, struct page *ret, struct error **err)
{
	int64_t limit = PAGE_DEFAULT;
	int r = exchange_query_int(x, "limit", &limit, err);
	if (r < 0)
		return r;
	if (limit < 1 || limit > PAGE_MAX)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "limit",
				       "limit is not between 1 and %d", PAGE_MAX);
	const char *cursor = http_request_query(x->request, "cursor");
	*ret = (struct page){
		.limit = (size_t)limit,
		.cursor = isempty(cursor) ? NULL : cursor,
	};
	return 0;
}

void exchange_answer_page(struct exchange *x, json_t *items, const char *next)
{
	x->answer = json_new_object();
	json_set_value(x->answer, "items", items);
	json_set_string_or_null(x->answer, "nextCursor", next);
}
