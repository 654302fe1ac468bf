/*
 * What went wrong, for everything above base/. A function that can fail takes
 * `struct error **err` as its last parameter and returns a negative number
 * after filling it; on success *err is untouched. err may be NULL when the
 * caller wants only the sign. Whoever holds *err owns it.
 */
#pragma once

#include <stdarg.h>

#include "base/alloc.h"

enum error_code {
	ERROR_INVALID_ARGUMENT = 1,
	ERROR_UNAUTHENTICATED,
	ERROR_PERMISSION_DENIED,
	ERROR_NOT_FOUND,
	ERROR_METHOD_NOT_ALLOWED,
	ERROR_ALREADY_EXISTS,
	ERROR_CONFLICT,		   /* stale If-Match, or not possible in this state */
	ERROR_AMBIGUOUS,	   /* names several; the candidates are its details */
	ERROR_STALE_EPOCH,	   /* the lease that this write belongs to is over */
	ERROR_LOCKED,		   /* state is locked by another */
	ERROR_PRECONDITION_FAILED, /* preflight or policy refused */
	ERROR_TOO_LARGE,	   /* a limit was passed; the message names it */
	ERROR_UNSUPPORTED_MEDIA_TYPE,
	ERROR_UNPROCESSABLE, /* well-formed, but against its schema */
	ERROR_RATE_LIMITED,
	ERROR_CANCELLED,
	ERROR_INTERNAL,
	ERROR_UNIMPLEMENTED,
	ERROR_UNAVAILABLE, /* try again later */
	ERROR_TIMEOUT,
	ERROR_CODE_MAX,
	ERROR_CODE_INVALID = -1,
};

enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_ERROR = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_NOT_ALLOWED = 3,
	EXIT_CODE_JOB_FAILED = 4,
	EXIT_CODE_REFUSED = 5,
	EXIT_CODE_NOT_FOUND = 6,
	EXIT_CODE_CANCELLED = 8,
	EXIT_CODE_AWAITING_APPROVAL = 10,
};

/* One of several findings behind one error. */
struct error_detail {
	char *field; /* or NULL */
	char *message;
};

struct error {
	enum error_code code;
	int err_no;		      /* a positive errno, or 0 */
	char *message;		      /* what failed and why, without a full stop */
	char *field;		      /* path of the offending field, or NULL */
	char *hint;		      /* what to do about it, or NULL */
	struct error_detail *details; /* all findings, where there are several */
	size_t n_details;
	struct error *cause; /* what this one wraps, or NULL */
};

/*
 * All return a negative number, so that callers write `return error_set(...)`.
 * An earlier *err is freed, except by error_wrap().
 */
int error_set(struct error **err, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int error_setv(struct error **err, enum error_code code, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
int error_set_field(struct error **err, enum error_code code, const char *field, const char *format,
		    ...) __attribute__((format(printf, 4, 5)));
/* Appends ": <text of errnum>"; errnum may have either sign. */
int error_set_errno(struct error **err, enum error_code code, int errnum, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts a message before what *err says; code, errno, field and hint stay. */
int error_wrap(struct error **err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says what to do about it; replaces an earlier hint. Nothing when err or *err is NULL. */
void error_hint(struct error **err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a finding to *err. Nothing when err or *err is NULL. */
void error_add_detail(struct error **err, const char *field, const char *message);
/* Moves *from to *err (or frees it when err is NULL). */
int error_move(struct error **err, struct error **from);

#ifdef __clang_analyzer__
/* What the comment above promises, where the analyser cannot see it. */
#define error_set(...)	     ((error_set)(__VA_ARGS__), -1)
#define error_set_field(...) ((error_set_field)(__VA_ARGS__), -1)
#define error_set_errno(...) ((error_set_errno)(__VA_ARGS__), -1)
#define error_wrap(...)	     ((error_wrap)(__VA_ARGS__), -1)
#define error_move(...)	     ((error_move)(__VA_ARGS__), -1)
#endif

/* "outer: inner: innermost". Caller frees. */
char *error_describe(const struct error *error);
void error_free(struct error *error);

DEFINE_CLEANUP(struct error *, error_free);
#define _cleanup_error_ _cleanup_(error_free_p)

/* The one table: "not_found", 404, 6. Codes out of range are internal errors. */
const char *error_code_string(enum error_code code);
int error_code_http_status(enum error_code code);
enum exit_code error_code_exit(enum error_code code);
/* ERROR_CODE_INVALID when there is no such string. */
enum error_code error_code_from_string(const char *string);
/* For answers that carry no code of ours. */
enum error_code error_code_from_http_status(int status);
