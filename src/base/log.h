/*
 * One logfmt line per event on stderr, each by a single write(2), from any
 * thread. Under systemd each line starts with the journal's priority.
 * PLANTON_LOG=debug|info|warning|error sets the level (default info).
 */
#pragma once

#include <stdbool.h>

#include "base/alloc.h"

enum log_level {
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_MAX,
	LOG_LEVEL_INVALID = -1,
};

#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)	 log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

/* Keeps errno. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The message, then pairs of key and value (a NULL value is left out), then NULL. */
void log_fields(enum log_level level, const char *message, ...) __attribute__((sentinel));

/* Overrides PLANTON_LOG. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/*
 * Adds key=value to every line that this thread logs until the scope ends:
 *     LOG_CONTEXT("job", job->id);
 * Both strings are borrowed and must outlive the scope.
 */
struct log_context {
	const char *key;
	const char *value;
	struct log_context *outer;
};

void log_context_push(struct log_context *context);
void log_context_pop(struct log_context *context);

#define LOG_CONTEXT_NAME2(line) log_context_##line
#define LOG_CONTEXT_NAME(line)	LOG_CONTEXT_NAME2(line)
#define LOG_CONTEXT(key_, value_)                                                    \
	_cleanup_(log_context_pop) struct log_context LOG_CONTEXT_NAME(__LINE__) = { \
		.key = (key_), .value = (value_)};                                   \
	log_context_push(&LOG_CONTEXT_NAME(__LINE__))
