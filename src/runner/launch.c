/* One step per engine command; nothing secret passes but through a memfd. */
#include "runner/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/proc.h"
#include "base/process.h"
#include "base/seal.h"
#include "base/strv.h"

#define INTERRUPT_GRACE_MS 60000
#define RECORD_MAX	   (64 << 10)
#define OUTPUT_MAX	   ((json_int_t)1 << 30) /* finish.c tells it, too */

#define FIRST_FD	   3
#define FDS_MAX		   32

void process_release(struct process *process)
{
	process->pidfd = safe_close(process->pidfd);
	process->dir_fd = safe_close(process->dir_fd);
	process->stdout_fd = safe_close(process->stdout_fd);
	process->stderr_fd = safe_close(process->stderr_fd);
	process->record_fd = safe_close(process->record_fd);
}

static json_t *string_array(char *const *vector)
{
	json_t *array = json_array();
	for (; vector && *vector; vector++)
		json_array_append_new(array, json_string(*vector));
	return array;
}

json_t *launch_sandbox(struct runner *runner, const struct engine_install *install,
		       const struct workspace *workspace)
{
	static const char *const system_paths[] = {
		"/usr",
		"/bin",
		"/sbin",
		"/lib",
		"/lib32",
		"/lib64",
		"/etc",
		"/proc",
		"/sys",
		"/dev/random",
		"/dev/urandom",
		"/opt",
		"/run/systemd/resolve",
		"/run/resolvconf",
		"/var/lib/ca-certificates",
	};
	static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/tty",
					      "/dev/shm"};
	/* Not the workspace itself: what is the runner's lies beside them. */
	const char *const folders[] = {workspace->module, workspace->home, workspace->files,
				       workspace->tmp};
	json_t *read = string_array(install->read_paths);
	json_t *write = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(system_paths); i++)
		json_array_append_new(read, json_string(system_paths[i]));
	_cleanup_free_ char *init_cache = path_join(runner->options.dir, "cache/init", NULL);
	json_array_append_new(read, json_string(init_cache));
	for (char *const *entry = runner->passed_on; entry && *entry; entry++) {
		const char *value = strchr(*entry, '=') + 1;
		if (*value == '/')
			json_array_append_new(read, json_string(value));
	}
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		json_array_append_new(write, json_string(devices[i]));
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		json_array_append_new(write, json_string(folders[i]));
	for (char *const *path = runner->options.allow_write; path && *path; path++)
		json_array_append_new(write, json_string(*path));
	return json_pack("{s:o s:o}", "read", read, "write", write);
}

static int launch_memfd(struct runner *runner, const struct launch_request *request)
{
	json_t *root =
		json_pack("{s:o s:o s:s s:I s:I s:b s:{s:I s:I} s:o}", "argv",
			  string_array(request->argv), "env", string_array(request->env), "cwd",
			  request->cwd, "timeoutMs", (json_int_t)request->timeout_ms, "graceMs",
			  (json_int_t)INTERRUPT_GRACE_MS, "sync", request->sync, "limits",
			  "fileBytes", (json_int_t)request->file_limit, "outputBytes", OUTPUT_MAX,
			  "sandbox", launch_sandbox(runner, request->install, request->workspace));
	if (!root)
		return -EINVAL;
	char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	int fd = memfd_with_content("launch", text, strlen(text));
	secure_wipe(text, strlen(text));
	free(text);
	return fd;
}

/* For people, and as a sign that something was started here: names of variables, never their
 * values. */
