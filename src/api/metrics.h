/* GET /metrics: numbers in Prometheus' text format. */
#pragma once

#include "api/exchange.h"

int metrics(struct exchange *x, struct error **err);
