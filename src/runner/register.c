/* Registration: by the token at first, later by the runner's own key. */
#include "runner/register.h"

#include <linux/landlock.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fileutil.h"
#include "base/log.h"
#include "base/strutil.h"

static json_t *sandbox(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi > 0)
		return json_pack("{s:I}", "landlock", (json_int_t)abi);
	return json_pack("{s:i s:s}", "landlock", 0, "warning",
			 "this kernel has no Landlock: modules can read and write what this "
			 "runner's user can, its keys and what other engines were given among it");
}

static char *request_body(struct runner *runner, json_t *held)
{
	const struct runner_options *options = &runner->options;
	json_t *info = engine_install_info(runner_engine(runner, PROVISIONER_TOFU));
	json_object_set_new(info, "sandbox", sandbox());
	json_t *root = json_pack("{s:s s:s s:s s:O s:i s:s s:s s:o s:O}", "name", options->name,
				 "publicKey", runner->public_key, "version", PLANTON_VERSION,
				 "labels", options->labels, "capacity", options->capacity,
				 "workRoot", options->work_root, "bootId", runner->boot_id, "info",
				 info, "held", held);
	char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static int post(struct runner *runner, const char *token, const char *body,
		struct http_reply *reply, struct error **err)
{
	struct http_client *http = NULL;
	struct http_client_options options = {
		.base_url = runner->options.server,
		.token = token,
		.user_agent = "planton-runner/" PLANTON_VERSION,
		.connect_timeout_ms = 5000,
	};
	struct http_call call = {
		.method = "POST",
		.path = "/runner/v1/register",
		.content_type = "application/json",
		.body = body,
		.body_len = strlen(body),
		.timeout_ms = 30000,
	};

	int r = http_client_new(&options, &http, err);
	if (r == 0)
		r = http_client_call(http, &call, reply, err);
	http_client_free(http);
	return r;
}

static int take_answer(struct runner *runner, const struct http_reply *reply, struct error **err)
{
	json_t *root = json_loadb(reply->body.data, reply->body.size, 0, NULL);
	const json_t *error = json_object_get(root, "error");
	const char *id = json_string_value(json_object_get(root, "runnerId"));
	const char *key = json_string_value(json_object_get(root, "key"));
	int r = 0;

	if (reply->status < 200 || reply->status > 299 || !id) {
		const char *message = json_string_value(json_object_get(error, "message"));
		const char *hint = json_string_value(json_object_get(error, "hint"));
		r = error_set(err, error_code_from_http_status(reply->status),
			      "the server refuses this runner: %s (HTTP %d)",
			      message ? message : "no reason", reply->status);
		if (hint)
			error_hint(err, "%s", hint);
	} else {
		pthread_mutex_lock(&runner->lock);
		replace_string(&runner->id, id);
		if (key)
			replace_string(&runner->key, key);
		pthread_mutex_unlock(&runner->lock);
		if (key) {
			_cleanup_free_ char *path = path_join(runner->options.dir, "key", NULL);
			int written = write_file_atomic(path, key, strlen(key), 0600);
			if (written < 0)
				r = error_set_errno(err, ERROR_INTERNAL, written, "%s", path);
		}
	}
	json_decref(root);
	return r;
}

int runner_enrol(struct runner *runner, json_t *held, struct error **err)
{
	_cleanup_free_ char *body = request_body(runner, held);
	struct http_reply reply = {0};
	bool own = runner->key != NULL;

	int r = post(runner, own ? runner->key : runner->options.token, body, &reply, err);
	/* A key that the server does not know: it is another server, or a new database. */
	if (r == 0 && own && (reply.status == 401 || reply.status == 403) &&
	    runner->options.token) {
		http_reply_release(&reply);
		reply = (struct http_reply){0};
		r = post(runner, runner->options.token, body, &reply, err);
	}
	if (r == 0)
		r = take_answer(runner, &reply, err);
	http_reply_release(&reply);
	return r;
}
