/*
 * Aho-Corasick with sparse nodes: secrets share few prefixes, so most nodes have
 * one child, and a table for the root makes the ordinary byte cost one lookup.
 */
#include "runner/mask.h"

#include <ctype.h>

#include <string.h>

#include "base/encoding.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "http/client.h"

struct node {
	uint32_t child, sibling; /* 0: none */
	uint32_t fail;
	uint32_t depth;
	uint32_t match; /* length of the longest secret that ends here; 0: none */
	uint8_t byte;
};

struct masker {
	struct node *nodes; /* [0] is the root */
	size_t n_nodes, capacity;
	uint32_t first[256]; /* children of the root */
};

struct masker *masker_new(void)
{
	struct masker *masker = xcalloc(1, sizeof(*masker));

	masker->capacity = 64;
	masker->nodes = xcalloc(masker->capacity, sizeof(struct node));
	masker->n_nodes = 1;
	return masker;
}

void masker_free(struct masker *masker)
{
	if (!masker)
		return;
	secure_wipe(masker->nodes, masker->capacity * sizeof(struct node));
	free(masker->nodes);
	free(masker);
}

static uint32_t child_of(const struct masker *masker, uint32_t state, uint8_t byte)
{
	if (state == 0)
		return masker->first[byte];
	uint32_t at = masker->nodes[state].child;
	while (at && masker->nodes[at].byte != byte)
		at = masker->nodes[at].sibling;
	return at;
}

static uint32_t add_child(struct masker *masker, uint32_t parent, uint8_t byte)
{
	if (masker->n_nodes == masker->capacity) {
		struct node *nodes = xcalloc(masker->capacity * 2, sizeof(struct node));
		memcpy(nodes, masker->nodes, masker->n_nodes * sizeof(struct node));
		secure_wipe(masker->nodes, masker->n_nodes * sizeof(struct node));
		free(masker->nodes);
		masker->nodes = nodes;
		masker->capacity *= 2;
	}
	uint32_t index = (uint32_t)masker->n_nodes++;
	masker->nodes[index] = (struct node){
		.byte = byte,
		.depth = masker->nodes[parent].depth + 1,
		.sibling = masker->nodes[parent].child,
	};
	masker->nodes[parent].child = index;
	if (parent == 0)
		masker->first[byte] = index;
	return index;
}

static void add_pattern(struct masker *masker, const char *data, size_t size)
{
	uint32_t state = 0;

	if (size < MASK_MIN_LENGTH)
		return;
	for (size_t i = 0; i < size; i++) {
		uint32_t next = child_of(masker, state, (uint8_t)data[i]);
		state = next ? next : add_child(masker, state, (uint8_t)data[i]);
	}
	masker->nodes[state].match = (uint32_t)size;
}

/* As a JSON string prints it; html: as Go does, which escapes <, > and &, too. */
static void add_escaped(struct masker *masker, const char *data, size_t size, bool html)
{
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)data[i];
		if (c == '"' || c == '\\')
			strbuf_addf(&text, "\\%c", c);
		else if (c == '\t')
			strbuf_addstr(&text, "\\t");
		else if (c == '\n')
			strbuf_addstr(&text, "\\n");
		else if (c == '\r')
			strbuf_addstr(&text, "\\r");
		else if (c < 0x20 || (html && strchr("<>&", c)))
			strbuf_addf(&text, "\\u%04x", c);
		else
			strbuf_addch(&text, (char)c);
	}
	add_pattern(masker, text.data, text.size);
}

static void add_forms(struct masker *masker, const char *data, size_t size)
{
	if (size < MASK_MIN_LENGTH)
		return;
	add_pattern(masker, data, size);
	add_escaped(masker, data, size, false);
	add_escaped(masker, data, size, true);

	_cleanup_free_ char *copy = xstrndup(data, size);
	_cleanup_free_ char *encoded = base64_encode(data, size);
	_cleanup_free_ char *percent = http_escape(copy);
	add_pattern(masker, encoded, strcspn(encoded, "="));
	add_pattern(masker, percent, strlen(percent));
	secure_wipe(copy, size);
	secure_wipe(encoded, strlen(encoded));
	secure_wipe(percent, strlen(percent));
}

void masker_add(struct masker *masker, const char *secret)
{
	size_t size = strlen(secret);

	add_forms(masker, secret, size);
	if (!memchr(secret, '\n', size))
		return;
	while (*secret) {
		size_t length = strcspn(secret, "\n");
		const char *begin = secret, *end = secret + length;
		while (begin < end && isspace((unsigned char)*begin))
			begin++;
		while (end > begin && isspace((unsigned char)end[-1]))
			end--;
		add_forms(masker, begin, (size_t)(end - begin));
		secret += length;
		secret += *secret == '\n';
	}
}

void masker_add_json(struct masker *masker, const json_t *value)
{
	const char *key;
	size_t i;
	json_t *item;

	if (json_is_string(value))
		masker_add(masker, json_string_value(value));
	json_object_foreach((json_t *)value, key, item) masker_add_json(masker, item);
	json_array_foreach(value, i, item) masker_add_json(masker, item);
}

static uint32_t step(const struct masker *masker, uint32_t state, uint8_t byte)
{
	for (;;) {
		uint32_t next = child_of(masker, state, byte);
		if (next || state == 0)
			return next;
		state = masker->nodes[state].fail;
	}
}

