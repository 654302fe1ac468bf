/* What runners say and ask: /runner/v1 of docs/protocol.md. */
#include <string.h>
#include <strings.h>

#include "api/exchange.h"
#include "api/internal.h"
#include "base/clock.h"
#include "base/strutil.h"
#include "control/runners.h"
#include "model/json.h"

#define POLL_MS	     10000
#define REGISTER_MAX ((size_t)1 << 20)
#define POLL_MAX     ((size_t)1 << 20)
#define REPORT_MAX   ((size_t)8 << 20)
#define ARTIFACT_MAX ((size_t)256 << 20)
#define EVIDENCE_MAX ((size_t)80 << 20)
#define REPORT_TYPE  "application/x-planton-report"

static const char *job_id(struct exchange *x)
{
	return http_request_param(x->request, "id");
}

static int registration(struct exchange *x, struct error **err)
{
	return runner_register(x->work, x->body, &x->answer, err);
}

/* Parks until something wakes "poll": new work, a directive, or the deadline. */
static int poll(struct exchange *x, struct error **err)
{
	bool first = !x->session->polls;
	uint64_t deadline = http_request_arrived_ms(x->request) + POLL_MS;
	bool last_try = now_monotonic_ms() >= deadline || http_request_is_shutting_down(x->request);
	session_poll_begin(x->session);
	int r = runner_poll(x->work, x->body, first, last_try, &x->answer, err);
	if (r < 0 || x->answer)
		return r;
	x->park_topic = "poll";
	x->park_until_ms = deadline;
	return 0;
}

static int report(struct exchange *x, struct error **err)
{
	const char *type = http_request_header(x->request, "Content-Type");
	if (!type || strcasecmp(type, REPORT_TYPE) != 0)
		return error_set(err, ERROR_UNSUPPORTED_MEDIA_TYPE, "a report is %s", REPORT_TYPE);
	size_t size;
	const char *body = http_request_body(x->request, &size);
	const char *newline = memchr(body, '\n', size);
	if (!newline)
		return error_set(err, ERROR_INVALID_ARGUMENT, "the report has no first line");
	size_t header_size = (size_t)(newline - body);
	int r = json_parse(body, header_size, REPORT_MAX, &x->body, err);
	if (r < 0)
		return error_wrap(err, "the report's first line is not understood");
	return runner_report(x->work, job_id(x), x->body, newline + 1, size - header_size - 1,
			     &x->answer, err);
}

static int artifact_epoch(struct exchange *x, int64_t *ret, struct error **err)
{
	*ret = -1;
	int r = exchange_query_int(x, "epoch", ret, err);
	if (r >= 0 && *ret < 0)
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "epoch", "epoch is missing");
	return r;
}

static int put_artifact(struct exchange *x, struct error **err)
{
	int64_t epoch;
	int r = artifact_epoch(x, &epoch, err);
	if (r < 0)
		return r;
	const char *digest = http_request_query(x->request, "digest");
	if (isempty(digest))
		return error_set_field(err, ERROR_INVALID_ARGUMENT, "digest", "digest is missing");
	size_t size;
	const void *bytes = http_request_body(x->request, &size);
	return runner_artifact_put(x->work, job_id(x), http_request_param(x->request, "name"),
				   epoch, digest, bytes, size, err);
}

static int fetch_artifact(struct exchange *x, struct error **err)
{
	int64_t epoch;
	_cleanup_free_ char *digest = NULL;
	_cleanup_free_ void *bytes = NULL;
	size_t size;
	int r = artifact_epoch(x, &epoch, err);
	if (r >= 0)
		r = runner_artifact_get(x->work, job_id(x), http_request_param(x->request, "name"),
					epoch, &digest, &bytes, &size, err);
	if (r < 0)
		return r;
	exchange_etag(x, digest);
	strbuf_add(&x->bytes, bytes, size);
	x->content_type = "application/octet-stream";
	return 0;
}

static int fetch_module(struct exchange *x, struct error **err)
{
	const void *bytes;
	size_t size;
	int r = catalog_module_tar(x->api->catalog, http_request_param(x->request, "digest"),
				   &bytes, &size, err);
	if (r < 0)
		return r;
	strbuf_add(&x->bytes, bytes, size);
	x->content_type = "application/x-tar";
	return 0;
}

static int evidence(struct exchange *x, struct error **err)
{
	return runner_evidence(x->work, job_id(x), x->body, err);
}

const struct api_route api_runner_protocol_routes[] = {
	{.method = HTTP_POST,
	 .pattern = "/runner/v1/register",
	 .name = "registerRunner",
	 .audience = API_REGISTRATION,
	 .access = API_WRITE,
	 .input = API_JSON,
	 .max_body = REGISTER_MAX,
	 .run = registration},
	{.method = HTTP_POST,
	 .pattern = "/runner/v1/poll",
	 .name = "pollWork",
	 .audience = API_RUNNER,
	 .access = API_WRITE,
	 .input = API_JSON,
	 .max_body = POLL_MAX,
	 .run = poll},
	{.method = HTTP_POST,
	 .pattern = "/runner/v1/jobs/{id}/report",
	 .name = "reportProgress",
	 .audience = API_RUNNER,
	 .access = API_WRITE,
	 .input = API_BYTES,
	 .max_body = REPORT_MAX,
	 .run = report},
	{.method = HTTP_PUT,
	 .pattern = "/runner/v1/jobs/{id}/artifacts/{name}",
	 .name = "putArtifact",
	 .audience = API_RUNNER,
	 .access = API_WRITE,
	 .input = API_BYTES,
	 .max_body = ARTIFACT_MAX,
	 .query = API_NAMES("epoch", "digest"),
	 .run = put_artifact},
	{.method = HTTP_GET,
	 .pattern = "/runner/v1/jobs/{id}/artifacts/{name}",
	 .name = "getArtifact",
	 .audience = API_RUNNER,
	 .access = API_READ,
	 .query = API_NAMES("epoch"),
	 .run = fetch_artifact},
	{.method = HTTP_GET,
	 .pattern = "/runner/v1/modules/{digest}",
	 .name = "getModule",
	 .audience = API_RUNNER,
	 .run = fetch_module},
	{.method = HTTP_POST,
	 .pattern = "/runner/v1/jobs/{id}/evidence",
	 .name = "postEvidence",
	 .audience = API_RUNNER,
	 .access = API_WRITE,
	 .input = API_JSON,
	 .max_body = EVIDENCE_MAX,
	 .run = evidence},
	{.pattern = NULL},
};
