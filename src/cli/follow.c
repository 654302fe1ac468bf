/* The main thread of a tail: events in, lines out, keys and signals heeded. */
#include "cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fdutil.h"
#include "base/strutil.h"
#include "cli/output.h"
#include "cli/render.h"
#include "cli/stream.h"
#include "cli/term.h"
#include "cli/text.h"
#include "model/json.h"

#define TICK_MS	       100
#define SILENCE_MS     60000
#define PAUSE_QUIET_MS 400
#define WAIT_FIRST_MS  700 /* a job that is taken at once has nothing to tell */
#define WAIT_AGAIN_MS  3000
#define LIVE_LINES     8
#define EXIT_DETACHED  130
#define EXIT_CHANGES   2

const struct option tail_options[] = {
	{"tail", 't', OPTION_FLAG, .help = "follow the progress events until the job ends"},
	{0},
};
const struct option show_options[] = {
	{"show-stack-summary", .type = OPTION_FLAG, .on = true,
	 .help = "the counts of changes at completion"},
	{"show-stack-diff", .type = OPTION_FLAG,
	 .help = "each changed attribute, before and after"},
	{"show-stack-outputs", .type = OPTION_FLAG, .on = true,
	 .help = "the outputs at completion"},
	{0},
};
const struct option pause_options[] = {
	{"exit-on-pause", .type = OPTION_FLAG,
	 .help = "end with exit code 10 at an approval; so it is without a terminal, unless "
		 "=false"},
	{0},
};

struct followed {
	struct reader *reader;
	struct job_view *view;
	enum {
		FOLLOWING,
		PAUSED, /* or queued behind one that is */
		ENDED
	} state;
	enum exit_code failure; /* of following itself */
	char *reason;		/* the last that it was said to wait for */
	uint64_t ask_ms;	/* when to ask what it waits for */
};

struct follow {
	struct cli *cli;
	const struct follow_options *o;
	struct followed *jobs;
	const struct follow_job *given;
	size_t count;
	struct event_queue queue;
	struct live live;
	bool is_live, lost_told, closed;
	uint64_t printed_ms, event_ms;
	unsigned frame;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = 1;
}

struct follow_options follow_options_of(const struct arguments *a)
{
	return (struct follow_options){
		.follow = true,
		.exit_on_pause = argument_given(a, "exit-on-pause")
					 ? argument_flag(a, "exit-on-pause")
					 : !isatty(STDOUT_FILENO),
		.summary = argument_flag(a, "show-stack-summary"),
		.diff = argument_flag(a, "show-stack-diff"),
		.outputs = argument_flag(a, "show-stack-outputs"),
	};
}

void follow_job_init(struct follow_job *job, const json_t *stack_job)
{
	const char *kind = json_get_str(stack_job, "spec.kind"),
		   *slug = json_get_str(stack_job, "spec.slug");
	const char *id = json_get_str(stack_job, "metadata.id");
	*job = (struct follow_job){
		.id = xstrdup(id ? id : ""),
		.label = xasprintf("%s/%s", kind ? kind : "?", slug ? slug : "?"),
		.operation = xstrdup_null(json_get_str(stack_job, "spec.operation")),
	};
}

void follow_job_release(struct follow_job *job)
{
	free(job->id);
	free(job->label);
	free(job->operation);
}

static void clear_live(struct follow *f)
{
	if (f->is_live)
		(void)live_clear(&f->live);
}

static void add_live(struct follow *f, size_t columns, size_t max_lines, struct strbuf *out)
{
	size_t following = 0;
	for (size_t i = 0; i < f->count; i++)
		following += f->jobs[i].state != ENDED;
	if (!following)
		return;
	size_t each = MAX(max_lines / following, (size_t)1), shown = 0;
	for (size_t i = 0; i < f->count && shown < max_lines; i++)
		if (f->jobs[i].state != ENDED) {
			job_view_live(f->jobs[i].view, now_realtime_ms(), f->frame, columns, each,
				      out);
			shown++;
		}
}

/* Without a terminal: what is going on, after a minute in which nothing was. */
static void add_sign_of_life(struct follow *f, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf lines = STRBUF_INIT;
	add_live(f, 200, f->count, &lines);
	time_t now = time(NULL);
	struct tm local;
	char stamp[16];
	localtime_r(&now, &local);
	strftime(stamp, sizeof(stamp), "%H:%M:%S ", &local);
	for (const char *line = lines.data; *line;) {
		size_t n = strcspn(line, "\n") + 1;
		const char *text = strchr(line, ' ');
		strbuf_addf(out, "%s… %.*s", stamp, (int)(n - (size_t)(text + 1 - line)), text + 1);
		line += n;
	}
}

