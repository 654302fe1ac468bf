/* Commands of the engine's that nobody but the runner reads. */
#include "runner/auxiliary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/process.h"
#include "base/strv.h"
#include "base/tree.h"
#include "runner/job.h"
#include "runner/providers.h"
#include "runner/tail.h"

#define OUTPUT_MAX ((uint64_t)64 << 20)
#define TIMEOUT_MS 600000
#define STDERR_MAX 2000

int auxiliary_start(struct auxiliary *auxiliary, struct job *job,
		    const struct engine_install *install, enum engine_command command,
		    struct error **err)
{
	const struct workspace *workspace = &job->workspace;
	_cleanup_free_ char *launch_name = job_launch_name(job);
	_cleanup_strv_ char **marks = launch_marks(job->runner, launch_name, job->grant->epoch);
	const struct engine_options options = {0};
	bool init = command == ENGINE_INIT, show = command == ENGINE_SHOW_PLAN;
	/* An init reads the state, for the providers that it needs. */
	_cleanup_free_ char *address = init ? job_state_address(job) : NULL;
	const struct engine_environment environment = {
		.home = workspace->home,
		.tmp = workspace->tmp_link ? workspace->tmp_link : workspace->tmp,
		.cli_config = install->cli_config,
		.marks = marks,
		.state_address = address,
		.state_username = init ? job->grant->state_username : NULL,
		.state_password = init ? grant_state_password(job->grant) : NULL,
		.memory_limit = job->runner->memory_limit,
		.passed_on = job->runner->passed_on,
		.providers = show ? providers_running(job) : NULL,
	};
	_cleanup_strv_ char **argv =
		install->engine->command_line(install->path, command, &options);
	_cleanup_strv_ char **env = install->engine->environment(&environment);
	const struct launch_request request = {
		.install = install,
		.argv = argv,
		.env = env,
		.cwd = workspace->module,
		.launch = launch_name,
		.epoch = job->grant->epoch,
		.workspace = workspace,
		.timeout_ms = TIMEOUT_MS,
		.folder_fd = show ? providers_folder(job) : 0,
		.users_fd = show ? providers_users(job) : 0,
		.file_limit = init ? 0 : OUTPUT_MAX,
	};

	auxiliary_release(auxiliary);
	auxiliary->dir = path_join(workspace->aux, engine_command_to_string(command), NULL);
	int r = rm_rf(auxiliary->dir);
	if (r < 0)
		return error_set_errno(err, ERROR_INTERNAL, r, "%s", auxiliary->dir);
	r = launch(job->runner, auxiliary->dir, &request, &auxiliary->process, err);
	auxiliary->running = r == 0;
	auxiliary->engine = install->engine;
	return r;
}

int auxiliary_pidfd(const struct auxiliary *auxiliary)
{
	return auxiliary->running ? auxiliary->process.pidfd : -1;
}

bool auxiliary_has_ended(const struct auxiliary *auxiliary)
{
	return auxiliary->running && process_has_ended(auxiliary->process.pidfd) > 0;
}

/* Of a command that failed: its first error, else what it said on stderr. */
static void add_reason(const struct auxiliary *auxiliary, struct strbuf *reason)
{
	_cleanup_engine_line_ struct engine_line line = ENGINE_LINE_INIT;
	char text[STDERR_MAX + 1];
	struct tail_line next;
	struct tail tail;

	tail_init(&tail, auxiliary->process.stdout_fd, 0, false);
	while (line.mark != ENGINE_MARK_ERROR && tail_next(&tail, true, &next) == 1) {
		engine_line_reset(&line);
		auxiliary->engine->parse_line(next.data, next.size, &line);
	}
	if (line.mark == ENGINE_MARK_ERROR)
		strbuf_add(reason, line.text.data, MIN(line.text.size, (size_t)STDERR_MAX));
	tail_release(&tail);
	if (reason->size > 0)
		return;
	ssize_t length = pread_full(auxiliary->process.stderr_fd, text, STDERR_MAX, 0);
	strbuf_add(reason, text, length > 0 ? (size_t)length : 0);
}

static int check_end(const struct auxiliary *auxiliary, uint64_t size, struct error **err)
{
	json_t *record = process_exit_record(&auxiliary->process);
	json_int_t code = json_integer_value(json_object_get(record, "exitCode"));
	json_int_t signal_number = json_integer_value(json_object_get(record, "signal"));
	const char *problem = json_string_value(json_object_get(record, "error"));
	int r = 0;

	if (!record)
		r = error_set(err, ERROR_INTERNAL, "it was killed");
	else if (problem)
		r = error_set(err, ERROR_INTERNAL, "%s", problem);
	else if (size >= OUTPUT_MAX)
		r = error_set(err, ERROR_TOO_LARGE, "its output passes the limit of 64 MB");
	else if (code != 0 || signal_number != 0) {
		_cleanup_strbuf_ struct strbuf reason = STRBUF_INIT;
		add_reason(auxiliary, &reason);
		r = error_set(err, ERROR_INTERNAL, "%s", reason.data);
	}
	json_decref(record);
	return r;
}

int auxiliary_finish(struct auxiliary *auxiliary, char **ret_output, size_t *ret_size,
		     struct error **err)
{
	struct process_exit exit;
	struct stat st;

	(void)process_wait(auxiliary->process.pidfd, -1, &exit);
	auxiliary->running = false;
	int r = fstat(auxiliary->process.stdout_fd, &st) < 0
			? error_set_errno(err, ERROR_INTERNAL, errno, "%s", auxiliary->dir)
			: check_end(auxiliary, (uint64_t)st.st_size, err);
	char *output = NULL;
	if (r == 0 && st.st_size > 0) {
		output = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
			      auxiliary->process.stdout_fd, 0);
		if (output == MAP_FAILED)
			r = error_set_errno(err, ERROR_INTERNAL, errno, "%s", auxiliary->dir);
	}
	auxiliary_release(auxiliary);
	if (r < 0)
		return r;
	*ret_output = output;
	*ret_size = (size_t)st.st_size;
	return 0;
}

void auxiliary_release(struct auxiliary *auxiliary)
{
	struct process_exit exit;

	if (auxiliary->running) {
		(void)process_kill(&auxiliary->process);
		(void)process_wait(auxiliary->process.pidfd, -1, &exit);
		auxiliary->running = false;
	}
	/* The rest goes with the workspace, when nobody waits for it. */
	if (auxiliary->process.dir_fd >= 0)
		(void)unlinkat(auxiliary->process.dir_fd, "stdout", 0);
	process_release(&auxiliary->process);
	free(auxiliary->dir);
	auxiliary->dir = NULL;
}
