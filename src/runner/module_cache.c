/* Fetches modules from the server and keeps them. */
#include "runner/module_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fileutil.h"
#include "base/tree.h"
#include "base/ulid.h"
#include "runner/pack.h"

#define MODULE_MAX ((uint64_t)256 << 20)

static int fetch(struct http_client *http, const char *digest, struct http_reply *ret,
		 struct error **err)
{
	_cleanup_free_ char *path = xasprintf("/runner/v1/modules/%s", digest);
	struct http_call call = {.method = "GET", .path = path, .timeout_ms = 120000};

	int r = http_client_call(http, &call, ret, err);
	if (r < 0)
		return r;
	if (ret->status != 200)
		return error_set(err, error_code_from_http_status(ret->status),
				 "the server does not give module %s: HTTP %d", digest,
				 ret->status);
	return 0;
}

int module_cache_get(struct runner *runner, struct http_client *http, const char *digest,
		     char **ret_path, struct error **err)
{
	_cleanup_free_ char *path = path_join(runner->options.dir, "cache/modules", digest, NULL);
	struct stat st;

	if (stat(path, &st) == 0) {
		(void)utimensat(AT_FDCWD, path, NULL, 0);
		*ret_path = TAKE_PTR(path);
		return 0;
	}

	struct http_reply reply = {0};
	int r = fetch(http, digest, &reply, err);
	if (r == 0) {
		char id[ULID_SIZE];
		ulid_new(id);
		_cleanup_free_ char *partial = xasprintf("%s.%s.partial", path, id);
		r = pack_extract(reply.body.data, reply.body.size, partial, MODULE_MAX, err);
		if (r == 0 && rename(partial, path) < 0 && errno != EEXIST && errno != ENOTEMPTY)
			r = error_set_errno(err, ERROR_INTERNAL, errno, "%s", path);
		rm_rf(partial);
	}
	http_reply_release(&reply);
	if (r == 0)
		*ret_path = TAKE_PTR(path);
	return r;
}
