/*
 * The blocking client: one libcurl handle in a multi handle of its own, which keeps the connections
 * and lets a caller look up every 100 ms without a signal or a thread.
 */
#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/strutil.h"

#define DEFAULT_CONNECT_MS   10000
#define DEFAULT_CALL_MS	     60000
#define DEFAULT_MAX_RESPONSE ((size_t)64 << 20)
#define IDLE_MS		     100
/* A stream on which not even a heartbeat came for three times its interval is dead. */
#define STREAM_SILENCE_S 45L

DEFINE_CLEANUP(CURLU *, curl_url_cleanup);
DEFINE_CLEANUP(char *, curl_free);

struct http_client {
	CURL *easy;
	CURLM *multi;
	char *base_url, *token, *user_agent;
	long connect_timeout_ms;
	size_t max_response;
	bool is_loopback; /* never through a proxy */
	char curl_error[CURL_ERROR_SIZE];
};

/* What the callbacks of one call share. */
struct exchange {
	struct http_client *client;
	const struct http_call *call;
	struct http_reply *reply;
	bool stopped;	/* by the caller's on_data */
	bool cancelled; /* by the caller's on_idle */
	bool too_large;
};

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Must libcurl leave a proxy aside? ERROR_INVALID_ARGUMENT unless it is an http(s) URL. */
static int check_base_url(const char *url, bool *ret_is_loopback, struct error **err)
{
	_cleanup_(curl_url_cleanup_p) CURLU *parts = curl_url();
	if (!parts)
		out_of_memory();
	_cleanup_(curl_free_p) char *scheme = NULL, *host = NULL;
	if (curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    !(streq(scheme, "http") || streq(scheme, "https")))
		return error_set(err, ERROR_INVALID_ARGUMENT,
				 "%s is not the URL of a server (http://host:port or https://host)",
				 url);
	*ret_is_loopback =
		streq(host, "localhost") || startswith(host, "127.") || streq(host, "[::1]");
	return 0;
}

int http_client_new(const struct http_client_options *o, struct http_client **ret,
		    struct error **err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);

	bool is_loopback = false;
	int r = check_base_url(o->base_url, &is_loopback, err);
	if (r < 0)
		return r;
	struct http_client *c = xcalloc(1, sizeof(*c));
	c->easy = curl_easy_init();
	c->multi = curl_multi_init();
	if (!c->easy || !c->multi)
		out_of_memory();
	c->base_url = xstrdup(o->base_url);
	for (size_t n = strlen(c->base_url); n > 0 && c->base_url[n - 1] == '/'; n--)
		c->base_url[n - 1] = '\0';
	c->token = xstrdup_null(o->token);
	c->user_agent = xstrdup(o->user_agent ? o->user_agent : "planton/" PLANTON_VERSION);
	c->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : DEFAULT_CONNECT_MS;
	c->max_response = o->max_response ? o->max_response : DEFAULT_MAX_RESPONSE;
	c->is_loopback = is_loopback;
	*ret = c;
	return 0;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	free(c->base_url);
	free(c->token);
	free(c->user_agent);
	free(c);
}

void http_client_set_token(struct http_client *c, const char *token)
{
	replace_string(&c->token, token);
}

void http_reply_release(struct http_reply *r)
{
	strbuf_release(&r->body);
	free(r->etag);
	free(r->content_type);
	free(r->location);
	*r = (struct http_reply){.body = STRBUF_INIT};
}

static void keep_header(const char *line, size_t size, const char *name, char **target)
{
	size_t length = strlen(name);
	if (size <= length || strncasecmp(line, name, length) != 0 || line[length] != ':')
		return;
	const char *value = line + length + 1, *end = line + size;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && strchr("\r\n \t", end[-1]))
		end--;
	free(*target);
	*target = xstrndup(value, (size_t)(end - value));
}

static size_t on_header(char *line, size_t one, size_t size, void *userdata)
{
	(void)one;
	struct http_reply *reply = ((struct exchange *)userdata)->reply;
	keep_header(line, size, "ETag", &reply->etag);
	keep_header(line, size, "Content-Type", &reply->content_type);
	keep_header(line, size, "Location", &reply->location);
	return size;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *userdata)
{
	(void)one;
	struct exchange *x = userdata;
	long status = 0;
	curl_easy_getinfo(x->client->easy, CURLINFO_RESPONSE_CODE, &status);
	if (x->call->on_data && status / 100 == 2) {
		x->stopped = x->call->on_data(bytes, size, x->call->ctx) != 0;
		return x->stopped ? CURL_WRITEFUNC_ERROR : size;
	}
	struct strbuf *body = &x->reply->body;
	if (size > x->client->max_response - body->size) {
		x->too_large = true;
		return CURL_WRITEFUNC_ERROR;
	}
	strbuf_add(body, bytes, size);
	return size;
}

static void add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);
	if (!longer)
		out_of_memory();
	*list = longer;
}

