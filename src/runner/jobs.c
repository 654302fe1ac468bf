/* A table of jobs; threads are detached and leave it themselves. */
#include "runner/jobs.h"

#include <pthread.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/log.h"
#include "base/strutil.h"

#define STACK_SIZE ((size_t)512 << 10)

struct jobs {
	struct runner *runner;
	pthread_mutex_t lock;
	struct hashmap *map; /* id -> struct job, which its thread owns */
};

struct jobs *jobs_new(struct runner *runner)
{
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));

	jobs->runner = runner;
	pthread_mutex_init(&jobs->lock, NULL);
	jobs->map = hashmap_new(NULL);
	return jobs;
}

/* The thread's next lease of the same job, or NULL: then the job has left the table. */
static struct job *next_lease(struct jobs *jobs, struct job *job)
{
	struct job *next = NULL;

	pthread_mutex_lock(&jobs->lock);
	struct grant *waiting = TAKE_PTR(job->waiting);
	hashmap_remove(jobs->map, job->id);
	if (waiting) {
		next = job_new(jobs->runner, waiting, JOB_START_NEW);
		hashmap_put(jobs->map, next->id, next);
	}
	pthread_mutex_unlock(&jobs->lock);
	job_free(job);
	return next;
}

static void *thread_main(void *argument)
{
	struct job *job = argument;
	struct jobs *jobs = job->runner->jobs;

	while (job) {
		job_run(job);
		job = next_lease(jobs, job);
	}
	return NULL;
}

static int start_thread(struct job *job)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	int r = pthread_create(&thread, &attributes, thread_main, job);
	pthread_attr_destroy(&attributes);
	return r;
}

bool jobs_start(struct jobs *jobs, struct grant *grant, enum job_start start)
{
	pthread_mutex_lock(&jobs->lock);
	struct job *job = hashmap_get(jobs->map, grant->job_id);
	if (job) {
		grant_free(job->waiting);
		job->waiting = grant;
		pthread_mutex_unlock(&jobs->lock);
		return true;
	}
	job = job_new(jobs->runner, grant, start);
	hashmap_put(jobs->map, job->id, job);
	int r = start_thread(job);
	if (r != 0) {
		/* The server gives it again, because no poll names it. */
		log_error("no thread for job %s: %s", job->id, strerror(r));
		hashmap_remove(jobs->map, job->id);
		job_free(job);
	}
	pthread_mutex_unlock(&jobs->lock);
	return r == 0;
}

size_t jobs_count(struct jobs *jobs)
{
	pthread_mutex_lock(&jobs->lock);
	size_t count = hashmap_count(jobs->map);
	pthread_mutex_unlock(&jobs->lock);
	return count;
}

json_t *jobs_held(struct jobs *jobs)
{
	json_t *held = json_array();
	size_t position = 0;
	void *value;

	pthread_mutex_lock(&jobs->lock);
	while (hashmap_next(jobs->map, &position, NULL, &value)) {
		struct job *job = value;
		json_array_append_new(held, json_pack("{s:s s:I}", "job", job->id, "epoch",
						      (json_int_t)atomic_load(&job->epoch)));
	}
	pthread_mutex_unlock(&jobs->lock);
	return held;
}

void jobs_direct(struct jobs *jobs, const char *job_id, int64_t epoch, const char *type)
{
	pthread_mutex_lock(&jobs->lock);
	struct job *job = hashmap_get(jobs->map, job_id);
	if (job && streq(type, "interrupt"))
		job_interrupt(job);
	else if (job && streq(type, "drop") && atomic_load(&job->epoch) == epoch)
		job_drop(job);
	pthread_mutex_unlock(&jobs->lock);
}
