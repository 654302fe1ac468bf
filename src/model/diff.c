/* Myers' O(ND) difference, forward only, over lines that differ at neither end. */
#include "model/diff.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/strbuf.h"

#define CONTEXT 3
/* Edits searched for, and lines times edits: past either the differing middle is shown as replaced.
 */
#define MAX_EDITS 2000
#define MAX_WORK  ((size_t)50000000)

struct line {
	const char *text;
	size_t length; /* with its newline, if it has one */
};

struct lines {
	struct line *items;
	size_t count;
};

/* removed[i]: line i of a is not in b; added[j]: line j of b is not in a. */
struct edits {
	bool *removed, *added;
};

static struct lines split_lines(const char *text)
{
	size_t capacity = 64;
	struct lines lines = {.items = xcalloc(capacity, sizeof(*lines.items))};
	while (*text) {
		const char *newline = strchr(text, '\n');
		size_t length = newline ? (size_t)(newline - text) + 1 : strlen(text);
		if (lines.count == capacity) {
			capacity *= 2;
			lines.items = xreallocarray(lines.items, capacity, sizeof(*lines.items));
		}
		lines.items[lines.count++] = (struct line){text, length};
		text += length;
	}
	return lines;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* Walks back from the end over the furthest points of each number of edits, and marks what was
 * edited. */
static void mark(struct edits *edits, size_t *const *trace, ptrdiff_t d, ptrdiff_t x, ptrdiff_t y,
		 size_t offset)
{
	for (; d > 0; d--) {
		const size_t *furthest = trace[d - 1]; /* index k + (d - 1), k = -(d-1) .. d-1 */
		ptrdiff_t k = x - y;
		ptrdiff_t base = d - 1;
		bool can_insert = k + 1 <= base;
		bool can_delete = k - 1 >= -base;
		bool insert = can_insert &&
			      (!can_delete || furthest[k - 1 + base] < furthest[k + 1 + base]);
		ptrdiff_t previous_k = insert ? k + 1 : k - 1;
		ptrdiff_t previous_x = (ptrdiff_t)furthest[previous_k + base];
		ptrdiff_t previous_y = previous_x - previous_k;
		if (insert)
			edits->added[(size_t)previous_y + offset] = true;
		else
			edits->removed[(size_t)previous_x + offset] = true;
		x = previous_x;
		y = previous_y;
	}
}

/* False when there are too many edits. offset: lines before a and b, for the marks. */
static bool search(const struct line *a, size_t a_count, const struct line *b, size_t b_count,
		   size_t offset, struct edits *edits)
{
	ptrdiff_t n = (ptrdiff_t)a_count;
	ptrdiff_t m = (ptrdiff_t)b_count;
	ptrdiff_t limit =
		MIN(n + m, (ptrdiff_t)MIN((size_t)MAX_EDITS, MAX_WORK / (a_count + b_count)));
	size_t **trace = xcalloc((size_t)limit + 1, sizeof(*trace));
	bool found = false;

	for (ptrdiff_t d = 0; d <= limit && !found; d++) {
		size_t *furthest = xcalloc((size_t)(2 * d + 1), sizeof(*furthest));
		trace[d] = furthest;
		for (ptrdiff_t k = -d; k <= d && !found; k += 2) {
			ptrdiff_t x = 0;
			if (d > 0) {
				const size_t *before = trace[d - 1];
				ptrdiff_t base = d - 1;
				bool insert = k == -d || (k != d && before[k - 1 + base] <
									    before[k + 1 + base]);
				x = insert ? (ptrdiff_t)before[k + 1 + base]
					   : (ptrdiff_t)before[k - 1 + base] + 1;
			}
			ptrdiff_t y = x - k;
			while (x < n && y >= 0 && y < m && same(&a[x], &b[y])) {
				x++;
				y++;
			}
			furthest[k + d] = (size_t)x;
			if (x >= n && y >= m) {
				mark(edits, trace, d, n, m, offset);
				found = true;
			}
		}
	}
	for (ptrdiff_t d = 0; d <= limit; d++)
		free(trace[d]);
	free(trace);
	return found;
}

static void compare(const struct lines *a, const struct lines *b, struct edits *edits)
{
	size_t start = 0;
	size_t a_end = a->count;
	size_t b_end = b->count;
	while (start < a_end && start < b_end && same(&a->items[start], &b->items[start]))
		start++;
	while (a_end > start && b_end > start && same(&a->items[a_end - 1], &b->items[b_end - 1])) {
		a_end--;
		b_end--;
	}
	if (start == a_end && start == b_end)
		return;
	if (search(a->items + start, a_end - start, b->items + start, b_end - start, start, edits))
		return;
	memset(edits->removed + start, true, a_end - start);
	memset(edits->added + start, true, b_end - start);
}

static void write_line(struct strbuf *out, char sign, const struct line *line)
{
	strbuf_addch(out, sign);
	strbuf_add(out, line->text, line->length);
	if (line->text[line->length - 1] != '\n')
		strbuf_addstr(out, "\n\\ No newline at end of file\n");
}

static void write_range(struct strbuf *out, size_t start, size_t count)
{
	/* An empty range names the line before it. */
	strbuf_addf(out, "%zu", count == 0 ? start : start + 1);
	if (count != 1)
		strbuf_addf(out, ",%zu", count);
}

static bool is_edit(const struct lines *a, const struct lines *b, const struct edits *edits,
		    size_t i, size_t j)
{
	return (i < a->count && edits->removed[i]) || (j < b->count && edits->added[j]);
}

/* From the first edit at (i, j) to where more than twice the context follows unchanged; moves both
 * past it. */
static void write_hunk(struct strbuf *out, const struct lines *a, const struct lines *b,
		       const struct edits *edits, size_t *i, size_t *j)
{
	size_t lead = MIN(*i, (size_t)CONTEXT);
	size_t a_start = *i - lead;
	size_t b_start = *j - lead;
	size_t x = *i;
	size_t y = *j;
	size_t equal = 0;
	_cleanup_strbuf_ struct strbuf body = STRBUF_INIT;

	for (size_t l = a_start; l < *i; l++)
		write_line(&body, ' ', &a->items[l]);
	size_t kept = body.size;
	size_t kept_x = x;
	size_t kept_y = y;
	while (x < a->count || y < b->count) {
		if (is_edit(a, b, edits, x, y)) {
			for (; x < a->count && edits->removed[x]; x++)
				write_line(&body, '-', &a->items[x]);
			for (; y < b->count && edits->added[y]; y++)
				write_line(&body, '+', &b->items[y]);
			equal = 0;
		} else {
			write_line(&body, ' ', &a->items[x]);
			x++;
			y++;
			equal++;
		}
		if (equal <= CONTEXT) {
			kept = body.size;
			kept_x = x;
			kept_y = y;
		}
		if (equal > 2 * CONTEXT)
			break;
	}

	strbuf_addstr(out, "@@ -");
	write_range(out, a_start, kept_x - a_start);
	strbuf_addstr(out, " +");
	write_range(out, b_start, kept_y - b_start);
	strbuf_addstr(out, " @@\n");
	strbuf_add(out, body.data, kept);
	*i = x;
	*j = y;
}

char *diff_unified(const char *a, const char *b, const char *a_name, const char *b_name)
{
	struct lines old = split_lines(a);
	struct lines new = split_lines(b);
	struct edits edits = {
		.removed = xcalloc(old.count + 1, sizeof(bool)),
		.added = xcalloc(new.count + 1, sizeof(bool)),
	};
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;

	compare(&old, &new, &edits);
	for (size_t i = 0, j = 0; i < old.count || j < new.count;) {
		if (!is_edit(&old, &new, &edits, i, j)) {
			i++;
			j++;
			continue;
		}
		if (out.size == 0)
			strbuf_addf(&out, "--- %s\n+++ %s\n", a_name, b_name);
		write_hunk(&out, &old, &new, &edits, &i, &j);
	}
	free(edits.removed);
	free(edits.added);
	free(old.items);
	free(new.items);
	return strbuf_detach(&out, NULL);
}
