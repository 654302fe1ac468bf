/* Where things are on this machine. */
#include "server/places.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/strutil.h"

#define PARENTS_MAX 4

static const char *home(void)
{
	const char *value = getenv("HOME");
	if (!isempty(value))
		return value;
	const struct passwd *user = getpwuid(getuid());
	return user ? user->pw_dir : NULL;
}

static char *xdg_dir(const char *variable, const char *below_home)
{
	const char *base = getenv(variable);
	if (!isempty(base))
		return path_join(base, "planton", NULL);
	const char *folder = home();
	return isempty(folder) ? NULL : path_join(folder, below_home, "planton", NULL);
}

char *default_data_dir(void)
{
	if (geteuid() == 0 && isempty(getenv("XDG_DATA_HOME")))
		return xstrdup("/var/lib/planton");
	return xdg_dir("XDG_DATA_HOME", ".local/share");
}

int config_dir(char **ret, struct error **err)
{
	_cleanup_free_ char *path = xdg_dir("XDG_CONFIG_HOME", ".config");
	if (!path)
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "neither HOME nor XDG_CONFIG_HOME is set");
	int r = mkdir_p(path, 0700);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot make %s", path);
	*ret = TAKE_PTR(path);
	return 0;
}

int own_binary(char **ret, struct error **err)
{
	static const char deleted[] = " (deleted)";
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno,
				       "cannot find the running binary");
	path[n] = '\0';
	const char *suffix = endswith(path, deleted);
	*ret = xstrndup(path, suffix ? (size_t)(suffix - path) : (size_t)n);
	return 0;
}

static bool is_catalog(const char *path)
{
	_cleanup_free_ char *providers = path_join(path, "providers", NULL);
	return access(providers, R_OK | X_OK) == 0;
}

int default_catalog(char **ret, struct error **err)
{
	_cleanup_free_ char *folder = NULL;
	int r = own_binary(&folder, err);
	if (r < 0)
		return r;
	for (int i = 0; i < PARENTS_MAX; i++) {
		char *slash = strrchr(folder, '/');
		if (!slash)
			break;
		*slash = '\0';
		_cleanup_free_ char *source = path_join(folder, "catalog", NULL);
		_cleanup_free_ char *installed = path_join(folder, "share/planton/catalog", NULL);
		if (is_catalog(source) || is_catalog(installed)) {
			*ret = is_catalog(source) ? TAKE_PTR(source) : TAKE_PTR(installed);
			return 0;
		}
	}
	if (is_catalog(installed_catalog)) {
		*ret = xstrdup(installed_catalog);
		return 0;
	}
	r = error_set(err, ERROR_NOT_FOUND, "there is no catalogue of kinds at %s",
		      installed_catalog);
	error_hint(err, "say where it is: --catalog DIR");
	return r;
}

static int in_use(int fd, const char *path, struct error **err)
{
	char pid[32] = "";
	ssize_t n = pread_full(fd, pid, sizeof(pid) - 1, 0);
	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	int r = error_set(err, ERROR_LOCKED, "another server (pid %s) is using %s",
			  *pid ? pid : "unknown", path);
	error_hint(err, "stop it, or choose another folder with --data");
	return r;
}

int data_dir_open(const char *path, char **ret_path, int *ret_lock_fd, struct error **err)
{
	int r = mkdir_p(path, 0700);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot make %s", path);
	_cleanup_free_ char *absolute = realpath(path, NULL);
	if (!absolute)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot find %s", path);
	struct stat st;
	if (stat(absolute, &st) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot look at %s", absolute);
	if ((st.st_mode & 077) && chmod(absolute, 0700) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno,
				       "%s is open to others, and cannot be closed", absolute);

	_cleanup_free_ char *lock = path_join(absolute, "lock", NULL);
	_cleanup_close_ int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot open %s", lock);
	r = flock_try_exclusive(fd);
	if (r == -EWOULDBLOCK)
		return in_use(fd, absolute, err);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot lock %s", lock);
	_cleanup_free_ char *pid = xasprintf("%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, strlen(pid), 0) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "cannot write %s", lock);
	*ret_path = TAKE_PTR(absolute);
	*ret_lock_fd = TAKE_FD(fd);
	return 0;
}