/* Breadth first, so that the failure of a node's parent is known before its own. */
void masker_finish(struct masker *masker)
{
	uint32_t *queue = xreallocarray(NULL, masker->n_nodes, sizeof(*queue));
	size_t head = 0, tail = 0;

	queue[tail++] = 0;
	while (head < tail) {
		uint32_t parent = queue[head++];
		for (uint32_t at = masker->nodes[parent].child; at;
		     at = masker->nodes[at].sibling) {
			struct node *node = &masker->nodes[at];
			node->fail = parent == 0
					     ? 0
					     : step(masker, masker->nodes[parent].fail, node->byte);
			if (!node->match)
				node->match = masker->nodes[node->fail].match;
			queue[tail++] = at;
		}
	}
	free(queue);
}

/* Of a held byte: it belongs to a secret; and it is not the first byte of all that it belongs to.
 */
#define HIDDEN 1
#define JOINED 2

void mask_stream_init(struct mask_stream *stream, const struct masker *masker)
{
	*stream = (struct mask_stream){.masker = masker, .held = STRBUF_INIT, .marks = STRBUF_INIT};
}

/* Lets the first count held bytes go, of which no secret can begin or go on any more. */
static void flush(struct mask_stream *stream, size_t count, struct strbuf *out)
{
	for (size_t i = 0; i < count; i++) {
		char mark = stream->marks.data[i];
		if (!(mark & HIDDEN))
			strbuf_addch(out, stream->held.data[i]);
		else if (!(mark & JOINED))
			strbuf_addstr(out, MASK_TEXT);
	}
	strbuf_consume(&stream->held, count);
	strbuf_consume(&stream->marks, count);
}

static void hide(struct mask_stream *stream, size_t length)
{
	char *marks = stream->marks.data + stream->marks.size - length;

	marks[0] = (char)(marks[0] | HIDDEN);
	for (size_t i = 1; i < length; i++)
		marks[i] = (char)(marks[i] | HIDDEN | JOINED);
}

void mask_stream_feed(struct mask_stream *stream, const char *data, size_t size, struct strbuf *out)
{
	const struct masker *masker = stream->masker;

	for (size_t i = 0; i < size; i++) {
		if (stream->state == 0 && stream->held.size == 0) {
			/* Nothing is held: pass on all up to the next byte that may begin a secret.
			 */
			size_t plain = i;
			while (plain < size && !masker->first[(uint8_t)data[plain]])
				plain++;
			strbuf_add(out, data + i, plain - i);
			if (plain == size)
				return;
			i = plain;
		}
		strbuf_addch(&stream->held, data[i]);
		strbuf_addch(&stream->marks, 0);
		stream->state = step(masker, stream->state, (uint8_t)data[i]);
		const struct node *node = &masker->nodes[stream->state];
		if (node->match)
			hide(stream, node->match);
		if (stream->held.size > node->depth)
			flush(stream, stream->held.size - node->depth, out);
	}
}

void mask_stream_end(struct mask_stream *stream, bool cut, struct strbuf *out)
{
	size_t partial = stream->masker->nodes[stream->state].depth;

	if (cut && partial >= MASK_MIN_LENGTH)
		hide(stream, partial);
	flush(stream, stream->held.size, out);
	stream->state = 0;
}

void mask_stream_release(struct mask_stream *stream)
{
	strbuf_release_secret(&stream->held);
	strbuf_release(&stream->marks);
}

static void apply(const struct masker *masker, const char *data, size_t size, bool cut,
		  struct strbuf *out)
{
	struct mask_stream stream;

	if (masker->n_nodes == 1) {
		strbuf_add(out, data, size);
		return;
	}
	mask_stream_init(&stream, masker);
	mask_stream_feed(&stream, data, size, out);
	mask_stream_end(&stream, cut, out);
	mask_stream_release(&stream);
}

void masker_apply(const struct masker *masker, const char *data, size_t size, struct strbuf *out)
{
	apply(masker, data, size, false, out);
}

void masker_apply_cut(const struct masker *masker, const char *data, size_t size,
		      struct strbuf *out)
{
	apply(masker, data, size, true, out);
}

static json_t *masked_string(const struct masker *masker, json_t *value)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;

	masker_apply(masker, json_string_value(value), json_string_length(value), &text);
	if (text.size == json_string_length(value) &&
	    memcmp(text.data, json_string_value(value), text.size) == 0)
		return json_incref(value);
	return json_stringn(text.data, text.size);
}

json_t *masker_apply_json(const struct masker *masker, json_t *value)
{
	const char *key;
	size_t i;
	json_t *item;

	if (masker->n_nodes == 1)
		return json_incref(value);
	if (json_is_string(value))
		return masked_string(masker, value);
	if (json_is_object(value)) {
		json_t *copy = json_object();
		json_object_foreach(value, key, item)
		{
			_cleanup_strbuf_ struct strbuf name = STRBUF_INIT;
			masker_apply(masker, key, strlen(key), &name);
			json_object_set_new(copy, name.data, masker_apply_json(masker, item));
		}
		return copy;
	}
	if (json_is_array(value)) {
		json_t *copy = json_array();
		json_array_foreach(value, i, item)
			json_array_append_new(copy, masker_apply_json(masker, item));
		return copy;
	}
	return json_incref(value);
}
