/* Who dies here: the pool ends with its last user, and a runner that comes later starts another. */
#include "runner/providers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/process.h"
#include "base/seal.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "base/ulid.h"
#include "runner/launch.h"

#define START_TIMEOUT_MS 20000
#define END_CHECK_MS	 100
#define SLOW_END_MS	 2000
/* As step/pool.h wants them. */
#define FOLDER_IN_PROVIDER "/proc/self/fd/3"
#define FOLDER_IN_ENGINE   "/proc/self/fd/4"
#define PROVIDERS_MAX	   16

struct providers {
	int pidfd, folder_fd, users_fd;
	json_t *list;		      /* [{source, path, protocol, socket}] */
	char digest[DIGEST_HEX_SIZE]; /* of all that they were started with */
};

static void providers_free(struct providers *providers)
{
	if (!providers)
		return;
	safe_close(providers->pidfd);
	safe_close(providers->folder_fd);
	safe_close(providers->users_fd);
	json_decref(providers->list);
	free(providers);
}

DEFINE_CLEANUP(struct providers *, providers_free);
#define _cleanup_providers_ _cleanup_(providers_free_p)

/* ---- What is known of a provider's program ---- */

/* Changes when the file does. Caller frees; NULL when there is none. */
static char *identity(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0)
		return NULL;
	return xasprintf("%llu:%llu:%lld:%lld.%ld", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino, (long long)st.st_size,
			 (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* 0: not known. -1: it cannot be kept warm. */
static int known_protocol(struct runner *runner, const char *path)
{
	_cleanup_free_ char *key = identity(path);

	pthread_mutex_lock(&runner->lock);
	int protocol = key ? (int)json_integer_value(json_object_get(runner->protocols, key)) : 0;
	pthread_mutex_unlock(&runner->lock);
	return protocol;
}

static void learn_protocol(struct runner *runner, const char *path, int protocol)
{
	_cleanup_free_ char *key = identity(path);

	pthread_mutex_lock(&runner->lock);
	if (key)
		json_object_set_new(runner->protocols, key, json_integer(protocol));
	pthread_mutex_unlock(&runner->lock);
}

/* Three of each run in a plan: one for the schemas, one to validate, one to read. */
static unsigned processes_of(enum engine_command command)
{
	return command == ENGINE_APPLY || command == ENGINE_APPLY_REFRESH_ONLY ? 2 : 3;
}

/* They wait beside each other, while the engine would have ended one before the next. */
static bool fit_into_memory(const struct runner *runner, const json_t *list)
{
	uint64_t sum = 0;
	size_t i;
	json_t *provider;
	struct stat st;

	json_array_foreach(
		list, i,
		provider) if (stat(json_string_value(json_object_get(provider, "path")), &st) == 0)
		sum += (uint64_t)st.st_size * processes_of(ENGINE_PLAN);
	return sum <= runner->memory_limit;
}

/* ---- Start ---- */

static int listen_at(int folder_fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* By descriptor: the folder's name, which nobody can guess, shows nowhere. */
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder_fd,
		 name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Where providers may make their sockets. */
static int make_folder(const struct workspace *workspace)
{
	char id[ULID_SIZE];
	ulid_new(id);
	_cleanup_free_ char *path = path_join(workspace->tmp, id, NULL);

	int r = mkdir_p(path, 0700);
	if (r < 0)
		return r;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int launch_memfd(struct job *job, const struct engine_install *install, const json_t *list,
			char *const *env, enum engine_command command)
{
	json_t *programs = json_array();
	json_t *variables = json_array();
	size_t i;
	json_t *provider;

	json_array_foreach(list, i, provider) json_array_append_new(
		programs, json_pack("{s:O s:i}", "path", json_object_get(provider, "path"), "ahead",
				    (int)processes_of(command)));
	for (; *env; env++)
		json_array_append_new(variables, json_string(*env));
	json_t *root = json_pack("{s:o s:o s:s s:o}", "providers", programs, "env", variables,
				 "cwd", job->workspace.module, "sandbox",
				 launch_sandbox(job->runner, install, &job->workspace));
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (!text)
		return -EINVAL;
	int fd = memfd_with_content("launch", text, strlen(text));
	secure_wipe(text, strlen(text));
	free(text);
	return fd;
}

static int spawn(struct job *job, struct providers *providers, int launch_fd, int pool_users_fd,
		 const int *listening, size_t n)
{
	_cleanup_free_ char *name = job_launch_name(job);
	_cleanup_strv_ char **marks = launch_marks(job->runner, name, job->grant->epoch);
	_cleanup_free_ char *folder = path_join(job->workspace.aux, "providers", NULL);
	int r = mkdir_p(folder, 0700);
	if (r < 0)
		return r;
	_cleanup_free_ char *log = path_join(folder, "stderr", NULL);
	_cleanup_close_ int log_fd =
		open(log, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	char *argv[] = {"planton", "providers", folder, NULL};
	int fds[3 + PROVIDERS_MAX] = {launch_fd, providers->folder_fd, pool_users_fd};
	size_t n_fds = 3;

	for (size_t i = 0; i < n; i++)
		fds[n_fds++] = listening[i];
	pid_t pid;
	return launch_program(job->runner, argv, marks, fds, n_fds, log_fd, &providers->pidfd,
			      &pid);
}

static int start_pool(struct job *job, const struct engine_install *install,
		      struct providers *providers, char *const *env, enum engine_command command)
{
	int listening[PROVIDERS_MAX], users[2];
	size_t n = 0, i;
	json_t *provider;
	_cleanup_close_ int launch_fd = launch_memfd(job, install, providers->list, env, command);
	if (launch_fd < 0)
		return launch_fd;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, users) < 0)
		return -errno;
	providers->users_fd = users[0];
	_cleanup_close_ int pool_users_fd = users[1];
	int r = providers->folder_fd = make_folder(&job->workspace);

	json_array_foreach(providers->list, i, provider)
	{
		char name[32];
		snprintf(name, sizeof(name), "p%zu", i);
		_cleanup_free_ char *socket = path_join(FOLDER_IN_ENGINE, name, NULL);
		json_object_set_new(provider, "socket", json_string(socket));
		if (r >= 0)
			r = listening[n] = listen_at(providers->folder_fd, name);
		if (r >= 0)
			n++;
	}
	if (r >= 0)
		r = spawn(job, providers, launch_fd, pool_users_fd, listening, n);
	while (n > 0)
		safe_close(listening[--n]);
	return r;
}

/* One "<provider> <protocol>" line. */
static void take_line(struct runner *runner, json_t *list, const char *line)
{
	unsigned index;
	int protocol;
	if (sscanf(line, "%u %d", &index, &protocol) != 2)
		return;
	json_t *provider = json_array_get(list, index);
	if (provider)
		learn_protocol(runner, json_string_value(json_object_get(provider, "path")),
			       protocol > 0 ? protocol : -1);
}

/* 1: of all of them; -1: one cannot be kept warm; 0: to be asked. */
static int look_up_protocols(struct runner *runner, json_t *list)
{
	int least = INT_MAX;
	size_t i;
	json_t *provider;

	json_array_foreach(list, i, provider)
	{
		int protocol = known_protocol(runner,
					      json_string_value(json_object_get(provider, "path")));
		json_object_set_new(provider, "protocol", json_integer(protocol));
		least = MIN(least, protocol);
	}
	return least > 0 ? 1 : least;
}

static bool is_wanted_elsewhere(const struct job *job)
{
	return atomic_load(&job->runner->stopping) || atomic_load(&job->drop) ||
	       atomic_load(&job->interrupt);
}

/* The engine wants to be told; a program says it only when it runs. */
static bool wait_for_protocols(struct job *job, struct providers *providers)
{
	uint64_t until = now_monotonic_ms() + START_TIMEOUT_MS;
	char text[1024] = "";
	size_t size = 0;
	int known;

	while ((known = look_up_protocols(job->runner, providers->list)) == 0) {
		struct pollfd fds[] = {{.fd = providers->users_fd, .events = POLLIN},
				       {.fd = job->wake_fd, .events = POLLIN}};
		uint64_t now = now_monotonic_ms();
		if (now >= until || poll(fds, ARRAY_SIZE(fds), (int)(until - now)) <= 0 ||
		    is_wanted_elsewhere(job))
			return false;
		uint64_t count;
		if (fds[1].revents)
			(void)!read(job->wake_fd, &count, sizeof(count));
		if (!fds[0].revents)
			continue;
		ssize_t got = read(providers->users_fd, text + size, sizeof(text) - 1 - size);
		if (got <= 0)
			return false;
		size += (size_t)got;
		text[size] = '\0';
		for (char *end; (end = strchr(text, '\n'));) {
			take_line(job->runner, providers->list, text);
			size -= (size_t)(end + 1 - text);
			memmove(text, end + 1, size + 1);
		}
	}
	return known > 0;
}

static void digest_start(const struct job *job, char *const *env, char ret[DIGEST_HEX_SIZE])
{
	_cleanup_digest_ struct digest *digest = digest_new(DIGEST_BLAKE2B);
	/* Their paths stay the same when their content does not. */
	char *files = json_dumps(json_object_get(job->grant->secrets, "files"),
				 JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	for (; *env; env++)
		digest_update(digest, *env, strlen(*env) + 1);
	if (files) {
		digest_update(digest, files, strlen(files));
		secure_wipe(files, strlen(files));
	}
	free(files);
	digest_final_hex(digest, ret);
}

static bool is_alive(const struct providers *providers)
{
	return providers && process_has_ended(providers->pidfd) == 0;
}

void providers_prepare(struct job *job, const struct engine_install *install,
		       enum engine_command command, const struct engine_environment *environment)
{
	struct engine_environment of_providers = *environment;
	of_providers.state_address = NULL;
	of_providers.marks = NULL;
	of_providers.provider_folder = FOLDER_IN_PROVIDER;
	_cleanup_strv_ char **env = install->engine->environment(&of_providers);
	char digest[DIGEST_HEX_SIZE];

	digest_start(job, env, digest);
	if (is_alive(job->providers) && streq(job->providers->digest, digest))
		return;
	if (!providers_end(job) || job->cold)
		return;

	_cleanup_providers_ struct providers *providers = xcalloc(1, sizeof(*providers));
	*providers = (struct providers){.pidfd = -1, .folder_fd = -1, .users_fd = -1};
	memcpy(providers->digest, digest, sizeof(digest));
	providers->list = install->engine->find_providers(job->workspace.module);
	size_t n = json_array_size(providers->list);
	if (n == 0 || n > PROVIDERS_MAX || !fit_into_memory(job->runner, providers->list) ||
	    look_up_protocols(job->runner, providers->list) < 0)
		return;
	_cleanup_free_ char *name = job_launch_name(job);
	_cleanup_strv_ char **marks = launch_marks(job->runner, name, job->grant->epoch);
	for (char **mark = marks; *mark; mark++)
		strv_add(&env, *mark);
	int r = start_pool(job, install, providers, env, command);
	if (r < 0) {
		log_warning("providers are not kept warm: %s", strerror(-r));
		return;
	}
	job->providers = TAKE_PTR(providers);
	if (wait_for_protocols(job, job->providers))
		return;
	log_info("the providers of this job cannot be kept warm");
	job->cold = true;
	(void)providers_end(job);
}

/* ---- Use and end ---- */

const json_t *providers_running(const struct job *job)
{
	return job->providers ? job->providers->list : NULL;
}

int providers_folder(const struct job *job)
{
	return job->providers ? job->providers->folder_fd : 0;
}

int providers_users(const struct job *job)
{
	return job->providers ? job->providers->users_fd : 0;
}

void providers_leave(struct job *job)
{
	providers_free(job->providers);
	job->providers = NULL;
}

bool providers_end(struct job *job)
{
	uint64_t said_at = now_monotonic_ms() + SLOW_END_MS;
	struct process_exit exit;

	if (!job->providers)
		return true;
	(void)process_signal(job->providers->pidfd, SIGTERM);
	while (process_wait(job->providers->pidfd, END_CHECK_MS, &exit) == -ETIMEDOUT) {
		if (atomic_load(&job->runner->stopping))
			return false;
		if (now_monotonic_ms() < said_at)
			continue;
		said_at = UINT64_MAX;
		log_warning("a provider does not end: it sleeps in the kernel, on a device or a "
			    "network file system");
	}
	providers_leave(job);
	return true;
}
