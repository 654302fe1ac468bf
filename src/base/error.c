/* Errors, and the one table of what each code is called elsewhere. */
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/strbuf.h"

struct error_row {
	const char *name;
	int http_status;
	enum exit_code exit_code;
};

static const struct error_row table[ERROR_CODE_MAX] = {
	[ERROR_INVALID_ARGUMENT] = {"invalid_argument", 400, EXIT_CODE_USAGE},
	[ERROR_UNAUTHENTICATED] = {"unauthenticated", 401, EXIT_CODE_NOT_ALLOWED},
	[ERROR_PERMISSION_DENIED] = {"permission_denied", 403, EXIT_CODE_NOT_ALLOWED},
	[ERROR_NOT_FOUND] = {"not_found", 404, EXIT_CODE_NOT_FOUND},
	[ERROR_METHOD_NOT_ALLOWED] = {"method_not_allowed", 405, EXIT_CODE_ERROR},
	[ERROR_ALREADY_EXISTS] = {"already_exists", 409, EXIT_CODE_ERROR},
	[ERROR_CONFLICT] = {"conflict", 409, EXIT_CODE_ERROR},
	[ERROR_AMBIGUOUS] = {"ambiguous", 409, EXIT_CODE_USAGE},
	[ERROR_STALE_EPOCH] = {"stale_epoch", 409, EXIT_CODE_ERROR},
	[ERROR_LOCKED] = {"locked", 423, EXIT_CODE_ERROR},
	[ERROR_PRECONDITION_FAILED] = {"precondition_failed", 412, EXIT_CODE_REFUSED},
	[ERROR_TOO_LARGE] = {"too_large", 413, EXIT_CODE_ERROR},
	[ERROR_UNSUPPORTED_MEDIA_TYPE] = {"unsupported_media_type", 415, EXIT_CODE_ERROR},
	[ERROR_UNPROCESSABLE] = {"unprocessable", 422, EXIT_CODE_ERROR},
	[ERROR_RATE_LIMITED] = {"rate_limited", 429, EXIT_CODE_ERROR},
	[ERROR_CANCELLED] = {"cancelled", 499, EXIT_CODE_CANCELLED},
	[ERROR_INTERNAL] = {"internal", 500, EXIT_CODE_ERROR},
	[ERROR_UNIMPLEMENTED] = {"unimplemented", 501, EXIT_CODE_ERROR},
	[ERROR_UNAVAILABLE] = {"unavailable", 503, EXIT_CODE_ERROR},
	[ERROR_TIMEOUT] = {"timeout", 504, EXIT_CODE_ERROR},
};

static const struct error_row *row(enum error_code code)
{
	bool known = code > 0 && code < ERROR_CODE_MAX;
	return &table[known ? code : ERROR_INTERNAL];
}

const char *error_code_string(enum error_code code)
{
	return row(code)->name;
}

int error_code_http_status(enum error_code code)
{
	return row(code)->http_status;
}

enum exit_code error_code_exit(enum error_code code)
{
	return row(code)->exit_code;
}

enum error_code error_code_from_string(const char *string)
{
	for (enum error_code code = 1; code < ERROR_CODE_MAX; code++)
		if (strcmp(table[code].name, string) == 0)
			return code;
	return ERROR_CODE_INVALID;
}

enum error_code error_code_from_http_status(int status)
{
	if (status == 409)
		return ERROR_CONFLICT;
	if (status == 408)
		return ERROR_TIMEOUT;
	if (status == 502)
		return ERROR_UNAVAILABLE;
	for (enum error_code code = 1; code < ERROR_CODE_MAX; code++)
		if (table[code].http_status == status)
			return code;
	return status >= 400 && status < 500 ? ERROR_INVALID_ARGUMENT : ERROR_INTERNAL;
}

/* Takes the message. */
static int put(struct error **err, enum error_code code, int err_no, const char *field,
	       char *message)
{
	struct error *error = xcalloc(1, sizeof(*error));
	error->code = code;
	error->err_no = err_no;
	error->field = xstrdup_null(field);
	error->message = message;
	error_free(*err);
	*err = error;
	return -(int)code;
}

int error_setv(struct error **err, enum error_code code, const char *format, va_list arguments)
{
	return err ? put(err, code, 0, NULL, xvasprintf(format, arguments)) : -(int)code;
}

int(error_set)(struct error **err, enum error_code code, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int r = error_setv(err, code, format, arguments);
	va_end(arguments);
	return r;
}

int(error_set_field)(struct error **err, enum error_code code, const char *field,
		     const char *format, ...)
{
	if (!err)
		return -(int)code;
	va_list arguments;
	va_start(arguments, format);
	char *message = xvasprintf(format, arguments);
	va_end(arguments);
	return put(err, code, 0, field, message);
}

int(error_set_errno)(struct error **err, enum error_code code, int errnum, const char *format, ...)
{
	if (!err)
		return -(int)code;
	int positive = errnum < 0 ? -errnum : errnum;
	char text[128];
	_cleanup_strbuf_ struct strbuf message = STRBUF_INIT;
	va_list arguments;
	va_start(arguments, format);
	strbuf_addvf(&message, format, arguments);
	va_end(arguments);
	strbuf_addf(&message, ": %s", strerror_r(positive, text, sizeof(text)));
	return put(err, code, positive, NULL, strbuf_detach(&message, NULL));
}

int(error_wrap)(struct error **err, const char *format, ...)
{
	if (!err || !*err)
		return -(int)ERROR_INTERNAL;
	struct error *cause = *err;
	struct error *error = xcalloc(1, sizeof(*error));
	error->code = cause->code;
	error->err_no = cause->err_no;
	error->field = xstrdup_null(cause->field);
	error->hint = xstrdup_null(cause->hint);
	error->details = TAKE_PTR(cause->details);
	error->n_details = cause->n_details;
	cause->n_details = 0;
	error->cause = cause;
	va_list arguments;
	va_start(arguments, format);
	error->message = xvasprintf(format, arguments);
	va_end(arguments);
	*err = error;
	return -(int)error->code;
}

void error_hint(struct error **err, const char *format, ...)
{
	if (!err || !*err)
		return;
	va_list arguments;
	va_start(arguments, format);
	char *hint = xvasprintf(format, arguments);
	va_end(arguments);
	free((*err)->hint);
	(*err)->hint = hint;
}

void error_add_detail(struct error **err, const char *field, const char *message)
{
	if (!err || !*err)
		return;
	struct error *error = *err;
	error->details =
		xreallocarray(error->details, error->n_details + 1, sizeof(*error->details));
	error->details[error->n_details++] = (struct error_detail){
		.field = xstrdup_null(field),
		.message = xstrdup(message),
	};
}

int(error_move)(struct error **err, struct error **from)
{
	struct error *error = TAKE_PTR(*from);
	int r = error ? -(int)error->code : -(int)ERROR_INTERNAL;
	if (err && error) {
		error_free(*err);
		*err = error;
	} else {
		error_free(error);
	}
	return r;
}

char *error_describe(const struct error *error)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	for (; error; error = error->cause) {
		strbuf_addstr(&text, error->message);
		if (error->cause)
			strbuf_addstr(&text, ": ");
	}
	return strbuf_detach(&text, NULL);
}

void error_free(struct error *error)
{
	while (error) {
		struct error *cause = error->cause;
		free(error->message);
		free(error->field);
		free(error->hint);
		for (size_t i = 0; i < error->n_details; i++) {
			free(error->details[i].field);
			free(error->details[i].message);
		}
		free(error->details);
		free(error);
		error = cause;
	}
}
