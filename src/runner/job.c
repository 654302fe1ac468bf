/* A job's thread: attempt after attempt. */
#include "runner/job.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"
#include "base/tree.h"
#include "runner/attempt.h"
#include "runner/inputs.h"
#include "runner/leftovers.h"
#include "runner/providers.h"
#include "runner/report.h"

#define EARLIER_CHECK_MS 50

struct job *job_new(struct runner *runner, struct grant *grant, enum job_start start)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->runner = runner;
	job->id = xstrdup(grant->job_id);
	job->dir = path_join(runner->options.dir, "jobs", grant->job_id, NULL);
	job->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	job->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	job->show = (struct auxiliary)AUXILIARY_INIT;
	job->grant = grant;
	job->reattach = start != JOB_START_NEW;
	job->blind = start == JOB_START_BLIND;
	atomic_store(&job->epoch, grant->epoch);
	workspace_init(&job->workspace, runner->options.work_root, grant->job_id);
	return job;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	providers_leave(job);
	grant_free(job->grant);
	grant_free(job->waiting);
	http_client_free(job->http);
	workspace_release(&job->workspace);
	masker_free(job->masker);
	engine_install_free(job->launched);
	json_decref(job->module_secrets);
	safe_close(job->inotify_fd);
	safe_close(job->wake_fd);
	free(job->id);
	free(job->dir);
	free(job);
}

static void wake(struct job *job)
{
	uint64_t one = 1;
	(void)!write(job->wake_fd, &one, sizeof(one));
}

void job_interrupt(struct job *job)
{
	atomic_store(&job->interrupt, true);
	wake(job);
}

void job_drop(struct job *job)
{
	atomic_store(&job->drop, true);
	wake(job);
}

char *job_launch_name(const struct job *job)
{
	return xasprintf("%s/%s/%d", job->id, operation_to_string(job->grant->operation),
			 job->grant->attempt);
}

char *job_state_address(const struct job *job)
{
	const char *path = job->grant->state_path;

	if (!path)
		return NULL;
	return xasprintf("%s%s", path[0] == '/' ? job->runner->options.server : "", path);
}

char *job_attempt_dir(const struct job *job)
{
	char number[16];
	snprintf(number, sizeof(number), "%d", job->grant->attempt);
	return path_join(job->dir, operation_to_string(job->grant->operation), number, NULL);
}

void job_build_masker(struct job *job)
{
	const json_t *secrets = job->grant->secrets;
	struct masker *masker = masker_new();

	masker_add_json(masker, json_object_get(secrets, "values"));
	masker_add_json(masker, json_object_get(secrets, "statePassword"));
	masker_add_json(masker, json_object_get(secrets, "artifactKey"));
	masker_add_json(masker, job->module_secrets);
	masker_add_json(masker, json_object_get(secrets, "mask"));
	masker_finish(masker);
	masker_free(job->masker);
	job->masker = masker;
}

/* An earlier attempt's module secrets, for a runner that starts in the middle. */
static void find_module_secrets(struct job *job)
{
	const struct engine_install *install = runner_engine(job->runner, job->grant->provisioner);
	const char *digest = job->grant->module_digest;
	json_t *variables = NULL, *inputs, *secrets;

	if (!install)
		return;
	if (job->launched)
		variables = variables_cached(job->runner, job->launched, digest);
	if (!variables)
		variables = variables_cached(job->runner, install, digest);
	if (variables &&
	    inputs_make(job->grant, install->engine, variables, &inputs, &secrets, NULL) == 0) {
		json_decref(inputs);
		json_decref(job->module_secrets);
		job->module_secrets = secrets;
	}
	json_decref(variables);
}

/*
 * With secrets sealed: what a restarted runner needs to go on. Whole, but not
 * synced: a power cut ends the engine, too, and a runner that then finds an older
 * grant learns that its lease is over, and says that nothing is alive.
 */
static int store_grant(const struct job *job)
{
	_cleanup_free_ char *path = path_join(job->dir, "job.json", NULL);
	_cleanup_free_ char *partial = path_join(job->dir, ".job.json", NULL);
	_cleanup_free_ char *text = json_dumps(job->grant->json, JSON_COMPACT);
	int r = mkdir_p(job->dir, 0700);
	if (r < 0)
		return r;
	_cleanup_close_ int fd = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : write_all(fd, text, strlen(text));
	if (r == 0 && rename(partial, path) < 0)
		r = -errno;
	return r;
}

static bool take_grant(struct job *job, json_t *json)
{
	_cleanup_error_ struct error *error = NULL;
	struct grant *grant;

	int r = grant_parse(json, &job->runner->keys, &grant, &error);
	/* If this is not heard either, a poll is given the grant again. */
	if (r < 0)
		(void)report_unusable(job->http, json, error);
	json_decref(json);
	if (r < 0)
		return false;
	grant_free(job->grant);
	job->grant = grant;
	job->blind = false;
	atomic_store(&job->epoch, grant->epoch);
	atomic_store(&job->interrupt, false);
	return true;
}

/*
 * An earlier launch of the job may live here although its lease is over: no other
 * one starts before it is gone. False when the runner is to stop.
 */
static bool wait_for_earlier_launches(struct job *job)
{
	const struct engine_install *install = runner_engine(job->runner, job->grant->provisioner);
	struct pollfd fd = {.fd = job->wake_fd, .events = POLLIN};
	bool said = false;

	if (job->reattach || !install || (job->grant->epoch == 1 && !job->grant->previous))
		return true;
	while (leftovers_of_job_alive(job->id, install->path)) {
		if (!said) {
			log_warning("an earlier launch is alive: waiting until it has ended");
			leftovers_interrupt(job->id, install->path);
		}
		said = true;
		(void)poll(&fd, 1, EARLIER_CHECK_MS);
		if (atomic_load(&job->runner->stopping) || atomic_load(&job->drop))
			return false;
	}
	return true;
}

void job_run(struct job *job)
{
	_cleanup_error_ struct error *error = NULL;
	enum attempt_outcome outcome = ATTEMPT_NEXT;

	LOG_CONTEXT("job", job->id);
	if (runner_client_new(job->runner, &job->http, &error) < 0) {
		log_error("no HTTP client: %s", error->message);
		return;
	}
	/* Its workspace is left to the one that lives. */
	if (!wait_for_earlier_launches(job))
		return;
	if (job->reattach) {
		_cleanup_free_ char *dir = job_attempt_dir(job);
		job->launched = engine_install_launched(dir);
	}
	while (outcome == ATTEMPT_NEXT) {
		json_t *next = NULL;
		(void)runner_look_for_engine(job->runner);
		job->unstored = job->reattach ? 0 : store_grant(job);
		if (!job->module_secrets)
			find_module_secrets(job);
		job_build_masker(job);
		outcome = attempt_run(job, &next);
		if (outcome == ATTEMPT_NEXT && !take_grant(job, next))
			outcome = ATTEMPT_LOST;
	}
	if (atomic_load(&job->runner->stopping))
		return;
	auxiliary_release(&job->show);
	(void)providers_end(job);
	/* Its output as it was printed first; a workspace that stays is swept later. */
	rm_rf(job->dir);
	workspace_remove(&job->workspace);
	log_info(outcome == ATTEMPT_RELEASED ? "released" : "given up");
}
