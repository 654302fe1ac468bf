/* Building a logfmt line and handing it over in one write. */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"

static const struct {
	const char *name;
	char priority; /* of syslog(3) */
} levels[LOG_LEVEL_MAX] = {
	[LOG_LEVEL_DEBUG] = {"debug", '7'},
	[LOG_LEVEL_INFO] = {"info", '6'},
	[LOG_LEVEL_WARNING] = {"warning", '4'},
	[LOG_LEVEL_ERROR] = {"error", '3'},
};

static pthread_once_t setup_once = PTHREAD_ONCE_INIT;
static atomic_int threshold = LOG_LEVEL_INFO;
static bool journal;

static _Thread_local struct log_context *context_top;

/* $JOURNAL_STREAM holds "device:inode" of the socket that leads to the journal. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	_cleanup_free_ char *ours =
		xasprintf("%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(ours, stream) == 0;
}

static void setup(void)
{
	const char *wanted = getenv("PLANTON_LOG");
	for (int level = 0; wanted && level < LOG_LEVEL_MAX; level++)
		if (strcmp(levels[level].name, wanted) == 0)
			atomic_store(&threshold, level);
	journal = stderr_is_journal();
}

void log_set_level(enum log_level level)
{
	pthread_once(&setup_once, setup);
	atomic_store(&threshold, level);
}

bool log_enabled(enum log_level level)
{
	pthread_once(&setup_once, setup);
	return (int)level >= atomic_load(&threshold);
}

static void add_value(struct strbuf *line, const char *value)
{
	if (*value && !strpbrk(value, " \"=\\\n\r\t")) {
		bool plain = true;
		for (const char *c = value; *c && plain; c++)
			plain = (unsigned char)*c >= 0x20 && *c != 0x7f;
		if (plain) {
			strbuf_addstr(line, value);
			return;
		}
	}

	strbuf_addch(line, '"');
	for (const char *c = value; *c; c++) {
		if (*c == '"' || *c == '\\')
			strbuf_addf(line, "\\%c", *c);
		else if (*c == '\n')
			strbuf_addstr(line, "\\n");
		else if (*c == '\t')
			strbuf_addstr(line, "\\t");
		else if ((unsigned char)*c < 0x20 || *c == 0x7f)
			strbuf_addf(line, "\\x%02x", (unsigned int)(unsigned char)*c);
		else
			strbuf_addch(line, *c);
	}
	strbuf_addch(line, '"');
}

static void add_field(struct strbuf *line, const char *key, const char *value)
{
	if (!value)
		return;
	strbuf_addf(line, " %s=", key);
	add_value(line, value);
}

static void start_line(struct strbuf *line, enum log_level level, const char *message)
{
	if (journal)
		strbuf_addf(line, "<%c>", levels[level].priority);
	strbuf_addf(line, "level=%s", levels[level].name);
	add_field(line, "msg", message);
}

static void finish_line(struct strbuf *line)
{
	for (const struct log_context *context = context_top; context; context = context->outer)
		add_field(line, context->key, context->value);
	strbuf_addch(line, '\n');
	ssize_t written;
	do
		written = write(STDERR_FILENO, line->data, line->size);
	while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *format, ...)
{
	if (!log_enabled(level))
		return;
	int saved_errno = errno;
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	va_list arguments;
	va_start(arguments, format);
	_cleanup_free_ char *message = xvasprintf(format, arguments);
	va_end(arguments);
	start_line(&line, level, message);
	finish_line(&line);
	errno = saved_errno;
}

void log_fields(enum log_level level, const char *message, ...)
{
	if (!log_enabled(level))
		return;
	int saved_errno = errno;
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	start_line(&line, level, message);
	va_list arguments;
	va_start(arguments, message);
	for (const char *key; (key = va_arg(arguments, const char *));)
		add_field(&line, key, va_arg(arguments, const char *));
	va_end(arguments);
	finish_line(&line);
	errno = saved_errno;
}

void log_context_push(struct log_context *context)
{
	context->outer = context_top;
	context_top = context;
}

void log_context_pop(struct log_context *context)
{
	context_top = context->outer;
}
