/*
 * Every folder of jobs/ with a grant in it is a job that is still ours. So is
 * one of which only processes are left, because somebody deleted its folder.
 */
#include "runner/reattach.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/fileutil.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/strutil.h"
#include "base/strv.h"
#include "base/tree.h"
#include "runner/grant.h"
#include "runner/jobs.h"
#include "runner/leftovers.h"
#include "runner/workspace.h"

#define GRANT_MAX ((size_t)64 << 20)

struct found {
	struct grant *grant;
	enum job_start start;
};

struct reattach {
	struct runner *runner;
	struct found *items;
	size_t count;
};

static void add(struct reattach *reattach, struct grant *grant, enum job_start start)
{
	reattach->items =
		xreallocarray(reattach->items, reattach->count + 1, sizeof(*reattach->items));
	reattach->items[reattach->count++] = (struct found){grant, start};
}

/* *ret_none: there is none, so that nothing was ever started from here. */
static struct grant *read_grant(struct runner *runner, const char *dir, bool *ret_none)
{
	_cleanup_free_ char *path = path_join(dir, "job.json", NULL);
	_cleanup_free_ char *text = NULL;
	_cleanup_error_ struct error *error = NULL;
	struct grant *grant = NULL;
	size_t size;

	int r = read_file(path, GRANT_MAX, &text, &size);
	*ret_none = r == -ENOENT;
	if (r < 0) {
		if (!*ret_none)
			log_warning("%s cannot be read: %s", path, strerror(-r));
		return NULL;
	}
	json_t *json = json_loadb(text, size, 0, NULL);
	if (!json || grant_parse(json, &runner->keys, &grant, &error) < 0)
		log_warning("%s cannot be used: %s", path,
			    error ? error->message : "it is no JSON");
	json_decref(json);
	return grant;
}

static struct found *find(const struct reattach *reattach, const char *job_id)
{
	for (size_t i = 0; i < reattach->count; i++)
		if (streq(reattach->items[i].grant->job_id, job_id))
			return &reattach->items[i];
	return NULL;
}

/* All that its environment tells: enough to wait for its end and to say that it is unknown. */
static struct grant *grant_of_launch(struct runner *runner, const char *launch, int64_t epoch)
{
	_cleanup_strv_ char **parts = strv_split(launch, '/');
	uint64_t number;

	if (strv_length(parts) != 3 || parse_u64(parts[2], &number) < 0)
		return NULL;
	bool destroys = streq(parts[1], operation_to_string(OPERATION_DESTROY));
	json_t *json =
		json_pack("{s:{s:s s:s} s:[s] s:I s:{s:s s:I} s:{s:s s:s}}", "job", "id", parts[0],
			  "operation", job_operation_to_string(destroys ? JOB_DESTROY : JOB_UPDATE),
			  "operations", parts[1], "epoch", (json_int_t)epoch, "attempt",
			  "operation", parts[1], "number", (json_int_t)number, "module", "digest",
			  "unknown", "provisioner", provisioner_to_string(PROVISIONER_TOFU));
	struct grant *grant = NULL;
	if (json && grant_parse(json, &runner->keys, &grant, NULL) < 0)
		grant = NULL;
	json_decref(json);
	return grant;
}

static void on_launch(const char *launch, int64_t epoch, void *userdata)
{
	struct reattach *reattach = userdata;
	struct grant *grant = grant_of_launch(reattach->runner, launch, epoch);

	struct found *known = grant ? find(reattach, grant->job_id) : NULL;

	if (grant && !known) {
		log_warning("something of %s is alive, but its folder is gone", launch);
		add(reattach, grant, JOB_START_BLIND);
	} else if (known && known->start == JOB_START_BLIND && known->grant->epoch < grant->epoch) {
		/* Providers have the marks of the launch that started them: a later one is what
		 * runs. */
		grant_free(known->grant);
		known->grant = grant;
	} else {
		grant_free(grant);
	}
}

struct reattach *reattach_scan(struct runner *runner)
{
	struct reattach *reattach = xcalloc(1, sizeof(*reattach));
	_cleanup_free_ char *path = path_join(runner->options.dir, "jobs", NULL);
	DIR *folder = opendir(path);
	struct dirent *entry;

	reattach->runner = runner;
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		_cleanup_free_ char *dir = path_join(path, entry->d_name, NULL);
		bool none;
		struct grant *grant = read_grant(runner, dir, &none);
		if (grant)
			add(reattach, grant, JOB_START_REATTACH);
		else if (none)
			/* The grant is stored before the launch. */
			rm_rf(dir);
	}
	if (folder)
		closedir(folder);
	leftovers_find(runner->public_key, on_launch, reattach);
	return reattach;
}

json_t *reattach_held(const struct reattach *reattach)
{
	json_t *held = json_array();

	for (size_t i = 0; i < reattach->count; i++) {
		const struct grant *grant = reattach->items[i].grant;
		json_array_append_new(
			held, json_pack("{s:s s:s s:i s:I}", "job", grant->job_id, "operation",
					operation_to_string(grant->operation), "attempt",
					grant->attempt, "epoch", (json_int_t)grant->epoch));
	}
	return held;
}

static bool is_held(const char *job_id, void *userdata)
{
	return find(userdata, job_id) != NULL;
}

void reattach_sweep(struct reattach *reattach)
{
	const struct runner *runner = reattach->runner;
	workspace_sweep(runner->options.work_root, runner->public_key, is_held, reattach);
}

void reattach_start(struct runner *runner, struct reattach *reattach)
{
	for (size_t i = 0; i < reattach->count; i++)
		jobs_start(runner->jobs, reattach->items[i].grant, reattach->items[i].start);
	free(reattach->items);
	free(reattach);
}
