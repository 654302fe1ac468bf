/* Passing over JSON without building it. */
#include "control/state_scan.h"

#include <ctype.h>
#include <string.h>

static void skip_space(struct state_scan *s)
{
	while (s->at < s->end &&
	       (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
		s->at++;
}

static bool skip_char(struct state_scan *s, char expected)
{
	if (s->at == s->end || *s->at != expected)
		return false;
	s->at++;
	return true;
}

static bool skip_word(struct state_scan *s, const char *word)
{
	size_t length = strlen(word);
	if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length) != 0)
		return false;
	s->at += length;
	return true;
}

static bool skip_digits(struct state_scan *s)
{
	const char *before = s->at;
	while (s->at < s->end && isdigit((unsigned char)*s->at))
		s->at++;
	return s->at > before;
}

static bool skip_number(struct state_scan *s)
{
	(void)skip_char(s, '-');
	if (!skip_char(s, '0') && !skip_digits(s))
		return false;
	if (skip_char(s, '.') && !skip_digits(s))
		return false;
	if (skip_char(s, 'e') || skip_char(s, 'E')) {
		if (!skip_char(s, '+'))
			(void)skip_char(s, '-');
		return skip_digits(s);
	}
	return true;
}

static bool skip_string(struct state_scan *s)
{
	if (!skip_char(s, '"'))
		return false;
	while (s->at < s->end && (unsigned char)*s->at >= ' ') {
		char c = *s->at++;
		if (c == '"')
			return true;
		if (c == '\\') {
			if (s->at == s->end || !memchr("\"\\/bfnrtu", *s->at, 9))
				return false;
			s->at++;
		}
	}
	return false;
}

static bool skip_scalar(struct state_scan *s)
{
	if (s->at == s->end)
		return false;
	switch (*s->at) {
	case '"':
		return skip_string(s);
	case 't':
		return skip_word(s, "true");
	case 'f':
		return skip_word(s, "false");
	case 'n':
		return skip_word(s, "null");
	default:
		return skip_number(s);
	}
}

static bool skip_key(struct state_scan *s)
{
	skip_space(s);
	if (!skip_string(s))
		return false;
	skip_space(s);
	return skip_char(s, ':');
}

/* Opens the containers at the position, down to the first value that is none or to an empty one. */
static bool open_containers(struct state_scan *s, char *closings, size_t *depth)
{
	for (;;) {
		skip_space(s);
		bool object = s->at < s->end && *s->at == '{';
		if (!object && !(s->at < s->end && *s->at == '['))
			return skip_scalar(s);
		if (*depth == STATE_SCAN_MAX_NESTING)
			return false;
		s->at++;
		closings[(*depth)++] = object ? '}' : ']';
		skip_space(s);
		if (s->at < s->end && *s->at == closings[*depth - 1]) {
			s->at++;
			(*depth)--;
			return true;
		}
		if (object && !skip_key(s))
			return false;
	}
}

bool state_scan_value(struct state_scan *s, struct state_span *ret)
{
	char closings[STATE_SCAN_MAX_NESTING];
	size_t depth = 0;
	skip_space(s);
	const char *start = s->at;
	for (;;) {
		if (!open_containers(s, closings, &depth))
			return false;
		while (depth > 0) {
			skip_space(s);
			if (skip_char(s, ',')) {
				if (closings[depth - 1] == '}' && !skip_key(s))
					return false;
				break;
			}
			if (!skip_char(s, closings[depth - 1]))
				return false;
			depth--;
		}
		if (depth > 0)
			continue;
		*ret = (struct state_span){start, (size_t)(s->at - start)};
		skip_space(s);
		return true;
	}
}

struct state_members state_members_of(struct state_span container)
{
	const char *text = container.data ? container.data : "";
	return (struct state_members){.scan = {text, text, text + container.size}};
}

static bool first(struct state_members *m)
{
	skip_space(&m->scan);
	if (skip_char(&m->scan, '{'))
		m->closing = '}';
	else if (skip_char(&m->scan, '['))
		m->closing = ']';
	else
		return false;
	skip_space(&m->scan);
	return !skip_char(&m->scan, m->closing);
}

bool state_members_next(struct state_members *m, struct state_span *ret_key,
			struct state_span *ret_value)
{
	if (!(m->closing ? skip_char(&m->scan, ',') : first(m)))
		return false;
	*ret_key = (struct state_span){0};
	if (m->closing == '}') {
		skip_space(&m->scan);
		const char *key = m->scan.at + 1;
		if (!skip_string(&m->scan))
			return false;
		*ret_key = (struct state_span){key, (size_t)(m->scan.at - key) - 1};
		skip_space(&m->scan);
		if (!skip_char(&m->scan, ':'))
			return false;
	}
	return state_scan_value(&m->scan, ret_value);
}

bool state_span_is(struct state_span span, const char *text)
{
	return span.data && strlen(text) == span.size && memcmp(span.data, text, span.size) == 0;
}
