/* Reads argv by the tables of commands and options. */
#include "cli/options.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/parse.h"
#include "base/strbuf.h"
#include "base/strutil.h"
#include "base/strv.h"

void arguments_release(struct arguments *a)
{
	free(a->words);
	free(a->given);
	*a = (struct arguments){0};
}

bool word_is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

const struct command *command_find(const struct command *parent, const char *word)
{
	for (const struct command *c = parent->subcommands; c && c->name; c++)
		if (streq(c->name, word) || streq_null(c->alias, word))
			return c;
	return NULL;
}

static const struct option *find_in(const struct option *table, const char *name, char letter)
{
	for (const struct option *o = table; o && o->name; o++)
		if (name ? streq(o->name, name) : o->letter == letter)
			return o;
	return NULL;
}

static const struct option *find(const struct command *command, const char *name, char letter)
{
	for (const struct option *const *t = command->options; t && *t; t++) {
		const struct option *o = find_in(*t, name, letter);
		if (o)
			return o;
	}
	return find_in(global_options, name, letter);
}

const struct option *option_find(const struct command *command, const char *name)
{
	return find(command, name, 0);
}

char *arguments_path(const struct arguments *a)
{
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	for (size_t i = 0; i < a->depth; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", a->path[i]->name);
	return strbuf_detach(&text, NULL);
}

static void suggest(const char *given, const char *prefix, char *const *candidates,
		    struct error **err)
{
	const char *near = string_suggest(given, (const char *const *)candidates);
	if (near)
		error_hint(err, "did you mean %s%s?", prefix, near);
}

static int unknown_option(const struct arguments *a, const char *name, struct error **err)
{
	_cleanup_free_ char *path = arguments_path(a);
	_cleanup_strv_ char **names = NULL;
	for (const struct option *const *t = a->command->options; t && *t; t++)
		for (const struct option *o = *t; o->name; o++)
			strv_add(&names, o->name);
	for (const struct option *o = global_options; o->name; o++)
		strv_add(&names, o->name);
	int r = error_set(err, ERROR_INVALID_ARGUMENT, "%s has no option --%s", path, name);
	error_hint(err, "%s --help lists the options", path);
	suggest(name, "--", names, err);
	return r;
}

static int unknown_command(const struct arguments *a, const char *word, struct error **err)
{
	_cleanup_free_ char *path = arguments_path(a);
	_cleanup_strv_ char **names = NULL;
	for (const struct command *c = a->command->subcommands; c->name; c++) {
		if (c->hidden)
			continue;
		strv_add(&names, c->name);
		if (c->alias)
			strv_add(&names, c->alias);
	}
	int r = error_set(err, ERROR_INVALID_ARGUMENT, "%s has no command \"%s\"", path, word);
	error_hint(err, "%s --help lists the commands", path);
	suggest(word, "", names, err);
	return r;
}

static int check_value(const struct option *o, const char *value, struct error **err)
{
	if (o->type == OPTION_FLAG && !streq(value, "true") && !streq(value, "false"))
		return error_set(err, ERROR_INVALID_ARGUMENT, "--%s is true or false, not \"%s\"",
				 o->name, value);
	if (o->type == OPTION_NUMBER) {
		uint64_t n;
		if (parse_u64(value, &n) < 0 || n > UINT32_MAX)
			return error_set(err, ERROR_INVALID_ARGUMENT,
					 "--%s is a number, not \"%s\"", o->name, value);
	}
	if (o->type != OPTION_CHOICE || strv_contains((char *const *)o->choices, value))
		return 0;
	_cleanup_free_ char *all = strv_join((char *const *)o->choices, ", ");
	int r = error_set(err, ERROR_INVALID_ARGUMENT, "--%s: \"%s\" is none of %s", o->name, value,
			  all);
	suggest(value, "", (char *const *)o->choices, err);
	return r;
}

static int give(struct arguments *a, const struct option *o, const char *value, struct error **err)
{
	int r = check_value(o, value, err);
	if (r < 0)
		return r;
	a->given = xreallocarray(a->given, a->n_given + 1, sizeof(*a->given));
	a->given[a->n_given++] = (struct given_option){o, value};
	return 0;
}

/* argv[*i] begins with '-'; moves *i past a value in the next word. */
static int parse_option(struct arguments *a, int argc, char *const *argv, int *i,
			struct error **err)
{
	const char *word = argv[*i];
	const struct option *o;
	const char *value = NULL;
	if (word[1] == '-') {
		const char *equals = strchr(word, '=');
		_cleanup_free_ char *name = equals ? xstrndup(word + 2, (size_t)(equals - word - 2))
						   : xstrdup(word + 2);
		o = find(a->command, name, 0);
		if (!o)
			return unknown_option(a, name, err);
		value = equals ? equals + 1 : NULL;
	} else {
		o = find(a->command, NULL, word[1]);
		if (!o) {
			_cleanup_free_ char *path = arguments_path(a);
			int r = error_set(err, ERROR_INVALID_ARGUMENT, "%s has no option -%c", path,
					  word[1]);
			error_hint(err, "%s --help lists the options", path);
			return r;
		}
		if (word[2])
			value = word[2] == '=' ? word + 3 : word + 2;
	}
	if (streq(o->name, "help")) {
		a->help = true;
		return 0;
	}
	if (!value && o->type == OPTION_FLAG)
		value = "true";
	if (!value) {
		if (*i + 1 >= argc)
			return error_set(err, ERROR_INVALID_ARGUMENT, "--%s needs a value: %s",
					 o->name, o->value);
		value = argv[++*i];
	}
	return give(a, o, value, err);
}

static int check_words(const struct arguments *a, struct error **err)
{
	const struct command *c = a->command;
	if (a->help)
		return 0;
	_cleanup_free_ char *path = arguments_path(a);
	int r = 0;
	if (!c->run)
		r = error_set(err, ERROR_INVALID_ARGUMENT, "%s needs a command", path);
	else if (a->n_words < c->min_words)
		r = error_set(err, ERROR_INVALID_ARGUMENT, "%s needs %s", path, c->words);
	else if (a->n_words > c->max_words)
		r = error_set(err, ERROR_INVALID_ARGUMENT, "%s does not take \"%s\"", path,
			      a->words[c->max_words]);
	if (r < 0 && c->run)
		error_hint(err, "usage: %s%s%s", path, c->words ? " " : "",
			   c->words ? c->words : "");
	else if (r < 0)
		error_hint(err, "%s --help lists the commands", path);
	return r;
}

int arguments_parse(const struct command *root, int argc, char *const *argv, struct arguments *ret,
		    struct error **err)
{
	*ret = (struct arguments){.path = {root}, .depth = 1, .command = root};
	bool only_words = false;
	for (int i = 1; i < argc; i++) {
		if (!only_words && streq(argv[i], "--")) {
			only_words = true;
			continue;
		}
		if (!only_words && word_is_option(argv[i])) {
			int r = parse_option(ret, argc, argv, &i, err);
			if (r < 0)
				return r;
			continue;
		}
		if (ret->command->subcommands && !ret->n_words) {
			const struct command *c = command_find(ret->command, argv[i]);
			if (c) {
				assert(ret->depth < ARRAY_SIZE(ret->path));
				ret->path[ret->depth++] = c;
				ret->command = c;
				continue;
			}
			if (!ret->command->run)
				return unknown_command(ret, argv[i], err);
		}
		ret->words = xreallocarray(ret->words, ret->n_words + 1, sizeof(*ret->words));
		ret->words[ret->n_words++] = argv[i];
	}
	return check_words(ret, err);
}

bool argument_given(const struct arguments *a, const char *name)
{
	return argument_text(a, name) != NULL;
}

const char *argument_text(const struct arguments *a, const char *name)
{
	assert(option_find(a->command, name));
	for (size_t i = a->n_given; i-- > 0;)
		if (streq(a->given[i].option->name, name))
			return a->given[i].value;
	return NULL;
}

bool argument_flag(const struct arguments *a, const char *name)
{
	const char *value = argument_text(a, name);
	return value ? streq(value, "true") : option_find(a->command, name)->on;
}

unsigned argument_number(const struct arguments *a, const char *name, unsigned fallback)
{
	uint64_t n;
	const char *value = argument_text(a, name);
	return value && parse_u64(value, &n) == 0 ? (unsigned)n : fallback;
}

const char **argument_list(const struct arguments *a, const char *name)
{
	assert(option_find(a->command, name));
	const char **list = xcalloc(a->n_given + 1, sizeof(*list));
	size_t n = 0;
	for (size_t i = 0; i < a->n_given; i++)
		if (streq(a->given[i].option->name, name))
			list[n++] = a->given[i].value;
	return list;
}
