/*
 * The one description of commands and their options. Parsing, help, completion and the man page all
 * read these tables; nothing about the command line is said anywhere else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct cli;
struct arguments;

enum option_type {
	OPTION_FLAG,   /* --x, --x=true, --x=false */
	OPTION_TEXT,   /* --x VALUE; choices, if any, are only for completion */
	OPTION_LIST,   /* as text, and may be repeated */
	OPTION_CHOICE, /* one of choices */
	OPTION_NUMBER, /* not negative */
};

struct option {
	const char *name;
	char letter;
	enum option_type type;
	const char *value; /* what the help calls it; NULL for flags */
	const char *help;
	const char *const *choices;
	bool on; /* a flag's default */
};

/* What completion offers for words that are no options. */
enum word_kind {
	WORD_OTHER,
	WORD_FILE,
	WORD_RESOURCE,
	WORD_JOB,
	WORD_COLLECTION,
	WORD_CONTEXT,
	WORD_SHELL,
	WORD_COMMAND
};

#define WORDS_ANY 10000

struct command {
	const char *name;
	const char *alias; /* or NULL */
	const char *summary;
	const char *words; /* "RESOURCE [NAME]", or NULL when there are none */
	unsigned min_words, max_words;
	enum word_kind word_kind;
	const char *examples; /* a command a line, "# what it does" above it */
	const char *text;     /* paragraphs of help, or NULL */
	const struct option *const *
		options; /* NULL-terminated list of tables, each ending with a NULL name; or NULL */
	const struct command *subcommands;			/* ends with a NULL name; or NULL */
	int (*run)(struct cli *cli, const struct arguments *a); /* returns an exit code */
	bool hidden;
};

/* Options that every command takes. */
extern const struct option global_options[];

struct given_option {
	const struct option *option;
	const char *value;
};

/* Strings are borrowed from argv. */
struct arguments {
	const struct command *path[4]; /* root first */
	size_t depth;
	const struct command *command; /* the last of path */
	const char **words;
	size_t n_words;
	struct given_option *given;
	size_t n_given;
	bool help;
};

void arguments_release(struct arguments *a);
#define _cleanup_arguments_ _cleanup_(arguments_release)

/*
 * Follows the words of argv[1..] into the tree and reads the options; both may be mixed, and "--"
 * ends options. Errors are ERROR_INVALID_ARGUMENT with a suggestion; *ret is usable then, too, up
 * to the command that was understood. Too few words are no error when help is asked for.
 */
int arguments_parse(const struct command *root, int argc, char *const *argv, struct arguments *ret,
		    struct error **err);

/* The option must be in the command's tables or global. */
bool argument_flag(const struct arguments *a, const char *name);
bool argument_given(const struct arguments *a, const char *name);
const char *argument_text(const struct arguments *a,
			  const char *name); /* the last; NULL when absent */
unsigned argument_number(const struct arguments *a, const char *name, unsigned fallback);
/* Of a list, in order; NULL-terminated, the caller frees the vector only. */
const char **argument_list(const struct arguments *a, const char *name);

/* Of the command and global ones. NULL when there is none. */
const struct option *option_find(const struct command *command, const char *name);
const struct command *command_find(const struct command *parent, const char *word);
/* "planton stack-job list"; the caller frees. */
char *arguments_path(const struct arguments *a);
/* Is it a word that no option begins with but a lone "-" may be? */
bool word_is_option(const char *word);
