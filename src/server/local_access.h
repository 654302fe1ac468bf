/* What lets the user who started a server use it at once: an administrator's key and a context. */
#pragma once

#include "control/work.h"

/*
 * The administrator's key of this cluster in a file of the configuration folder, made when there is
 * none that this database knows. The caller frees *ret_path.
 */
int admin_key_ensure(struct control *c, const char *cluster_id, char **ret_path,
		     struct error **err);
/* The key with which the embedded runner registers, in that file. */
int runner_key_ensure(struct control *c, const char *path, struct error **err);
/* The context `local` leads to this server; others are left alone. */
int context_ensure(const char *url, const char *token_file, struct error **err);
