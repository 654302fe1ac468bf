/* Runners as people see them. */
#include "control/runners.h"

#include "api/exchange.h"
#include "model/json.h"

static int list(struct exchange *x, struct error **err)
{
	struct runner_row *rows = NULL;
	int n = runner_list(x->work->tx, &rows, err);
	if (n < 0)
		return n;
	json_t *items = json_new_array();
	for (int i = 0; i < n; i++) {
		json_append_value(items, runner_render(x->work, &rows[i]));
		runner_row_release(&rows[i]);
	}
	free(rows);
	exchange_answer_page(x, items, NULL);
	return 0;
}

static int answer_runner(struct exchange *x, struct error **err)
{
	_cleanup_(runner_row_release) struct runner_row row = {0};
	int r = runner_get(x->work->tx, http_request_param(x->request, "id"), &row, err);
	if (r >= 0)
		x->answer = runner_render(x->work, &row);
	return r;
}

static int abandon(struct exchange *x, struct error **err)
{
	const char *reason;
	bool confirm;
	int r = exchange_string_required(x, "reason", &reason, err);
	if (r >= 0)
		r = exchange_bool(x, "confirm", &confirm, err);
	if (r >= 0)
		r = runner_abandon(x->work, http_request_param(x->request, "id"), reason, confirm,
				   err);
	return r < 0 ? r : answer_runner(x, err);
}

const struct api_route api_runner_routes[] = {
	{.method = HTTP_GET,
	 .pattern = "/api/v1/runners",
	 .name = "listRunners",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .run = list},
	{.method = HTTP_GET,
	 .pattern = "/api/v1/runners/{id}",
	 .name = "getRunner",
	 .audience = API_ADMIN,
	 .access = API_READ,
	 .run = answer_runner},
	{.method = HTTP_POST,
	 .pattern = "/api/v1/runners/{id}/abandon",
	 .name = "abandonRunner",
	 .audience = API_ADMIN,
	 .access = API_WRITE,
	 .input = API_JSON,
	 .max_body = API_BODY_MAX,
	 .fields = API_NAMES("reason", "confirm"),
	 .run = abandon},
	{.pattern = NULL},
};
