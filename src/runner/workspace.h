/*
 * Where a job's engine works: <work root>/<job>/, the same path wherever the job
 * goes on.
 *     module/  the module, backend settings, inputs, plan: the working directory
 *     home/ tmp/  private folders of the engine
 *     files/   credentials, each 0600, made anew for each attempt
 *     aux/     output of commands that are for the runner alone
 *     owner    which runner made it
 *     ready    there once init succeeded; names the init cache's entry
 * An engine may write in the first four and reaches none of the others.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "runner/context.h"

struct workspace {
	char *path, *module, *home, *files, *aux;
	char *tmp;	/* what the engine is told: short enough for a socket's path */
	char *tmp_link; /* a symbolic link outside of the workspace, or NULL */
};

void workspace_init(struct workspace *workspace, const char *work_root, const char *job_id);
void workspace_release(struct workspace *workspace);

/* Empty folders, whatever was there before. owner: the runner's public key. */
int workspace_make(const struct workspace *workspace, const char *owner, struct error **err);
/*
 * Removes what runners that were killed left behind: workspaces of this owner
 * that is_held() denies, and links of workspaces that are gone.
 */
void workspace_sweep(const char *work_root, const char *owner,
		     bool (*is_held)(const char *job_id, void *userdata), void *userdata);
/* Removes it from disk. */
void workspace_remove(const struct workspace *workspace);

/*
 * A regular file of the module's folder, where engines and modules write: links
 * that they left there are not followed, and nothing blocks. -errno; as
 * open_beneath() and read_file_beneath().
 */
int workspace_open(const struct workspace *workspace, const char *name, int flags);
int workspace_read(const struct workspace *workspace, const char *name, size_t max, char **ret,
		   size_t *ret_size);

/* The init cache's key, or "" when init was not taken from it; NULL: not ready. Caller frees. */
char *workspace_ready(const struct workspace *workspace);
int workspace_set_ready(const struct workspace *workspace, const char *init_key,
			struct error **err);

/*
 * Writes credential files and returns the environment of the credentials:
 * {NAME: value or path}. The caller decrefs.
 */
int workspace_write_files(const struct workspace *workspace, const json_t *secrets,
			  json_t **ret_env, struct error **err);
