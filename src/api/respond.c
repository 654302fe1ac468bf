/* Answers in the API's shapes. */
#include <jansson.h>

#include "api/internal.h"
#include "base/log.h"
#include "model/json.h"

void api_respond_json(struct http_response *a, int status, json_t *value)
{
	struct strbuf body = STRBUF_INIT;
	json_write(&body, value, JSON_WRITE_COMPACT);
	strbuf_addch(&body, '\n');
	json_decref(value);
	http_respond(a, status, "application/json", &body);
}

static json_t *render_details(const struct error *e)
{
	json_t *details = json_new_array();
	for (size_t i = 0; i < e->n_details; i++) {
		json_t *detail = json_new_object();
		json_set_string(detail, "field", e->details[i].field);
		json_set_string(detail, "message", e->details[i].message);
		json_append_value(details, detail);
	}
	return details;
}

void api_respond_error(struct http_response *a, const struct error *e, int status)
{
	_cleanup_free_ char *message = error_describe(e);
	if (error_code_http_status(e->code) == 500)
		log_error("internal error: %s", message);
	json_t *error = json_new_object();
	json_set_string(error, "code", error_code_string(e->code));
	json_set_string(error, "message", message);
	json_set_string(error, "field", e->field);
	json_set_string(error, "hint", e->hint);
	if (e->n_details > 0)
		json_set_value(error, "details", render_details(e));
	json_t *document = json_new_object();
	json_set_value(document, "error", error);
	api_respond_json(a, status ? status : error_code_http_status(e->code), document);
}
