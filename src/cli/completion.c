/* What may come next on a command line. */
#include "cli/completion.h"

#include <string.h>

#include "base/strutil.h"
#include "cli/resource.h"
#include "cli/text.h"
#include "model/json.h"

/* Somebody waits for it with a finger on the key. */
#define TIMEOUT_MS   1000
#define RESPONSE_MAX ((size_t)8 << 20)

const char *const shell_names[] = {"bash", "zsh", "fish", NULL};

static const char bash_script[] =
	"_planton() {\n"
	"\tlocal IFS=$'\\n' line\n"
	"\tCOMPREPLY=()\n"
	"\twhile read -r line; do COMPREPLY+=(\"${line%%$'\\t'*}\"); done < <(\n"
	"\t\tplanton complete-words -- \"${COMP_WORDS[@]:0:COMP_CWORD+1}\" 2>/dev/null)\n"
	"\t[ ${#COMPREPLY[@]} -eq 0 ] && compopt -o default\n"
	"}\n"
	"complete -F _planton planton\n";

static const char zsh_script[] =
	"#compdef planton\n"
	"_planton() {\n"
	"\tlocal -a found; local line\n"
	"\twhile IFS= read -r line; do found+=(\"${line/$'\\t'/:}\"); done < <(\n"
	"\t\tplanton complete-words -- \"${(@)words[1,CURRENT]}\" 2>/dev/null)\n"
	"\tif (( ${#found} )); then _describe planton found; else _files; fi\n"
	"}\n"
	"compdef _planton planton\n";

static const char fish_script[] =
	"function __planton_complete\n"
	"\tplanton complete-words -- (commandline -opc) (commandline -ct) 2>/dev/null\n"
	"end\n"
	"complete -c planton -a '(__planton_complete)'\n";

void completion_script(struct strbuf *out, const char *shell)
{
	strbuf_addstr(out, streq(shell, "zsh")	  ? zsh_script
			   : streq(shell, "fish") ? fish_script
						  : bash_script);
}

static void add(struct strbuf *out, const char *prefix, const char *before, const char *word,
		const char *help)
{
	_cleanup_free_ char *whole = xasprintf("%s%s", before, word);
	if (!startswith(whole, prefix))
		return;
	text_add(out, whole);
	strbuf_addstr(out, help ? "\t" : "");
	text_add(out, help);
	strbuf_addch(out, '\n');
}

static void add_options(struct strbuf *out, const char *prefix, const struct option *table)
{
	for (const struct option *o = table; o->name; o++)
		add(out, prefix, "--", o->name, o->help);
}

static void add_choices(struct strbuf *out, const char *prefix, const char *before,
			const char *const *choices)
{
	for (; choices && *choices; choices++)
		add(out, prefix, before, *choices, NULL);
}

static const struct option *option_of_word(const struct command *c, const char *word)
{
	if (!startswith(word, "--")) {
		for (const struct option *const *t = c->options; t && *t; t++)
			for (const struct option *o = *t; o->name; o++)
				if (word[0] == '-' && word[1] && !word[2] && o->letter == word[1])
					return o;
		return streq(word, "-o") ? option_find(c, "output") : NULL;
	}
	_cleanup_free_ char *name = xstrndup(word + 2, strcspn(word + 2, "="));
	return option_find(c, name);
}

