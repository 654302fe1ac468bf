/* Deadlines of leases, and what else only memory has to know of runners. */
#include "control/leases.h"

#include <string.h>

#include "base/clock.h"
#include "base/hashmap.h"
#include "base/strv.h"

#define DIRECTIVE_REPEAT_MS 5000
#define DIRECTIVES_KEPT	    1000
#define FAULT_PAUSE_MS	    10000
#define FAULTS_KEPT	    1000

struct liveness {
	unsigned polls;
	uint64_t deadline_ms; /* when no poll is connected */
	bool expired;	      /* told already */
	bool exit;
};

struct fault {
	char *why;
	bool its_own;
	uint64_t until_ms;
};

static void fault_free(void *pointer)
{
	struct fault *f = pointer;
	free(f->why);
	free(f);
}

struct lease_table {
	pthread_mutex_t mutex;
	uint64_t lease_ms;
	struct hashmap *runners;    /* id -> struct liveness */
	struct hashmap *directives; /* key -> uint64_t: when it was sent last */
	struct hashmap *unassigned; /* job id -> nothing */
	struct hashmap *faults;	    /* job id -> struct fault */
	bool loaded;
	int64_t sweep_cursor;
};

int lease_table_new(struct control *c, struct lease_table **ret, struct error **err)
{
	struct lease_table *t = xcalloc(1, sizeof(*t));
	int r = pthread_mutex_init(&t->mutex, NULL);
	if (r != 0) {
		free(t);
		return error_set_errno(err, ERROR_INTERNAL, r, "cannot make the table of leases");
	}
	t->lease_ms = (uint64_t)c->lease_seconds * 1000;
	t->runners = hashmap_new(free);
	t->directives = hashmap_new(free);
	t->unassigned = hashmap_new(free);
	t->faults = hashmap_new(fault_free);
	*ret = t;
	return 0;
}

void lease_table_free(struct lease_table *t)
{
	if (!t)
		return;
	hashmap_free(t->runners);
	hashmap_free(t->directives);
	hashmap_free(t->unassigned);
	hashmap_free(t->faults);
	pthread_mutex_destroy(&t->mutex);
	free(t);
}

static void unlock(pthread_mutex_t **mutex)
{
	pthread_mutex_unlock(*mutex);
}

static pthread_mutex_t *lock(struct lease_table *t)
{
	pthread_mutex_lock(&t->mutex);
	return &t->mutex;
}

#define WITH_LOCK(t) _cleanup_(unlock) __attribute__((unused)) pthread_mutex_t *locked_ = lock(t)

/* Made with a full lease when it was not known. */
static struct liveness *known(struct lease_table *t, const char *runner_id)
{
	struct liveness *l = hashmap_get(t->runners, runner_id);
	if (!l) {
		l = xcalloc(1, sizeof(*l));
		l->deadline_ms = now_monotonic_ms() + t->lease_ms;
		hashmap_put(t->runners, runner_id, l);
	}
	return l;
}

static void renew(struct lease_table *t, struct liveness *l)
{
	l->deadline_ms = now_monotonic_ms() + t->lease_ms;
	l->expired = false;
}

void lease_poll_began(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	struct liveness *l = known(t, runner_id);
	l->polls++;
	renew(t, l);
}

void lease_poll_ended(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	struct liveness *l = known(t, runner_id);
	if (l->polls > 0)
		l->polls--;
	renew(t, l);
}

void lease_touch(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	renew(t, known(t, runner_id));
}

void lease_know(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	known(t, runner_id);
}

static bool has_passed(const struct liveness *l)
{
	return l->polls == 0 && now_monotonic_ms() > l->deadline_ms;
}

char **lease_take_expired(struct lease_table *t)
{
	WITH_LOCK(t);
	char **expired = NULL;
	const char *id;
	void *value;
	for (size_t i = 0; hashmap_next(t->runners, &i, &id, &value);) {
		struct liveness *l = value;
		if (l->expired || !has_passed(l))
			continue;
		l->expired = true;
		strv_add(&expired, id);
	}
	return expired;
}

