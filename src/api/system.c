/* The server about itself: version, document, health. */
#include "api/exchange.h"
#include "api/internal.h"
#include "api/metrics.h"
#include "api/openapi.h"
#include "model/json.h"

#define API_VERSION "v1"

static int version(struct exchange *x, struct error **err)
{
	(void)err;
	x->answer = json_new_object();
	json_set_string(x->answer, "version", PLANTON_VERSION);
	json_set_string(x->answer, "apiVersion", API_VERSION);
	return 0;
}

static int openapi(struct exchange *x, struct error **err)
{
	(void)err;
	strbuf_add(&x->bytes, openapi_document, openapi_document_size);
	x->content_type = "application/json";
	return 0;
}

static int say(struct exchange *x, const char *text)
{
	strbuf_addf(&x->bytes, "%s\n", text);
	x->content_type = "text/plain; charset=utf-8";
	return 0;
}

static int health(struct exchange *x, struct error **err)
{
	(void)err;
	return say(x, "ok");
}

/* The bracket has a transaction open, so the database answers. */
static int ready(struct exchange *x, struct error **err)
{
	_cleanup_free_ char *value = NULL;
	int r = meta_get(x->work->tx, "cluster_id", &value, err);
	return r < 0 ? r : say(x, "ready");
}

const struct api_route api_system_routes[] = {
	{.method = HTTP_GET, .pattern = "/healthz", .name = "getHealth", .run = health},
	{.method = HTTP_GET,
	 .pattern = "/readyz",
	 .name = "getReadiness",
	 .access = API_READ,
	 .run = ready},
	{.method = HTTP_GET,
	 .pattern = "/metrics",
	 .name = "getMetrics",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .run = metrics},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/version",
	 .name = "getVersion",
	 .audience = API_ADMIN,
	 .run = version},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/openapi.json",
	 .name = "getOpenApi",
	 .audience = API_ADMIN,
	 .run = openapi},
	{.pattern = NULL},
};
