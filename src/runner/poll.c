/* One poll after another, until the end. */
#include "runner/poll.h"

#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "runner/disk_budget.h"
#include "runner/jobs.h"
#include "runner/own_log.h"
#include "runner/register.h"
#include "runner/report.h"

#define POLL_TIMEOUT_MS	 30000
#define FIRST_PAUSE_MS	 50
#define LONGEST_PAUSE_MS 1000
#define EMBEDDED_END_MS	 60000
#define BUDGET_EVERY_MS	 600000

static int on_idle(void *userdata)
{
	struct runner *runner = userdata;

	/* Steps whose record was read before they were gone. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return atomic_load(&runner->stopping);
}

/* False when the server would give one of them again at once. */
static bool take_jobs(struct runner *runner, struct http_client *http, const json_t *grants)
{
	bool taken = true;
	size_t i;
	json_t *json;

	json_array_foreach(grants, i, json)
	{
		_cleanup_error_ struct error *error = NULL;
		struct grant *grant;
		if (grant_parse(json, &runner->keys, &grant, &error) < 0)
			taken &= report_unusable(http, json, error);
		else
			taken &= jobs_start(runner->jobs, grant, JOB_START_NEW);
	}
	return taken;
}

static void take_directives(struct runner *runner, const json_t *directives)
{
	size_t i;
	json_t *directive;

	json_array_foreach(directives, i, directive)
	{
		const char *job = json_string_value(json_object_get(directive, "job"));
		const char *type = json_string_value(json_object_get(directive, "type"));
		int64_t epoch = json_integer_value(json_object_get(directive, "epoch"));
		if (job && type)
			jobs_direct(runner->jobs, job, epoch, type);
	}
}

enum outcome {
	POLL_ANSWERED,
	POLL_IN_VAIN,	   /* answered with what is of no use here */
	POLL_NOBODY,	   /* try again later */
	POLL_UNKNOWN_HERE, /* the server does not know this runner */
	POLL_END,
};

/* *told: the engine that the server knows of. */
static enum outcome poll_once(struct runner *runner, struct http_client *http,
			      const struct engine_install **told)
{
	_cleanup_error_ struct error *error = NULL;
	const struct engine_install *engine = runner_look_for_engine(runner);
	json_t *root = json_pack("{s:o s:o*}", "held", jobs_held(runner->jobs), "info",
				 engine == *told ? NULL : engine_install_info(engine));
	_cleanup_free_ char *body = json_dumps(root, JSON_COMPACT);
	struct http_reply reply = {0};
	struct http_call call = {
		.method = "POST",
		.path = "/runner/v1/poll",
		.content_type = "application/json",
		.body = body,
		.body_len = strlen(body),
		.timeout_ms = POLL_TIMEOUT_MS,
		.on_idle = on_idle,
		.ctx = runner,
	};
	enum outcome outcome = POLL_NOBODY;

	json_decref(root);
	if (http_client_call(http, &call, &reply, &error) < 0)
		return on_idle(runner) ? POLL_END : POLL_NOBODY;
	if (reply.status == 200) {
		*told = engine;
		root = json_loadb(reply.body.data, reply.body.size, 0, NULL);
		/* First: they are for leases that the poll named, not for those that come now. */
		take_directives(runner, json_object_get(root, "directives"));
		bool taken = take_jobs(runner, http, json_object_get(root, "jobs"));
		outcome = json_is_true(json_object_get(root, "exit")) ? POLL_END
			  : taken				      ? POLL_ANSWERED
								      : POLL_IN_VAIN;
		json_decref(root);
	} else if (reply.status == 401 || reply.status == 403) {
		outcome = POLL_UNKNOWN_HERE;
	} else {
		log_warning("poll: HTTP %d %.*s", reply.status,
			    (int)MIN(reply.body.size, (size_t)300), reply.body.data);
	}
	http_reply_release(&reply);
	return outcome;
}

static void pause_ms(struct runner *runner, unsigned milliseconds)
{
	uint64_t until = now_monotonic_ms() + milliseconds;
	struct timespec moment = {.tv_nsec = 20000000};
	while (!on_idle(runner) && now_monotonic_ms() < until)
		nanosleep(&moment, NULL);
}

static void register_again(struct runner *runner, struct http_client *http)
{
	_cleanup_error_ struct error *error = NULL;
	json_t *held = jobs_held(runner->jobs);

	log_warning("the server does not know this runner's key: registering again");
	if (runner_enrol(runner, held, &error) < 0) {
		_cleanup_free_ char *why = error_describe(error);
		log_error("%s", why);
	}
	json_decref(held);
	http_client_set_token(http, runner->key);
}

void poll_run(struct runner *runner)
{
	_cleanup_error_ struct error *error = NULL;
	const struct engine_install *told = NULL;
	struct http_client *http = NULL;
	unsigned pause = FIRST_PAUSE_MS;
	uint64_t last_answer = now_monotonic_ms(), last_budget = last_answer;

	if (runner_client_new(runner, &http, &error) < 0) {
		log_error("no HTTP client: %s", error->message);
		return;
	}
	while (!on_idle(runner)) {
		own_log_bound(runner->options.dir);
		enum outcome outcome = poll_once(runner, http, &told);
		if (outcome == POLL_END)
			break;
		if (outcome == POLL_ANSWERED || outcome == POLL_IN_VAIN)
			last_answer = now_monotonic_ms();
		if (outcome == POLL_ANSWERED) {
			pause = FIRST_PAUSE_MS;
			if (last_answer - last_budget > BUDGET_EVERY_MS &&
			    jobs_count(runner->jobs) == 0) {
				disk_budget_enforce(runner);
				last_budget = last_answer;
			}
			continue;
		}
		if (runner->options.embedded && jobs_count(runner->jobs) == 0 &&
		    now_monotonic_ms() - last_answer > EMBEDDED_END_MS) {
			log_info("no server for a minute, and no jobs: ending");
			break;
		}
		if (outcome == POLL_UNKNOWN_HERE)
			register_again(runner, http);
		pause_ms(runner, pause);
		pause = MIN(pause * 2, (unsigned)LONGEST_PAUSE_MS);
	}
	http_client_free(http);
}