void lease_retry(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	known(t, runner_id)->expired = false;
}

bool lease_is_live(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	const struct liveness *l = hashmap_get(t->runners, runner_id);
	return l && !has_passed(l);
}

bool lease_directive_due(struct lease_table *t, const char *key)
{
	WITH_LOCK(t);
	uint64_t now = now_monotonic_ms();
	uint64_t *sent = hashmap_get(t->directives, key);
	if (sent && now < *sent + DIRECTIVE_REPEAT_MS)
		return false;
	if (!sent && hashmap_count(t->directives) >= DIRECTIVES_KEPT) {
		hashmap_free(t->directives);
		t->directives = hashmap_new(free);
	}
	sent = xmalloc(sizeof(*sent));
	*sent = now;
	hashmap_put(t->directives, key, sent);
	return true;
}

void lease_request_exit(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	known(t, runner_id)->exit = true;
}

bool lease_take_exit(struct lease_table *t, const char *runner_id)
{
	WITH_LOCK(t);
	struct liveness *l = known(t, runner_id);
	bool exit = l->exit;
	l->exit = false;
	return exit;
}

void lease_unassigned_add(struct lease_table *t, const char *job_id)
{
	WITH_LOCK(t);
	hashmap_put(t->unassigned, job_id, xcalloc(1, 1));
}

void lease_unassigned_remove(struct lease_table *t, const char *job_id)
{
	WITH_LOCK(t);
	hashmap_remove(t->unassigned, job_id);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **lease_unassigned(struct lease_table *t)
{
	WITH_LOCK(t);
	char **jobs = NULL;
	const char *id;
	for (size_t i = 0; hashmap_next(t->unassigned, &i, &id, NULL);)
		strv_add(&jobs, id);
	if (jobs)
		qsort(jobs, strv_length(jobs), sizeof(*jobs), by_text);
	return jobs;
}

bool lease_claim_loading(struct lease_table *t)
{
	WITH_LOCK(t);
	bool first = !t->loaded;
	t->loaded = true;
	return first;
}

void lease_unclaim_loading(struct lease_table *t)
{
	WITH_LOCK(t);
	t->loaded = false;
}

void lease_fault_put(struct lease_table *t, const char *job_id, const char *why, bool its_own)
{
	WITH_LOCK(t);
	if (hashmap_count(t->faults) >= FAULTS_KEPT) {
		hashmap_free(t->faults);
		t->faults = hashmap_new(fault_free);
	}
	struct fault *f = xcalloc(1, sizeof(*f));
	f->why = xstrdup(why);
	f->its_own = its_own;
	f->until_ms = now_monotonic_ms() + FAULT_PAUSE_MS;
	hashmap_put(t->faults, job_id, f);
}

int lease_fault_get(struct lease_table *t, const char *job_id, char **ret_why)
{
	WITH_LOCK(t);
	const struct fault *f = hashmap_get(t->faults, job_id);
	if (!f || (!f->its_own && now_monotonic_ms() >= f->until_ms))
		return 0;
	if (!f->its_own)
		return 1;
	*ret_why = xstrdup(f->why);
	return 2;
}

char *lease_fault_describe(struct lease_table *t, const char *job_id)
{
	WITH_LOCK(t);
	const struct fault *f = hashmap_get(t->faults, job_id);
	return f ? xstrdup(f->why) : NULL;
}

void lease_fault_forget(struct lease_table *t, const char *job_id)
{
	WITH_LOCK(t);
	hashmap_remove(t->faults, job_id);
}

int64_t lease_sweep_cursor(struct lease_table *t)
{
	WITH_LOCK(t);
	return t->sweep_cursor;
}

void lease_set_sweep_cursor(struct lease_table *t, int64_t number)
{
	WITH_LOCK(t);
	t->sweep_cursor = number;
}
