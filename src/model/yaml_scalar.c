/* The core schema of YAML 1.2, save that decimal numbers with a leading zero are strings. */
#include "model/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strutil.h"
#include "model/json.h"

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (streq(text, *words))
			return true;
	return false;
}

static const char *skip_sign(const char *text)
{
	return *text == '-' || *text == '+' ? text + 1 : text;
}

static size_t count_digits(const char *text)
{
	return strspn(text, "0123456789");
}

static bool is_based_integer(const char *text)
{
	const char *digits;
	if (startswith(text, "0x"))
		digits = "0123456789abcdefABCDEF";
	else if (startswith(text, "0o"))
		digits = "01234567";
	else
		return false;
	return text[2] && strspn(text + 2, digits) == strlen(text + 2);
}

static bool has_leading_zero(const char *digits)
{
	return digits[0] == '0' && isdigit((unsigned char)digits[1]);
}

static bool is_real(const char *text)
{
	size_t whole = count_digits(text);
	text += whole;
	size_t fraction = 0;
	if (*text == '.') {
		fraction = count_digits(++text);
		text += fraction;
	}
	if (whole + fraction == 0)
		return false;
	if (*text == 'e' || *text == 'E') {
		text = skip_sign(text + 1);
		size_t exponent = count_digits(text);
		if (exponent == 0)
			return false;
		text += exponent;
	}
	return *text == '\0';
}

enum yaml_scalar yaml_scalar_kind(const char *text)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const specials[] = {".inf", ".Inf", ".INF", NULL};
	static const char *const not_numbers[] = {".nan", ".NaN", ".NAN", NULL};

	if (is_one_of(text, nulls))
		return YAML_SCALAR_NULL;
	if (is_one_of(text, trues))
		return YAML_SCALAR_TRUE;
	if (is_one_of(text, falses))
		return YAML_SCALAR_FALSE;
	if (is_one_of(skip_sign(text), specials) || is_one_of(text, not_numbers))
		return YAML_SCALAR_NOT_JSON;
	if (is_based_integer(text))
		return YAML_SCALAR_INTEGER;

	const char *digits = skip_sign(text);
	if (has_leading_zero(digits))
		return YAML_SCALAR_STRING;
	if (*digits && count_digits(digits) == strlen(digits))
		return YAML_SCALAR_INTEGER;
	return is_real(digits) ? YAML_SCALAR_REAL : YAML_SCALAR_STRING;
}

static int integer_value(const char *text, json_t **ret)
{
	int base = 10;
	const char *digits = text;
	if (startswith(text, "0x"))
		base = 16;
	else if (startswith(text, "0o"))
		base = 8;
	if (base != 10)
		digits += 2;

	errno = 0;
	long long value = strtoll(digits, NULL, base);
	if (errno == ERANGE)
		return -ERANGE;
	*ret = json_integer(value);
	return 0;
}

int yaml_scalar_value(const char *text, enum yaml_scalar kind, json_t **ret)
{
	double real;

	switch (kind) {
	case YAML_SCALAR_STRING:
		*ret = json_new_string(text);
		break;
	case YAML_SCALAR_NULL:
		*ret = json_null();
		break;
	case YAML_SCALAR_TRUE:
		*ret = json_true();
		break;
	case YAML_SCALAR_FALSE:
		*ret = json_false();
		break;
	case YAML_SCALAR_INTEGER:
		if (integer_value(text, ret) < 0)
			return -ERANGE;
		break;
	case YAML_SCALAR_REAL:
		real = strtod(text, NULL);
		if (!isfinite(real))
			return -ERANGE;
		*ret = json_real(real);
		break;
	case YAML_SCALAR_NOT_JSON:
		return -ERANGE;
	}
	if (!*ret)
		out_of_memory();
	return 0;
}
