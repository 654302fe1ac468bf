/* The keys and the context that a server makes for the user who starts it. */
#include "server/local_access.h"

#include <errno.h>
#include <string.h>

#include "base/fileutil.h"
#include "control/keys.h"
#include "model/json.h"
#include "model/yaml.h"
#include "server/places.h"

#define CONFIG_MAX ((size_t)1 << 20)
#define TOKEN_MAX  4096

static const struct actor system_actor = {.principal = "system", .admin = true};

/* Does the file hold a key that this database knows? */
static int key_file_is_good(struct control *c, const char *path, bool *ret, struct error **err)
{
	_cleanup_free_ char *token = NULL;
	*ret = false;
	int r = read_file(path, TOKEN_MAX, &token, NULL);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot read %s", path);
	token[strcspn(token, "\r\n")] = '\0';

	_cleanup_(work_rollbackp) struct work *w = NULL;
	_cleanup_(api_key_row_release) struct api_key_row row = {0};
	_cleanup_error_ struct error *refusal = NULL;
	struct actor actor;
	r = work_begin(c, &system_actor, STORE_READ, &w, err);
	if (r < 0)
		return r;
	r = key_authenticate(w, token, &row, &actor, &refusal);
	secure_wipe(token, strlen(token));
	if (r < 0 && refusal->code != ERROR_UNAUTHENTICATED)
		return error_move(err, &refusal);
	*ret = r >= 0;
	return 0;
}

static int make_key(struct control *c, const char *name, const char *role, const char *path,
		    struct error **err)
{
	_cleanup_(work_rollbackp) struct work *w = NULL;
	char *token = NULL;
	int r = work_begin(c, &system_actor, STORE_WRITE, &w, err);
	if (r >= 0)
		r = key_create(w, name, role, NULL, &token, err);
	if (r >= 0)
		r = work_commit(TAKE_PTR(w), err);
	if (r >= 0) {
		_cleanup_strbuf_secret_ struct strbuf line = STRBUF_INIT;
		strbuf_addf(&line, "%s\n", token);
		r = write_file_atomic(path, line.data, line.size, 0600);
		if (r < 0)
			error_set_errno(err, ERROR_INTERNAL, r, "cannot write the key %s", path);
	}
	if (token)
		secure_wipe(token, strlen(token));
	free(token);
	return r;
}

static int key_ensure(struct control *c, const char *name, const char *role, const char *path,
		      struct error **err)
{
	bool good;
	int r = key_file_is_good(c, path, &good, err);
	if (r < 0 || good)
		return r;
	return make_key(c, name, role, path, err);
}

int admin_key_ensure(struct control *c, const char *cluster_id, char **ret_path, struct error **err)
{
	_cleanup_free_ char *folder = NULL, *keys = NULL, *path = NULL;
	int r = config_dir(&folder, err);
	if (r < 0)
		return r;
	keys = path_join(folder, "keys", NULL);
	path = path_join(keys, cluster_id, NULL);
	r = mkdir_p(keys, 0700);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot make %s", keys);
	r = key_ensure(c, "admin", "admin", path, err);
	if (r >= 0)
		*ret_path = TAKE_PTR(path);
	return r;
}

int runner_key_ensure(struct control *c, const char *path, struct error **err)
{
	return key_ensure(c, "runner-registration", "runner", path, err);
}

static int load_config(const char *path, json_t **ret, struct error **err)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_json_ json_t *config = NULL;
	size_t size;
	int r = read_file(path, CONFIG_MAX, &text, &size);
	if (r == -ENOENT) {
		*ret = json_new_object();
		return 0;
	}
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot read %s", path);
	r = yaml_parse_one(text, size, &config, err);
	if (r < 0)
		return error_wrap(err, "cannot read %s", path);
	if (!json_is_object(config))
		return error_set(err, ERROR_INVALID_ARGUMENT, "%s is not a context file", path);
	*ret = TAKE_PTR(config);
	return 0;
}

/* Borrowed. */
static json_t *object_member(json_t *object, const char *name)
{
	json_t *member = json_object_get(object, name);
	if (json_is_object(member))
		return member;
	member = json_new_object();
	json_set_value(object, name, member);
	return member;
}

int context_ensure(const char *url, const char *token_file, struct error **err)
{
	_cleanup_free_ char *folder = NULL, *path = NULL;
	_cleanup_json_ json_t *config = NULL, *before = NULL;
	int r = config_dir(&folder, err);
	if (r < 0)
		return r;
	path = path_join(folder, "config.yaml", NULL);
	r = load_config(path, &config, err);
	if (r < 0)
		return r;
	before = json_deep_copy(config);

	if (!json_get_str(config, "currentContext"))
		json_set_string(config, "currentContext", "local");
	json_t *local = object_member(object_member(config, "contexts"), "local");
	json_set_string(local, "server", url);
	if (!json_get_str(local, "org"))
		json_set_string(local, "org", "default");
	if (!json_get_str(local, "env"))
		json_set_string(local, "env", "dev");
	json_set_string(local, "tokenFile", token_file);
	if (json_equal(before, config))
		return 0;

	_cleanup_strbuf_secret_ struct strbuf text = STRBUF_INIT;
	yaml_write(&text, config);
	r = write_file_atomic(path, text.data, text.size, 0600);
	return r < 0 ? error_set_errno(err, ERROR_INTERNAL, r, "cannot write %s", path) : 0;
}