static void show(struct follow *f, struct strbuf *finished)
{
	int r = 0;
	uint64_t now = now_monotonic_ms();
	if (f->is_live) {
		size_t columns, rows;
		_cleanup_strbuf_ struct strbuf lines = STRBUF_INIT;
		term_size(STDOUT_FILENO, &columns, &rows);
		add_live(f, columns - 1, MIN((size_t)LIVE_LINES, rows > 2 ? rows - 2 : 1), &lines);
		r = live_frame(&f->live, finished, &lines);
	} else {
		bool silent = now - f->printed_ms >= SILENCE_MS && f->cli->format != FORMAT_JSONL;
		if (!finished->size && silent)
			add_sign_of_life(f, finished);
		if (finished->size) {
			f->printed_ms = now;
			r = write_all(STDOUT_FILENO, finished->data, finished->size);
		}
	}
	strbuf_reset(finished);
	f->closed |= r < 0;
}

static void show_event(struct follow *f, const struct item *item, struct strbuf *out)
{
	struct followed *job = &f->jobs[item->job];
	const char *operation = json_get_str(item->event, "operation");
	f->event_ms = now_monotonic_ms();
	job->ask_ms = f->event_ms + WAIT_FIRST_MS;
	f->lost_told = false;
	bool hidden = f->o->only && !streq_null(operation, f->o->only);
	_cleanup_strbuf_ struct strbuf text = STRBUF_INIT;
	job_view_event(job->view, item->event, &text);
	if (job->state == PAUSED && job_view_status(job->view) != STATUS_AWAITING_APPROVAL)
		job->state = FOLLOWING;
	if (hidden)
		return;
	if (f->cli->format != FORMAT_JSONL) {
		strbuf_add(out, text.data, text.size);
		return;
	}
	if (f->count > 1)
		json_set_string(item->event, "stackJobId", job_view_id(job->view));
	json_write(out, item->event, JSON_WRITE_COMPACT);
	strbuf_addch(out, '\n');
}

static void handle(struct follow *f, const struct item *item, struct strbuf *out)
{
	struct followed *job = &f->jobs[item->job];
	switch (item->type) {
	case ITEM_EVENT:
		show_event(f, item, out);
		break;
	case ITEM_END:
		job->state = ENDED;
		if (f->cli->format != FORMAT_JSONL && !f->o->only)
			job_view_end(job->view, out);
		break;
	case ITEM_LOST:
		if (f->lost_told)
			break;
		f->lost_told = true;
		clear_live(f);
		say("connection to %s lost, reconnecting", f->cli->settings.server);
		break;
	case ITEM_FAILED:
		job->state = ENDED;
		clear_live(f);
		job->failure = (enum exit_code)cli_fail(f->cli, item->error);
		break;
	}
}

static json_t *get_status(struct follow *f, const struct followed *job)
{
	_cleanup_strbuf_ struct strbuf path = STRBUF_INIT;
	_cleanup_json_ json_t *answer = NULL;
	path_add(&path, "/stack-jobs", job_view_id(job->view));
	if (api_get(f->cli, path.data, &answer, NULL) < 0)
		return NULL;
	return json_incref(json_object_get(answer, "status"));
}

/* A pause that is an old event of a stream that goes on is none: the server is asked. */
static bool is_paused_now(struct follow *f, const struct followed *job)
{
	_cleanup_json_ json_t *status = get_status(f, job);
	return streq_null(json_get_str(status, "status"),
			  status_to_string(STATUS_AWAITING_APPROVAL));
}

static bool is_paused_here(const struct follow *f, const char *id)
{
	for (size_t i = 0; id && i < f->count; i++)
		if (f->jobs[i].state == PAUSED && streq(job_view_id(f->jobs[i].view), id))
			return true;
	return false;
}

static void tell_wait(struct follow *f, size_t i, const json_t *status)
{
	struct followed *job = &f->jobs[i];
	const char *reason = json_get_str(status, "blockedBy.reason");
	bool news = reason && !streq_null(job->reason, reason);
	replace_string(&job->reason, reason);
	if (!news)
		return;
	_cleanup_strbuf_ struct strbuf line = STRBUF_INIT;
	text_add(&line, f->given[i].label);
	strbuf_addstr(&line, " waits: ");
	text_add(&line, reason);
	clear_live(f);
	say("%s", line.data);
}

/* No event says why nothing happens: the server is asked, now and then. */
static void tell_waits(struct follow *f)
{
	for (size_t i = 0; i < f->count && !f->lost_told; i++) {
		struct followed *job = &f->jobs[i];
		if (job->state != FOLLOWING || !job_view_is_waiting(job->view) ||
		    now_monotonic_ms() < job->ask_ms)
			continue;
		_cleanup_json_ json_t *status = get_status(f, job);
		tell_wait(f, i, status);
		job->ask_ms = now_monotonic_ms() + WAIT_AGAIN_MS;
	}
}

static bool waits_for_paused(struct follow *f, size_t i)
{
	_cleanup_json_ json_t *status = get_status(f, &f->jobs[i]);
	if (!is_paused_here(f, json_get_str(status, "blockedBy.jobId")))
		return false;
	tell_wait(f, i, status);
	return true;
}