enum word_kind completion_write(struct strbuf *out, const struct command *root,
				const char *const *words, size_t n_words)
{
	const struct command *c = root;
	size_t n_given = 0;
	if (n_words < 2)
		return WORD_OTHER;
	const char *last = words[n_words - 1];
	const struct option *waiting = NULL;
	for (size_t i = 1; i + 1 < n_words; i++) {
		if (waiting) {
			waiting = NULL;
			continue;
		}
		if (word_is_option(words[i])) {
			const struct option *o = option_of_word(c, words[i]);
			waiting = o && o->type != OPTION_FLAG && !strchr(words[i], '=') ? o : NULL;
			continue;
		}
		const struct command *next = n_given ? NULL : command_find(c, words[i]);
		if (next)
			c = next;
		else
			n_given++;
	}
	if (waiting) {
		add_choices(out, last, "", waiting->choices);
		return WORD_OTHER;
	}
	const char *equals = last[0] == '-' ? strchr(last, '=') : NULL;
	if (equals) {
		const struct option *o = option_of_word(c, last);
		_cleanup_free_ char *before = xstrndup(last, (size_t)(equals - last) + 1);
		if (o)
			add_choices(out, last, before,
				    o->type == OPTION_FLAG ? (const char *[]){"true", "false", NULL}
							   : o->choices);
		return WORD_OTHER;
	}
	if (last[0] == '-') {
		for (const struct option *const *t = c->options; t && *t; t++)
			add_options(out, last, *t);
		add_options(out, last, global_options);
		return WORD_OTHER;
	}
	for (const struct command *s = c->subcommands; s && s->name && !n_given; s++)
		if (!s->hidden)
			add(out, last, "", s->name, s->summary);
	if (c->word_kind == WORD_SHELL)
		add_choices(out, last, "", shell_names);
	if (c->word_kind == WORD_COLLECTION)
		add_choices(out, last, "", collection_words);
	/* A second word is of the same kind only where there may be any number. */
	return n_given == 0 || c->max_words == WORDS_ANY ? c->word_kind : WORD_OTHER;
}

static json_t *fetch(const struct cli *cli, const char *path)
{
	const struct http_client_options o = {
		.base_url = cli->settings.server,
		.token = cli->settings.token,
		.connect_timeout_ms = TIMEOUT_MS,
		.max_response = RESPONSE_MAX,
	};
	struct http_client *http = NULL;
	struct http_reply reply = {0};
	json_t *answer = NULL;
	if (http_client_new(&o, &http, NULL) < 0)
		return NULL;
	const struct http_call call = {.method = "GET", .path = path, .timeout_ms = TIMEOUT_MS};
	if (http_client_call(http, &call, &reply, NULL) >= 0)
		(void)json_parse(reply.body.data, reply.body.size, RESPONSE_MAX, &answer, NULL);
	http_reply_release(&reply);
	http_client_free(http);
	return answer;
}

static void add_job(struct strbuf *out, const char *prefix, const json_t *job)
{
	const char *id = json_get_str(job, "metadata.id"),
		   *operation = json_get_str(job, "spec.operation"),
		   *slug = json_get_str(job, "spec.slug"),
		   *status = json_get_str(job, "status.status");
	if (!id || !operation || !slug || !status)
		return;
	_cleanup_free_ char *help = xasprintf("%s of %s, %s", operation, slug, status);
	add(out, prefix, "", id, help);
}

static void add_resource(struct strbuf *out, const char *prefix, const json_t *resource)
{
	const char *kind = json_get_str(resource, "kind"),
		   *slug = json_get_str(resource, "metadata.slug");
	if (!kind || !slug)
		return;
	_cleanup_free_ char *before = xasprintf("%s/", kind);
	add(out, prefix, "", slug, kind);
	if (*prefix)
		add(out, prefix, before, slug, NULL);
}

void completion_add_names(struct strbuf *out, const struct cli *cli, enum word_kind kind,
			  const char *prefix)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	strbuf_addstr(&path, kind == WORD_JOB ? "/api/v1/stack-jobs?limit=100"
					      : "/api/v1/cloud-resources?limit=500");
	query_add(&path, "org", cli->settings.org);
	query_add(&path, "env", kind == WORD_JOB ? NULL : cli->settings.env);
	_cleanup_json_ json_t *list = fetch(cli, path.data);
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(list, "items"), i,
			   item)(kind == WORD_JOB ? add_job : add_resource)(out, prefix, item);
}
