/*
 * Archives: modules that come, and the workspaces of paused jobs, which go to
 * the server sealed with a key that only runners of the job get. A pack holds
 * the module folder (with plan, lock file and inputs) without providers.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "runner/job.h"

/* Unpacks a tar (compressed or not) into a folder that is made. Nothing leaves it. */
int pack_extract(const void *data, size_t size, const char *folder, uint64_t max_bytes,
		 struct error **err);

/* The other way: appends to out. Links stay links; what is no file, folder or link is left out. */
int pack_folder(const char *folder, struct strbuf *out, struct error **err);

/* Packs, seals and uploads the job's workspace. Waits for a server that is away. */
int pack_store(struct job *job, struct error **err);
/* The other way: module/ of the workspace. */
int pack_fetch(struct job *job, struct error **err);