/* Sets those aside that go on only when somebody has approved. */
static void note_pauses(struct follow *f)
{
	bool some = false;
	for (size_t i = 0; i < f->count; i++) {
		struct followed *job = &f->jobs[i];
		if (job->state == FOLLOWING &&
		    job_view_status(job->view) == STATUS_AWAITING_APPROVAL && is_paused_now(f, job))
			job->state = PAUSED;
		some |= job->state == PAUSED;
	}
	for (size_t i = 0; some && i < f->count; i++) {
		struct followed *job = &f->jobs[i];
		if (job->state == FOLLOWING && job_view_status(job->view) == STATUS_QUEUED &&
		    waits_for_paused(f, i))
			job->state = PAUSED;
	}
}

static bool all_done(struct follow *f)
{
	uint64_t now = now_monotonic_ms();
	if (f->o->exit_on_pause && now - f->event_ms > PAUSE_QUIET_MS) {
		f->event_ms = now;
		note_pauses(f);
	}
	for (size_t i = 0; i < f->count; i++)
		if (f->jobs[i].state == FOLLOWING)
			return false;
	return true;
}

static bool stdout_is_closed(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO};
	return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

static void detach(struct follow *f)
{
	clear_live(f);
	for (size_t i = 0; i < f->count; i++)
		if (f->jobs[i].state != ENDED &&
		    job_view_status(f->jobs[i].view) != STATUS_COMPLETED)
			say("detached; %s goes on\n  watch it:  planton sj logs %s\n  cancel it: "
			    "planton sj cancel %s",
			    f->given[i].label, f->given[i].id, f->given[i].id);
}

static int run(struct follow *f)
{
	_cleanup_strbuf_ struct strbuf out = STRBUF_INIT;
	do {
		_cleanup_free_ struct item *items = NULL;
		size_t count = event_queue_take(&f->queue, TICK_MS, &items);
		for (size_t i = 0; i < count; i++) {
			handle(f, &items[i], &out);
			item_release(&items[i]);
		}
		f->frame++;
		show(f, &out);
		if (interrupted) {
			detach(f);
			return EXIT_DETACHED;
		}
		if (f->closed || stdout_is_closed())
			return EXIT_CODE_OK;
		tell_waits(f);
	} while (!all_done(f));
	clear_live(f);

	enum exit_code worst = EXIT_CODE_OK;
	bool changes = false;
	for (size_t i = 0; i < f->count; i++) {
		enum exit_code code =
			f->jobs[i].failure ? f->jobs[i].failure : job_view_exit(f->jobs[i].view);
		worst = exit_code_worse(worst, code);
		changes |= job_view_has_changes(f->jobs[i].view);
	}
	return worst == EXIT_CODE_OK && changes && f->o->plan_exit ? EXIT_CHANGES : (int)worst;
}

static void start(struct follow *f)
{
	size_t columns, rows;
	term_size(STDOUT_FILENO, &columns, &rows);
	struct render_options render = {
		.colour = f->cli->colour_out,
		.stamps = !f->is_live,
		.logs = f->o->logs || f->cli->verbose,
		.summary = f->o->summary,
		.diff = f->o->diff,
		.outputs = f->o->outputs,
		.many = f->count > 1,
		.width = f->is_live ? columns : 100,
	};
	for (size_t i = 0; i < f->count; i++) {
		const struct follow_job *job = &f->given[i];
		enum job_operation operation = job->operation
						       ? job_operation_from_string(job->operation)
						       : _JOB_OPERATION_INVALID;
		f->jobs[i].ask_ms = now_monotonic_ms() + WAIT_FIRST_MS;
		f->jobs[i].view = job_view_new(job->id, job->label, operation, &render);
		f->jobs[i].reader =
			reader_start(f->cli, &f->queue, i, job->id, job->after, f->o->follow);
	}
}

int follow_jobs(struct cli *cli, const struct follow_job *jobs, size_t count,
		const struct follow_options *options)
{
	struct follow f = {
		.cli = cli,
		.o = options,
		.given = jobs,
		.count = count,
		.is_live = cli->format != FORMAT_JSONL && options->follow &&
			   term_is_live(STDOUT_FILENO),
		.live = {.fd = STDOUT_FILENO, .shown = STRBUF_INIT},
		.printed_ms = now_monotonic_ms(),
	};
	if (!count)
		return EXIT_CODE_OK;
	f.jobs = xcalloc(count, sizeof(*f.jobs));
	event_queue_init(&f.queue);

	struct sigaction act = {.sa_handler = on_signal}, old_int, old_term;
	sigemptyset(&act.sa_mask);
	sigaction(SIGINT, &act, &old_int);
	sigaction(SIGTERM, &act, &old_term);
	start(&f);
	int code = run(&f);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);

	f.queue.stopping = true;
	for (size_t i = 0; i < count; i++) {
		reader_join(f.jobs[i].reader);
		job_view_free(f.jobs[i].view);
		free(f.jobs[i].reason);
	}
	event_queue_release(&f.queue);
	live_release(&f.live);
	free(f.jobs);
	return code;
}
