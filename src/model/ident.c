/* Ids and slugs. */
#include "model/ident.h"

#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"
#include "base/ulid.h"

static const char *const other_prefixes[] = {
	ID_PREFIX_STACK_JOB,
	ID_PREFIX_VERSION,
	ID_PREFIX_RUNNER,
	ID_PREFIX_API_KEY,
	"fcp",
	"iacmod",
	"dpc",
	"pca",
	"sb",
	"chart",
	"infpj",
	"infpipe",
	"sec",
	"secver",
	"var",
};

char *resource_id_new(enum resource_type type)
{
	return id_new(resource_type_prefix(type));
}

enum resource_type ident_resource_type(const char *id)
{
	for (int type = 0; type < _RESOURCE_TYPE_MAX; type++)
		if (id_is_valid(id, resource_type_prefix((enum resource_type)type)))
			return (enum resource_type)type;
	return _RESOURCE_TYPE_INVALID;
}

bool ident_is_valid(const char *id)
{
	if (ident_resource_type(id) != _RESOURCE_TYPE_INVALID)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(other_prefixes); i++)
		if (id_is_valid(id, other_prefixes[i]))
			return true;
	return false;
}

static bool is_slug_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

char *slug_from_name(const char *name)
{
	_cleanup_strbuf_ struct strbuf slug = STRBUF_INIT;
	bool hyphen = false;

	for (; *name; name++) {
		char c = *name >= 'A' && *name <= 'Z' ? (char)(*name - 'A' + 'a') : *name;
		if (!is_slug_character(c)) {
			hyphen = slug.size > 0;
			continue;
		}
		if (slug.size + 1 + hyphen > SLUG_MAX_LENGTH)
			break;
		if (hyphen)
			strbuf_addch(&slug, '-');
		strbuf_addch(&slug, c);
		hyphen = false;
	}
	return slug.size > 0 ? strbuf_detach(&slug, NULL) : NULL;
}

bool slug_is_valid(const char *slug)
{
	size_t length = strlen(slug);
	if (length == 0 || length > SLUG_MAX_LENGTH)
		return false;
	for (size_t i = 0; i < length; i++) {
		bool inner_hyphen = slug[i] == '-' && i > 0 && i + 1 < length && slug[i - 1] != '-';
		if (!is_slug_character(slug[i]) && !inner_hyphen)
			return false;
	}
	return true;
}
