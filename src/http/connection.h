/* The callbacks of libmicrohttpd, all on the loop thread; ctx is the server. */
#pragma once

#include "http/internal.h"

/* The request line has come: makes the request. */
void *connection_request_line(void *ctx, const char *target, struct MHD_Connection *connection);
/* Leaves everything as it is: uri.c decodes. */
size_t connection_unescape(void *ctx, struct MHD_Connection *connection, char *text);
/* Called for the headers, for each piece of the body, at its end, and after each resume. */
enum MHD_Result connection_handle(void *ctx, struct MHD_Connection *connection, const char *path,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **request);
void connection_completed(void *ctx, struct MHD_Connection *connection, void **request,
			  enum MHD_RequestTerminationCode code);
void connection_notify(void *ctx, struct MHD_Connection *connection, void **socket_context,
		       enum MHD_ConnectionNotificationCode code);

/* The request's task came back from the pool: its connection goes on. */
void connection_returned(struct http_request *q);
