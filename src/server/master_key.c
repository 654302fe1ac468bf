/* Finding the master key, making it on the first start, and refusing another one. */
#include "server/master_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/process.h"
#include "base/strutil.h"
#include "server/places.h"

#define META_KEY_ID	"master_key_id"
#define COMMAND_WAIT_MS 30000
#define KEY_TEXT_MAX	256

static int known_key_id(struct store *store, char **ret, struct error **err)
{
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	int r = store_begin(store, STORE_READ, &tx, err);
	return r < 0 ? r : meta_get(tx, META_KEY_ID, ret, err);
}

static int remember_key_id(struct store *store, const char *id, struct error **err)
{
	_cleanup_(store_rollbackp) struct store_tx *tx = NULL;
	int r = store_begin(store, STORE_WRITE, &tx, err);
	if (r >= 0)
		r = meta_set(tx, META_KEY_ID, id, err);
	return r < 0 ? r : store_commit(TAKE_PTR(tx), err);
}

static int parse_key(const char *text, const char *where, struct master_key **ret,
		     struct error **err)
{
	int r = master_key_parse(text, ret);
	return r < 0 ? error_set(err, ERROR_INVALID_ARGUMENT, "%s is not 64 hex digits", where) : 0;
}

/* Wiped as well as unset: the kernel shows a process's first environment for as long as it lives.
 */
static int from_environment(char *value, struct master_key **ret, struct error **err)
{
	int r = parse_key(value, "PLANTON_MASTER_KEY", ret, err);
	secure_wipe(value, strlen(value));
	unsetenv("PLANTON_MASTER_KEY");
	return r;
}

static int run_command(const char *command, struct strbuf *out, struct error **err)
{
	int pipe_fds[2];
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot make a pipe");
	_cleanup_close_ int output = pipe_fds[0], write_fd = pipe_fds[1], pidfd = -1;
	char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)command, NULL};
	const struct process_spec spec = {
		.path = "/bin/sh",
		.argv = argv,
		.stdin_fd = -1,
		.stdout_fd = write_fd,
		.stderr_fd = STDERR_FILENO,
	};
	pid_t pid;
	int r = process_spawn(&spec, &pid, &pidfd);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot run /bin/sh");
	safe_close(TAKE_FD(write_fd));
	int read_result = read_fd(output, KEY_TEXT_MAX, out);
	struct process_exit end;
	r = process_wait(pidfd, COMMAND_WAIT_MS, &end);
	if (r < 0)
		return error_set_errno(err, ERROR_TIMEOUT, r,
				       "PLANTON_MASTER_KEY_COMMAND has not ended");
	if (read_result < 0 || end.signaled || end.code != 0)
		return error_set(
			err, ERROR_INTERNAL,
			"PLANTON_MASTER_KEY_COMMAND failed (%s %d); it is to print the key",
			end.signaled ? "signal" : "exit code", end.code);
	return 0;
}

static int from_command(const char *command, struct master_key **ret, struct error **err)
{
	_cleanup_strbuf_secret_ struct strbuf out = STRBUF_INIT;
	int r = run_command(command, &out, err);
	return r < 0 ? r : parse_key(out.data, "what PLANTON_MASTER_KEY_COMMAND printed", ret, err);
}

static int make_file(const char *path, struct master_key **ret, struct error **err)
{
	_cleanup_master_key_ struct master_key *key = NULL;
	_cleanup_free_ char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');
	int r = 0;
	if (slash && slash != folder) {
		*slash = '\0';
		r = mkdir_p(folder, 0700);
	}
	if (r >= 0)
		r = master_key_generate(&key);
	if (r >= 0)
		r = master_key_save(key, path);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot make the master key %s",
				       path);
	*ret = TAKE_PTR(key);
	return 0;
}

static int from_file(const char *path, const char *known_id, struct master_key **ret,
		     struct error **err)
{
	int r = master_key_load(path, ret);
	if (r >= 0)
		return 0;
	if (r == -ENOENT && !known_id)
		return make_file(path, ret, err);
	if (r == -ENOENT) {
		r = error_set(err, ERROR_NOT_FOUND,
			      "the master key %s of this data (%s) is missing", path, known_id);
		error_hint(err, "put it back, or say where it is: --master-key-file FILE. Without "
				"it the secrets of this data cannot be read by anyone");
		return r;
	}
	if (r == -EPERM)
		return error_set(err, ERROR_PERMISSION_DENIED,
				 "others may read the master key: chmod 600 %s", path);
	return error_set_errno(err, ERROR_INTERNAL, r, "cannot read the master key %s", path);
}

static int default_file(char **ret, struct error **err)
{
	_cleanup_free_ char *folder = NULL;
	int r = config_dir(&folder, err);
	if (r >= 0)
		*ret = path_join(folder, "master.key", NULL);
	return r;
}

static int obtain(const char *file, const char *known_id, struct master_key **ret, char **ret_where,
		  struct error **err)
{
	char *value = getenv("PLANTON_MASTER_KEY");
	const char *command = getenv("PLANTON_MASTER_KEY_COMMAND");
	_cleanup_free_ char *path = xstrdup_null(file);
	int r;
	if (!file && !isempty(value)) {
		r = from_environment(value, ret, err);
		replace_string(&path, "PLANTON_MASTER_KEY");
	} else if (!file && !isempty(command)) {
		r = from_command(command, ret, err);
		replace_string(&path, "PLANTON_MASTER_KEY_COMMAND");
	} else {
		r = path ? 0 : default_file(&path, err);
		if (r >= 0)
			r = from_file(path, known_id, ret, err);
	}
	if (r >= 0)
		*ret_where = TAKE_PTR(path);
	return r;
}

int master_key_obtain(struct store *store, const char *file, struct master_key **ret,
		      char **ret_where, struct error **err)
{
	_cleanup_free_ char *known_id = NULL, *where = NULL;
	_cleanup_master_key_ struct master_key *key = NULL;
	char id[MASTER_KEY_ID_SIZE];
	int r = known_key_id(store, &known_id, err);
	if (r >= 0)
		r = obtain(file, known_id, &key, &where, err);
	if (r < 0)
		return r;
	master_key_id(key, id);
	if (known_id && !streq(known_id, id)) {
		r = error_set(err, ERROR_CONFLICT,
			      "this data is sealed under the master key %s; the one of %s is %s",
			      known_id, where, id);
		error_hint(err, "start with the right key: --master-key-file FILE");
		return r;
	}
	if (!known_id && (r = remember_key_id(store, id, err)) < 0)
		return r;
	*ret = TAKE_PTR(key);
	*ret_where = TAKE_PTR(where);
	return 0;
}
