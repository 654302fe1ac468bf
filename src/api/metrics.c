/* Numbers in Prometheus' text format. */
#include "api/metrics.h"

#include <stdio.h>
#include <unistd.h>

#include "api/internal.h"
#include "base/fileutil.h"
#include "base/strutil.h"
#include "control/runners.h"
#include "model/json.h"

static void describe(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int64_t count_jobs(struct exchange *x, enum status status, enum result result,
			  struct error **err)
{
	struct job_filter filter = {
		.status = status, .result = result, .operation = _JOB_OPERATION_INVALID};
	return job_count(x->work->tx, &filter, err);
}

static int add_jobs(struct exchange *x, struct error **err)
{
	describe(&x->bytes, "planton_stack_jobs", "gauge", "Stack jobs by status and result.");
	for (enum status s = 0; s < _STATUS_MAX; s++) {
		bool completed = s == STATUS_COMPLETED;
		for (enum result r = completed ? RESULT_SUCCEEDED : RESULT_TBD;
		     r < (completed ? RESULT_SKIPPED : RESULT_SUCCEEDED); r++) {
			int64_t n = count_jobs(x, s, r, err);
			if (n < 0)
				return (int)n;
			strbuf_addf(&x->bytes,
				    "planton_stack_jobs{status=\"%s\",result=\"%s\"} %lld\n",
				    status_to_string(s), result_to_string(r), (long long)n);
		}
	}
	int64_t queued = count_jobs(x, STATUS_QUEUED, _RESULT_INVALID, err);
	if (queued < 0)
		return (int)queued;
	describe(&x->bytes, "planton_queue_length", "gauge", "Stack jobs that wait for a runner.");
	strbuf_addf(&x->bytes, "planton_queue_length %lld\n", (long long)queued);
	return 0;
}

static int add_runners(struct exchange *x, struct error **err)
{
	struct runner_row *rows = NULL;
	int n = runner_list(x->work->tx, &rows, err), connected = 0;
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		_cleanup_json_ json_t *runner = runner_render(x->work, &rows[i]);
		const char *state = json_get_str(runner, "state");
		connected += state && streq(state, "online");
		runner_row_release(&rows[i]);
	}
	free(rows);
	describe(&x->bytes, "planton_runners", "gauge", "Runners that ever registered.");
	strbuf_addf(&x->bytes, "planton_runners %d\n", n);
	describe(&x->bytes, "planton_runners_connected", "gauge", "Runners whose leases last.");
	strbuf_addf(&x->bytes, "planton_runners_connected %d\n", connected);
	return 0;
}

static void add_http(struct exchange *x)
{
	struct http_server *http = x->api->http;
	struct http_server_stats s = {0};
	if (http)
		http_server_stats(http, &s);
	struct strbuf *out = &x->bytes;
	describe(out, "planton_http_requests_total", "counter", "HTTP requests received.");
	strbuf_addf(out, "planton_http_requests_total %llu\n", (unsigned long long)s.requests);
	describe(out, "planton_http_responses_total", "counter", "HTTP responses by class.");
	for (size_t i = 1; i < ARRAY_SIZE(s.responses_by_class); i++)
		strbuf_addf(out, "planton_http_responses_total{class=\"%zuxx\"} %llu\n", i,
			    (unsigned long long)s.responses_by_class[i]);
	describe(out, "planton_http_connections", "gauge", "Open HTTP connections.");
	strbuf_addf(out, "planton_http_connections %u\n", s.connections);
	describe(out, "planton_http_parked", "gauge", "Long polls that wait.");
	strbuf_addf(out, "planton_http_parked %u\n", s.parked);
	describe(out, "planton_http_streams", "gauge", "Live streams.");
	strbuf_addf(out, "planton_http_streams %u\n", s.streams);
}

static void add_process(struct exchange *x)
{
	_cleanup_free_ char *text = NULL;
	unsigned long size, resident;
	if (read_file("/proc/self/statm", 256, &text, NULL) < 0 ||
	    sscanf(text, "%lu %lu", &size, &resident) != 2)
		return;
	unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
	describe(&x->bytes, "process_resident_memory_bytes", "gauge", "Resident memory.");
	strbuf_addf(&x->bytes, "process_resident_memory_bytes %lu\n", resident * page);
	describe(&x->bytes, "process_virtual_memory_bytes", "gauge", "Virtual memory.");
	strbuf_addf(&x->bytes, "process_virtual_memory_bytes %lu\n", size * page);
}

int metrics(struct exchange *x, struct error **err)
{
	describe(&x->bytes, "planton_build_info", "gauge", "The version that runs.");
	strbuf_addf(&x->bytes, "planton_build_info{version=\"%s\"} 1\n", PLANTON_VERSION);
	int r = add_jobs(x, err);
	if (r >= 0)
		r = add_runners(x, err);
	if (r < 0)
		return r;
	add_http(x);
	add_process(x);
	x->content_type = "text/plain; version=0.0.4; charset=utf-8";
	return 0;
}