static int write_launch_record(int dir_fd, const struct launch_request *request)
{
	json_t *names = json_array();
	for (char *const *entry = request->env; entry && *entry; entry++)
		json_array_append_new(names, json_stringn(*entry, strcspn(*entry, "=")));
	json_t *root =
		json_pack("{s:o s:s s:o s:s s:I s:I s:I}", "argv", string_array(request->argv),
			  "engineVersion", request->install->version, "environment", names, "cwd",
			  request->cwd, "epoch", (json_int_t)request->epoch, "timeoutMs",
			  (json_int_t)request->timeout_ms, "time", (json_int_t)now_realtime_ms());
	_cleanup_free_ char *text = json_dumps(root, JSON_COMPACT);
	json_decref(root);

	/* Not synced: a power cut ends the engine, too. */
	_cleanup_close_ int fd =
		openat(dir_fd, "launch.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : write_all(fd, text, strlen(text));
}

static int open_for_reading(int dir_fd, const char *name, int flags)
{
	return openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
}

char **launch_marks(const struct runner *runner, const char *launch_name, int64_t epoch)
{
	char **marks = NULL;

	strv_addf(&marks, "PLANTON_LAUNCH=%s", launch_name);
	strv_addf(&marks, "PLANTON_RUNNER=%s", runner->public_key);
	strv_addf(&marks, "PLANTON_EPOCH=%lld", (long long)epoch);
	return marks;
}

int launch_program(struct runner *runner, char *const *argv, char *const *env, const int *fds,
		   size_t n_fds, int stderr_fd, int *ret_pidfd, pid_t *ret_pid)
{
	struct process_fd passed[FDS_MAX + 1];
	int image_fd = FIRST_FD + (int)n_fds;
	char image[64];

	if (n_fds > FDS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n_fds; i++)
		passed[i] = (struct process_fd){.source = fds[i], .target = FIRST_FD + (int)i};
	passed[n_fds] = (struct process_fd){.source = runner->step_fd, .target = image_fd};
	snprintf(image, sizeof(image), "/proc/self/fd/%d", image_fd);
	bool has_image = runner->step_fd >= 0;
	struct process_spec spec = {
		PROCESS_SPEC_INIT,
		/* Otherwise the binary that runs, also when its file was replaced by a newer one.
		 */
		.path = has_image ? image : "/proc/self/exe",
		.argv = argv,
		.envp = env,
		.cwd = "/",
		.fds = passed,
		.n_fds = has_image ? n_fds + 1 : n_fds,
		.new_session = true,
	};
	spec.stderr_fd = stderr_fd;
	return process_spawn(&spec, ret_pid, ret_pidfd);
}

static int spawn(struct runner *runner, const char *attempt_dir,
		 const struct launch_request *request, struct process *process)
{
	_cleanup_close_ int launch_fd = launch_memfd(runner, request);
	if (launch_fd < 0)
		return launch_fd;

	_cleanup_strv_ char **env = launch_marks(runner, request->launch, request->epoch);
	bool pool = request->users_fd > 0;
	char *argv[] = {"planton", "step", (char *)attempt_dir, "3", "4", "5", pool ? "6" : NULL,
			"7",	   NULL};
	const int fds[] = {launch_fd, process->dir_fd, process->record_fd, request->folder_fd,
			   request->users_fd};
	pid_t pid;
	return launch_program(runner, argv, env, fds, pool ? ARRAY_SIZE(fds) : ARRAY_SIZE(fds) - 2,
			      -1, &process->pidfd, &pid);
}

int launch(struct runner *runner, const char *attempt_dir, const struct launch_request *request,
	   struct process *ret, struct error **err)
{
	_cleanup_process_ struct process process = PROCESS_INIT;

	if (request->install->problem)
		return error_set(err, ERROR_PRECONDITION_FAILED, "this runner has no engine: %s",
				 request->install->problem);
	int r = mkdir_p(attempt_dir, 0700);
	if (r == 0) {
		process.dir_fd = open(attempt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		process.record_fd = memfd_create("exit-record", MFD_CLOEXEC);
		if (process.dir_fd < 0 || process.record_fd < 0)
			r = -errno;
	}
	if (r == 0) {
		process.stdout_fd = open_for_reading(process.dir_fd, "stdout", O_CREAT);
		process.stderr_fd = open_for_reading(process.dir_fd, "stderr", O_CREAT);
		if (process.stdout_fd < 0 || process.stderr_fd < 0)
			r = -errno;
	}
	if (r == 0)
		r = write_launch_record(process.dir_fd, request);
	if (r == 0)
		r = spawn(runner, attempt_dir, request, &process);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot start a step in %s",
				       attempt_dir);
	*ret = process;
	process = (struct process)PROCESS_INIT;
	return 0;
}

int process_find_step(const struct process *process)
{
	_cleanup_free_ char *text = NULL;
	char boot[BOOT_ID_SIZE];
	uint64_t start;

	if (process->dir_fd < 0 ||
	    read_file_at(process->dir_fd, "step", RECORD_MAX, &text, NULL) < 0)
		return -1;
	json_t *record = json_loads(text, 0, NULL);
	const char *recorded_boot = json_string_value(json_object_get(record, "bootId"));
	pid_t pid = (pid_t)json_integer_value(json_object_get(record, "pid"));
	uint64_t recorded_start =
		(uint64_t)json_integer_value(json_object_get(record, "starttime"));

	_cleanup_close_ int pidfd = -1;
	if (recorded_boot && pid > 0 && boot_id(boot) == 0 && strcmp(boot, recorded_boot) == 0)
		pidfd = process_open(pid);
	json_decref(record);
	/* Compared after opening: from then on the pidfd cannot come to mean another process. */
	if (pidfd < 0 || process_starttime(pid, &start) < 0 || start != recorded_start)
		return -1;
	return TAKE_FD(pidfd);
}

int process_attach(const char *attempt_dir, struct process *ret, struct error **err)
{
	_cleanup_process_ struct process process = PROCESS_INIT;

	process.dir_fd = open(attempt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process.dir_fd < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "%s", attempt_dir);
	process.stdout_fd = open_for_reading(process.dir_fd, "stdout", O_CREAT);
	process.stderr_fd = open_for_reading(process.dir_fd, "stderr", O_CREAT);
	process.pidfd = process_find_step(&process);
	*ret = process;
	process = (struct process)PROCESS_INIT;
	return 0;
}

bool process_has_record(const struct process *process)
{
	return process->dir_fd >= 0 && faccessat(process->dir_fd, "exit.json", F_OK, 0) == 0;
}

json_t *process_exit_record(const struct process *process)
{
	_cleanup_free_ char *text = NULL;
	char copy[RECORD_MAX];

	if (process->dir_fd >= 0 &&
	    read_file_at(process->dir_fd, "exit.json", RECORD_MAX, &text, NULL) == 0)
		return json_loads(text, 0, NULL);
	if (process->record_fd < 0)
		return NULL;
	ssize_t size = pread_full(process->record_fd, copy, sizeof(copy), 0);
	return size > 0 ? json_loadb(copy, (size_t)size, 0, NULL) : NULL;
}

int process_interrupt(const struct process *process)
{
	return process->pidfd < 0 ? -ESRCH : process_signal(process->pidfd, SIGTERM);
}

int process_kill(const struct process *process)
{
	return process->pidfd < 0 ? -ESRCH : process_signal(process->pidfd, SIGUSR1);
}
