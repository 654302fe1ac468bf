/* The worker pool: no wake is lost, whatever the threads do at the same time. */
#include "fixture.h"

#include <poll.h>
#include <stdatomic.h>

#include "http/task.h"

#define TASKS  64
#define WAKERS 8
#define ROUNDS 2000

/* Counters stand for the store: a waker commits, then wakes. */
static atomic_uint committed[TASKS];

struct reader {
	struct task task;
	unsigned index;
	unsigned seen;
	char topic[16];
};

static enum task_verdict read_committed(struct task *task, void *ctx)
{
	(void)ctx;
	struct reader *reader = container_of(task, struct reader, task);
	reader->seen = atomic_load(&committed[reader->index]);
	if (reader->seen == WAKERS * ROUNDS)
		return TASK_VERDICT_DONE;
	reader->task.topic = reader->topic;
	reader->task.deadline_ms = TASK_NEVER;
	return reader->seen % 7 == 3 ? TASK_VERDICT_AGAIN : TASK_VERDICT_SLEEP;
}

static void *wake_all(void *argument)
{
	struct task_pool *pool = argument;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < TASKS; i++) {
			char topic[16];
			snprintf(topic, sizeof(topic), "topic-%u", i);
			atomic_fetch_add(&committed[i], 1);
			task_pool_wake(pool, topic);
		}
	return NULL;
}

/* Waits for the pool's eventfd, which also tells of deadlines. */
static struct task *wait_done(struct task_pool *pool)
{
	struct task *done = NULL;
	while (!done) {
		struct pollfd fd = {.fd = task_pool_fd(pool), .events = POLLIN};
		assert_int_equal(poll(&fd, 1, 60000), 1);
		done = task_pool_take_done(pool);
	}
	return done;
}

static void test_no_wake_is_lost(void **state)
{
	(void)state;
	static struct reader readers[TASKS];
	struct task_pool *pool;
	assert_int_equal(task_pool_new(4, read_committed, NULL, &pool, NULL), 0);
	for (unsigned i = 0; i < TASKS; i++) {
		readers[i].index = i;
		snprintf(readers[i].topic, sizeof(readers[i].topic), "topic-%u", i);
		task_submit(pool, &readers[i].task);
	}
	pthread_t threads[WAKERS];
	for (unsigned i = 0; i < WAKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, wake_all, pool), 0);

	for (unsigned done = 0; done < TASKS;)
		for (struct task *task = wait_done(pool); task; task = task->next)
			done++;
	for (unsigned i = 0; i < WAKERS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < TASKS; i++)
		assert_int_equal(readers[i].seen, WAKERS * ROUNDS);
	task_pool_free(pool);
}

/* Sleeps on topic "t" the first time, is done after that. */
struct napper {
	struct task task;
	unsigned runs;
};

static enum task_verdict nap(struct task *task, void *ctx)
{
	(void)ctx;
	struct napper *napper = container_of(task, struct napper, task);
	napper->task.topic = "t";
	return napper->runs++ == 0 ? TASK_VERDICT_SLEEP : TASK_VERDICT_DONE;
}

/* With one worker: what was submitted before has run and is asleep, or done. */
static void settle(struct task_pool *pool)
{
	struct napper last = {.runs = 1};
	task_submit(pool, &last.task);
	assert_ptr_equal(wait_done(pool), &last.task);
	assert_null(last.task.next);
}

static void test_deadline_runs_it(void **state)
{
	(void)state;
	struct task_pool *pool;
	assert_int_equal(task_pool_new(1, nap, NULL, &pool, NULL), 0);
	struct napper nappers[20] = {0};
	for (unsigned i = 0; i < ARRAY_SIZE(nappers); i++) {
		nappers[i].task.deadline_ms = 1000 + i * 7 % 20;
		task_submit(pool, &nappers[i].task);
	}
	settle(pool);
	assert_int_equal(task_pool_expire(pool, 0), 1000);
	for (uint64_t now = 1000; now < 1020; now++) {
		uint64_t next = task_pool_expire(pool, now);
		assert_true(next == (now == 1019 ? TASK_NEVER : now + 1));
		struct task *done = wait_done(pool);
		assert_int_equal(done->deadline_ms, now);
		assert_true(done->expired);
		assert_null(done->next);
	}
	task_pool_free(pool);
}

static void test_deadline_hands_it_to_the_owner(void **state)
{
	(void)state;
	struct task_pool *pool;
	assert_int_equal(task_pool_new(1, nap, NULL, &pool, NULL), 0);
	struct napper napper = {.task = {.deadline_ms = 5, .deadline_is_done = true}};
	task_submit(pool, &napper.task);
	settle(pool);
	assert_true(task_pool_expire(pool, 5) == TASK_NEVER);
	assert_ptr_equal(wait_done(pool), &napper.task);
	assert_int_equal(napper.runs, 1);
	task_pool_free(pool);
}

static void test_cancel(void **state)
{
	(void)state;
	struct task_pool *pool;
	assert_int_equal(task_pool_new(1, nap, NULL, &pool, NULL), 0);
	struct napper napper = {.task = {.deadline_ms = TASK_NEVER}};
	task_submit(pool, &napper.task);
	task_cancel(pool, &napper.task);
	assert_ptr_equal(wait_done(pool), &napper.task);
	assert_true(napper.task.cancelled);
	assert_int_equal(napper.runs, 1);
	task_pool_free(pool);
}

static void test_stop_ends_sleep(void **state)
{
	(void)state;
	struct task_pool *pool;
	assert_int_equal(task_pool_new(2, nap, NULL, &pool, NULL), 0);
	struct napper runs_again = {.task = {.deadline_ms = TASK_NEVER}};
	struct napper is_done = {.task = {.deadline_ms = TASK_NEVER, .stop_is_done = true}};
	task_submit(pool, &runs_again.task);
	task_submit(pool, &is_done.task);
	task_pool_stop_sleep(pool);
	for (unsigned done = 0; done < 2;)
		for (struct task *task = wait_done(pool); task; task = task->next)
			done++;
	assert_int_equal(runs_again.runs, 2);
	assert_int_equal(is_done.runs, 1);
	task_pool_free(pool);
}

static void test_wake_before_the_sleep_counts(void **state)
{
	(void)state;
	struct task_pool *pool;
	assert_int_equal(task_pool_new(1, nap, NULL, &pool, NULL), 0);
	struct napper napper = {.task = {.topic = "t", .deadline_ms = TASK_NEVER}};
	task_pool_wake(pool, "t");
	task_sleep(pool, &napper.task);
	settle(pool);
	task_pool_wake(pool, "other");
	task_pool_wake(pool, "t");
	assert_ptr_equal(wait_done(pool), &napper.task);
	assert_int_equal(napper.runs, 2);
	task_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_wake_is_lost),
		cmocka_unit_test(test_deadline_runs_it),
		cmocka_unit_test(test_deadline_hands_it_to_the_owner),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_stop_ends_sleep),
		cmocka_unit_test(test_wake_before_the_sleep_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
