/* The context file, and what it and the environment settle. */
#include "cli/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/fileutil.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "model/json.h"
#include "model/yaml.h"

#define CONFIG_MAX ((size_t)1 << 20)
#define TOKEN_MAX  4096

char *config_path(void)
{
	const char *base = getenv("XDG_CONFIG_HOME");
	if (!isempty(base))
		return path_join(base, "planton", "config.yaml", NULL);
	const char *home = getenv("HOME");
	return isempty(home) ? NULL : path_join(home, ".config", "planton", "config.yaml", NULL);
}

int config_load(json_t **ret, struct error **err)
{
	_cleanup_free_ char *path = config_path();
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = path ? read_file(path, CONFIG_MAX, &text, &size) : -ENOENT;
	if (r == -ENOENT) {
		*ret = json_new_object();
		return 0;
	}
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot read %s", path);
	_cleanup_json_ json_t *config = NULL;
	r = yaml_parse_one(text, size, &config, err);
	if (r < 0)
		return error_wrap(err, "cannot read %s", path);
	if (!json_is_object(config))
		return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a context file", path);
	*ret = TAKE_PTR(config);
	return 0;
}

int config_save(const json_t *config, struct error **err)
{
	_cleanup_free_ char *path = config_path();
	if (!path)
		return error_set(
			err, ERROR_INTERNAL,
			"cannot save the context: neither HOME nor XDG_CONFIG_HOME is set");
	_cleanup_free_ char *folder = xstrndup(path, strlen(path) - strlen("/config.yaml"));
	int r = mkdir_p(folder, 0700);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot make %s", folder);
	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	yaml_write(&text, config);
	r = write_file_atomic(path, text.data, text.size, 0600);
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "cannot write %s", path) : 0;
}

json_t *config_context(json_t *config, const char *name, bool make)
{
	json_t *contexts = json_object_get(config, "contexts");
	if (!json_is_object(contexts)) {
		if (!make)
			return NULL;
		contexts = json_new_object();
		json_set_value(config, "contexts", contexts);
	}
	json_t *context = json_object_get(contexts, name);
	if (!json_is_object(context) && make) {
		context = json_new_object();
		json_set_value(contexts, name, context);
	}
	return json_is_object(context) ? context : NULL;
}

const char *config_current(const json_t *config)
{
	return json_get_str(config, "currentContext");
}

static const char *first_of(const char *flag, const char *variable, const char *from_context,
			    const char *fallback)
{
	if (!isempty(flag))
		return flag;
	const char *value = getenv(variable);
	if (!isempty(value))
		return value;
	return isempty(from_context) ? fallback : from_context;
}

static int read_token(const char *path, char **ret, struct error **err)
{
	_cleanup_free_ char *text = NULL;
	int r = read_file(path, TOKEN_MAX, &text, NULL);
	if (r < 0)
		return error_set_errno(err, ERROR_UNAUTHENTICATED, r, "cannot read the key in %s",
				       path);
	*ret = xstrndup(text, strcspn(text, "\r\n"));
	secure_wipe(text, strlen(text));
	return 0;
}

/* A context's key is sent only to the context's server: --server elsewhere must not give it away.
 */
static int resolve_token(const json_t *context, const char *server, char **ret, struct error **err)
{
	const char *value = getenv("PLANTON_TOKEN");
	if (!isempty(value)) {
		*ret = xstrdup(value);
		return 0;
	}
	value = getenv("PLANTON_TOKEN_FILE");
	if (!isempty(value))
		return read_token(value, ret, err);
	const char *own = json_get_str(context, "server");
	if (own && !streq(own, server))
		return 0;
	value = json_get_str(context, "tokenFile");
	if (value)
		return read_token(value, ret, err);
	*ret = xstrdup_null(json_get_str(context, "token"));
	return 0;
}

static int unknown_context(json_t *config, const char *name, struct error **err)
{
	_cleanup_strv_ char **names = NULL;
	const char *key;
	json_t *value;
	json_object_foreach(json_object_get(config, "contexts"), key, value) strv_add(&names, key);
	int r = error_set(err, ERROR_INVALID_ARGUMENT, "there is no context \"%s\"", name);
	const char *near = names ? string_suggest(name, (const char *const *)names) : NULL;
	if (near)
		error_hint(err, "did you mean %s?", near);
	else
		error_hint(err, "planton context list shows them");
	return r;
}

int settings_resolve(const struct settings_flags *flags, struct settings *ret, struct error **err)
{
	_cleanup_json_ json_t *config = NULL;
	int r = config_load(&config, err);
	if (r < 0)
		return r;
	const char *name =
		first_of(flags->context, "PLANTON_CONTEXT", config_current(config), NULL);
	json_t *context = name ? config_context(config, name, false) : NULL;
	bool asked = !isempty(flags->context) || !isempty(getenv("PLANTON_CONTEXT"));
	if (name && !context && asked && !flags->any_context)
		return unknown_context(config, name, err);

	struct settings s = {0};
	s.server = xstrdup(first_of(flags->server, "PLANTON_SERVER",
				    json_get_str(context, "server"), DEFAULT_SERVER));
	for (size_t n = strlen(s.server); n && s.server[n - 1] == '/'; n--)
		s.server[n - 1] = '\0';
	r = resolve_token(context, s.server, &s.token, flags->any_context ? NULL : err);
	if (r < 0 && !flags->any_context) {
		settings_release(&s);
		return r;
	}
	s.context = xstrdup_null(context || flags->any_context ? name : NULL);
	s.org = xstrdup(
		first_of(flags->org, "PLANTON_ORG", json_get_str(context, "org"), DEFAULT_ORG));
	s.env = xstrdup_null(
		first_of(flags->env, "PLANTON_ENV", json_get_str(context, "env"), NULL));
	*ret = s;
	return 0;
}

void settings_release(struct settings *s)
{
	if (s->token)
		secure_wipe(s->token, strlen(s->token));
	free(s->context);
	free(s->server);
	free(s->org);
	free(s->env);
	free(s->token);
	*s = (struct settings){0};
}
