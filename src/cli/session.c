/* One invocation's settings and its last words. */
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/strutil.h"
#include "cli/output.h"
#include "cli/style.h"
#include "cli/term.h"
#include "cli/text.h"

static const char *const colour_names[] = {"auto", "always", "never", NULL};

const struct option global_options[] = {
	{"server", 0, OPTION_TEXT, "URL",
	 .help = "the server (PLANTON_SERVER; default " DEFAULT_SERVER ")"},
	{"org", 0, OPTION_TEXT, "ORG", .help = "the organization (PLANTON_ORG)"},
	{"env", 0, OPTION_TEXT, "ENV", .help = "the environment (PLANTON_ENV)"},
	{"context", 0, OPTION_TEXT, "NAME",
	 .help = "a context of the context file (PLANTON_CONTEXT)"},
	{"output", 'o', OPTION_TEXT, "FORMAT",
	 .help = "table, wide, json, yaml, name, jsonpath=TEMPLATE; streams: jsonl",
	 .choices = format_names},
	{"color", 0, OPTION_CHOICE, "WHEN",
	 .help = "colours: auto, always or never (also NO_COLOR, FORCE_COLOR)",
	 .choices = colour_names},
	{"verbose", 'v', OPTION_FLAG, NULL, .help = "show log lines, too, when following a job"},
	{"help", 'h', OPTION_FLAG, NULL, .help = "show help, examples first"},
	{0},
};

int cli_init(struct cli *cli, const struct command *root, const struct arguments *a,
	     struct error **err)
{
	enum colour_mode colour = COLOUR_AUTO;
	const char *mode = argument_text(a, "color"), *format = argument_text(a, "output");
	if (mode && streq(mode, "always"))
		colour = COLOUR_ALWAYS;
	else if (mode && streq(mode, "never"))
		colour = COLOUR_NEVER;
	cli->root = root;
	cli->colour_out = term_use_colour(colour, STDOUT_FILENO);
	cli->colour_err = term_use_colour(colour, STDERR_FILENO);
	cli->verbose = argument_flag(a, "verbose");
	cli->format_given = format != NULL;
	if (format) {
		int r = format_parse(format, &cli->format, &cli->jsonpath, err);
		if (r < 0)
			return r;
	}
	struct settings_flags flags = {
		.context = argument_text(a, "context"),
		.server = argument_text(a, "server"),
		.org = argument_text(a, "org"),
		.env = argument_text(a, "env"),
		.any_context = a->command->word_kind == WORD_CONTEXT,
	};
	return settings_resolve(&flags, &cli->settings, err);
}

void cli_release(struct cli *cli)
{
	http_client_free(cli->http);
	settings_release(&cli->settings);
}

/* Each line is made harmless, the line ends stay. */
static void add_lines(struct strbuf *out, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		text_add_safe(out, text, n, false);
		if (text[n])
			strbuf_addch(out, '\n');
		text += n + (text[n] == '\n');
	}
}

/* The server's words are often its details, joined; several are better read as lines of their own,
 * below what was being done. */
static void add_error(struct strbuf *out, const struct error *error)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	strbuf_addstr(&text, error->message);
	for (const struct error *e = error->cause; e; e = e->cause) {
		if (error->n_details > 1 && startswith(e->message, error->details[0].message))
			break;
		strbuf_addf(&text, ": %s", e->message);
	}
	add_lines(out, text.data);
	for (size_t i = 0; i < error->n_details; i++) {
		if (strstr(text.data, error->details[i].message))
			continue;
		strbuf_addstr(out, "\n  ");
		add_lines(out, error->details[i].message);
	}
}

int cli_fail(const struct cli *cli, const struct error *error)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	style_add(&out, cli->colour_err, STYLE_BOLD_RED, "error:");
	strbuf_addch(&out, ' ');
	add_error(&out, error);
	if (error->hint) {
		strbuf_addch(&out, '\n');
		style_add(&out, cli->colour_err, STYLE_CYAN, "hint:");
		strbuf_addch(&out, ' ');
		add_lines(&out, error->hint);
	}
	say("%s", out.data);
	return error_code_exit(error->code);
}