/* The caller frees it after the call. */
static struct curl_slist *make_headers(const struct http_client *c, const struct http_call *call)
{
	struct curl_slist *list = NULL;
	add_header(&list, "Expect:");
	_cleanup_free_ char *type = xasprintf("Content-Type:%s%s", call->content_type ? " " : "",
					      call->content_type ? call->content_type : "");
	add_header(&list, type);
	if (c->token) {
		_cleanup_free_ char *authorization =
			xasprintf("Authorization: Bearer %s", c->token);
		add_header(&list, authorization);
	}
	for (const char *const *header = call->headers; header && *header; header++)
		add_header(&list, *header);
	return list;
}

static void set_method(CURL *easy, const struct http_call *call)
{
	bool is_get = streq(call->method, "GET");
	if (streq(call->method, "HEAD")) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (call->body_len > 0 || streq(call->method, "POST") || streq(call->method, "PUT")) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body_len > 0 ? call->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	if (!is_get)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_timeouts(CURL *easy, const struct http_client *c, const struct http_call *call)
{
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, c->connect_timeout_ms);
	if (call->timeout_ms > 0) {
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, call->timeout_ms);
	} else if (call->on_data) {
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STREAM_SILENCE_S);
	} else {
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)DEFAULT_CALL_MS);
	}
}

static void prepare(struct exchange *x, const char *url, struct curl_slist *headers)
{
	struct http_client *c = x->client;
	CURL *easy = c->easy;
	curl_easy_reset(easy);
	c->curl_error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, c->curl_error);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, c->user_agent);
	if (c->is_loopback)
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	set_timeouts(easy, c, x->call);
	set_method(easy, x->call);
}

/* Until the transfer ends or the caller has enough of it; a CURLcode, CURLE_OK when cancelled. */
static CURLcode transfer(struct exchange *x)
{
	struct http_client *c = x->client;
	const struct http_call *call = x->call;
	uint64_t looked = now_monotonic_ms();
	for (;;) {
		int running = 0;
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running == 0)
			break;
		if (curl_multi_poll(c->multi, NULL, 0, call->on_idle ? IDLE_MS : 1000, NULL) !=
		    CURLM_OK)
			return CURLE_FAILED_INIT;
		if (!call->on_idle || now_monotonic_ms() - looked < IDLE_MS)
			continue;
		looked = now_monotonic_ms();
		if (call->on_idle(call->ctx) != 0) {
			x->cancelled = true;
			return CURLE_OK;
		}
	}
	int left;
	const CURLMsg *message = curl_multi_info_read(c->multi, &left);
	return message && message->msg == CURLMSG_DONE ? message->data.result : CURLE_FAILED_INIT;
}

static const char *reason(const struct http_client *c, CURLcode code)
{
	long os_errno = 0;
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os_errno);
	if (code == CURLE_COULDNT_CONNECT && os_errno != 0)
		return strerrordesc_np((int)os_errno);
	return c->curl_error[0] ? c->curl_error : curl_easy_strerror(code);
}

static int fail(const struct exchange *x, CURLcode code, struct error **err)
{
	const struct http_client *c = x->client;
	const char *url = c->base_url;
	if (x->too_large)
		return error_set(err, ERROR_TOO_LARGE,
				 "the answer of %s to %s %s is larger than %zu bytes, the limit",
				 url, x->call->method, x->call->path, c->max_response);
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT: {
		curl_off_t connected = 0;
		curl_easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &connected);
		if (connected > 0)
			return error_set(err, ERROR_TIMEOUT, "%s did not answer %s %s in time", url,
					 x->call->method, x->call->path);
		error_set(err, ERROR_TIMEOUT, "cannot reach %s: no answer in time", url);
		break;
	}
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		error_set(err, ERROR_UNAVAILABLE, "cannot reach %s: %s", url, reason(c, code));
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CONNECT_ERROR:
		return error_set(err, ERROR_UNAVAILABLE, "no trusted TLS connection to %s: %s", url,
				 reason(c, code));
	default:
		return error_set(err, ERROR_UNAVAILABLE,
				 "the connection to %s broke during %s %s: %s", url,
				 x->call->method, x->call->path, reason(c, code));
	}
	error_hint(err, "Is `planton server` running? Set --server or PLANTON_SERVER");
	return code == CURLE_OPERATION_TIMEDOUT ? -ERROR_TIMEOUT : -ERROR_UNAVAILABLE;
}

int http_client_call(struct http_client *c, const struct http_call *call, struct http_reply *ret,
		     struct error **err)
{
	struct http_reply reply = {.body = STRBUF_INIT};
	struct exchange x = {.client = c, .call = call, .reply = &reply};
	_cleanup_free_ char *url = xasprintf("%s%s", c->base_url, call->path);
	struct curl_slist *headers = make_headers(c, call);

	prepare(&x, url, headers);
	CURLcode code = CURLE_FAILED_INIT;
	if (curl_multi_add_handle(c->multi, c->easy) == CURLM_OK) {
		code = transfer(&x);
		curl_multi_remove_handle(c->multi, c->easy);
	}
	curl_slist_free_all(headers);

	long status = 0;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	reply.status = (int)status;
	int r = 0;
	if (x.cancelled)
		r = error_set(err, ERROR_CANCELLED, "%s %s was cancelled", call->method,
			      call->path);
	else if (code != CURLE_OK && !x.stopped)
		r = fail(&x, code, err);
	if (r < 0) {
		http_reply_release(&reply);
		return r;
	}
	*ret = reply;
	return 0;
}
