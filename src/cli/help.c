/* Help: what to type first, then what it means. */
#include "cli/help.h"

#include <string.h>

#include "base/strutil.h"
#include "cli/style.h"
#include "cli/text.h"

static void add_path(struct strbuf *out, const struct command *const *path, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		strbuf_addf(out, "%s%s", i ? " " : "", path[i]->name);
}

static char *option_usage(const struct option *o)
{
	char letter[8] = "    ";
	if (o->letter)
		memcpy(letter, (char[]){'-', o->letter, ',', ' ', '\0'}, 5);
	if (o->type == OPTION_FLAG)
		return xasprintf("%s--%s%s", letter, o->name, o->on ? "=false" : "");
	return xasprintf("%s--%s %s", letter, o->name, o->value);
}

static void add_choices(struct strbuf *out, const struct option *o)
{
	if (o->type != OPTION_CHOICE)
		return;
	strbuf_addstr(out, " (");
	for (size_t i = 0; o->choices[i]; i++)
		strbuf_addf(out, "%s%s", i ? ", " : "", o->choices[i]);
	strbuf_addch(out, ')');
}

static void add_option(struct strbuf *out, const struct option *o)
{
	_cleanup_free_ char *usage = option_usage(o);
	strbuf_addf(out, "  %-30s %s", usage, o->help);
	if (!strstr(o->help, " or "))
		add_choices(out, o);
	if (o->type == OPTION_LIST)
		strbuf_addstr(out, " (may be repeated)");
	if (o->type == OPTION_FLAG && o->on)
		strbuf_addstr(out, " (on unless =false)");
	strbuf_addch(out, '\n');
}

static void add_title(struct strbuf *out, bool colour, const char *title)
{
	strbuf_addch(out, '\n');
	style_add(out, colour, STYLE_BOLD, title);
	strbuf_addch(out, '\n');
}

static void add_indented(struct strbuf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		strbuf_addf(out, "%s%.*s\n", n ? "  " : "", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

void help_write(struct strbuf *out, const struct command *const *path, size_t depth, bool colour)
{
	const struct command *c = path[depth - 1];
	strbuf_addf(out, "%s\n", c->summary);
	if (c->examples) {
		add_title(out, colour, "Examples");
		add_indented(out, c->examples);
	}
	add_title(out, colour, "Usage");
	strbuf_addstr(out, "  ");
	add_path(out, path, depth);
	strbuf_addf(out, "%s%s%s%s\n", c->subcommands ? " COMMAND" : "",
		    c->options ? " [OPTIONS]" : "", c->words ? " " : "", c->words ? c->words : "");
	if (c->alias) {
		strbuf_addstr(out, "  ");
		add_path(out, path, depth - 1);
		strbuf_addf(out, " %s is the same\n", c->alias);
	}
	if (c->text) {
		strbuf_addch(out, '\n');
		strbuf_addf(out, "%s\n", c->text);
	}
	if (c->subcommands)
		add_title(out, colour, "Commands");
	for (const struct command *s = c->subcommands; s && s->name; s++) {
		if (s->hidden)
			continue;
		_cleanup_free_ char *name = xasprintf("%s%s%s", s->name, s->alias ? ", " : "",
						      s->alias ? s->alias : "");
		strbuf_addf(out, "  %-30s %s\n", name, s->summary);
	}
	if (c->options)
		add_title(out, colour, "Options");
	for (const struct option *const *t = c->options; t && *t; t++)
		for (const struct option *o = *t; o->name; o++)
			add_option(out, o);
	add_title(out, colour, "Options of every command");
	for (const struct option *o = global_options; o->name; o++)
		add_option(out, o);
}

/* roff takes "-", "\" and a leading "." or "'" for its own. */
static void man_text(struct strbuf *out, const char *text)
{
	bool at_start = true;
	for (; *text; text++) {
		if (at_start && (*text == '.' || *text == '\''))
			strbuf_addstr(out, "\\&");
		if (*text == '\\')
			strbuf_addstr(out, "\\e");
		else if (*text == '-')
			strbuf_addstr(out, "\\-");
		else
			strbuf_addch(out, *text);
		at_start = *text == '\n';
	}
}

static void man_options(struct strbuf *out, const struct option *table)
{
	for (const struct option *o = table; o->name; o++) {
		_cleanup_free_ char *usage = option_usage(o);
		strbuf_addstr(out, ".TP\n.B ");
		man_text(out, usage + strspn(usage, " "));
		strbuf_addch(out, '\n');
		man_text(out, o->help);
		add_choices(out, o);
		strbuf_addch(out, '\n');
	}
}

#define MAN_DEPTH ((size_t)4)

static void man_command(struct strbuf *out, const struct command *path[MAN_DEPTH], size_t depth)
{
	const struct command *c = path[depth - 1];
	if (c->run) {
		strbuf_addstr(out, ".SS ");
		_cleanup_strbuf_ struct strbuf name = STRBUF_INIT;
		add_path(&name, path, depth);
		man_text(out, name.data);
		strbuf_addf(out, " %s\n", c->words ? c->words : "");
		man_text(out, c->summary);
		strbuf_addstr(out, ".\n");
		if (c->text) {
			strbuf_addstr(out, ".PP\n");
			man_text(out, c->text);
			strbuf_addch(out, '\n');
		}
		if (c->examples) {
			strbuf_addstr(out, ".PP\n.nf\n");
			man_text(out, c->examples);
			strbuf_addstr(out, "\n.fi\n");
		}
		for (const struct option *const *t = c->options; t && *t; t++)
			man_options(out, *t);
	}
	for (const struct command *s = c->subcommands; depth < MAN_DEPTH && s && s->name; s++)
		if (!s->hidden) {
			path[depth] = s;
			man_command(out, path, depth + 1);
		}
}

void man_write(struct strbuf *out, const struct command *root)
{
	const struct command *path[MAN_DEPTH] = {root};
	strbuf_addstr(out, ".TH PLANTON 1 \"\" \"planton " PLANTON_VERSION
			   "\" \"Commands\"\n.SH NAME\nplanton \\- ");
	man_text(out, root->summary);
	strbuf_addstr(out, "\n.SH SYNOPSIS\n.B planton\n.I COMMAND\n[\\fIOPTIONS\\fR] "
			   "[\\fIARGUMENTS\\fR]\n.SH EXAMPLES\n.nf\n");
	man_text(out, root->examples);
	strbuf_addstr(out, "\n.fi\n.SH DESCRIPTION\n");
	man_text(out, root->text);
	strbuf_addstr(out, "\n.SH OPTIONS OF EVERY COMMAND\n");
	man_options(out, global_options);
	strbuf_addstr(out, ".SH COMMANDS\n");
	man_command(out, path, 1);
	strbuf_addstr(out, ".SH EXIT STATUS\n"
			   "0 done, succeeded; 1 error; 2 wrong usage; 3 not authenticated or not "
			   "allowed; 4 the job failed;\n"
			   "5 preflight or policy refused; 6 not found; 8 cancelled; 10 awaiting "
			   "approval; 130 detached by Ctrl\\-C.\n");
}
