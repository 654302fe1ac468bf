/* Every folder of jobs/ with a grant in it is a job that is still ours. */
#include "runner/reattach.h"

#include <dirent.h>
#include <string.h>

#include "base/fileutil.h"
#include "base/log.h"
#include "base/tree.h"
#include "runner/grant.h"
#include "runner/jobs.h"

#define GRANT_MAX ((size_t)64 << 20)

struct reattach {
	struct grant **grants;
	size_t count;
};

static struct grant *read_grant(struct runner *runner, const char *dir)
{
	_cleanup_free_ char *path = path_join(dir, "job.json", NULL);
	_cleanup_free_ char *text = NULL;
	_cleanup_error_ struct error *error = NULL;
	struct grant *grant = NULL;
	size_t size;

	if (read_file(path, GRANT_MAX, &text, &size) < 0)
		return NULL;
	json_t *json = json_loadb(text, size, 0, NULL);
	if (!json || grant_parse(json, &runner->keys, &grant, &error) < 0)
		log_warning("%s cannot be used: %s", path,
			    error ? error->message : "it is no JSON");
	json_decref(json);
	return grant;
}

struct reattach *reattach_scan(struct runner *runner)
{
	struct reattach *reattach = xcalloc(1, sizeof(*reattach));
	_cleanup_free_ char *path = path_join(runner->options.dir, "jobs", NULL);
	DIR *folder = opendir(path);
	struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		_cleanup_free_ char *dir = path_join(path, entry->d_name, NULL);
		struct grant *grant = read_grant(runner, dir);
		if (!grant) {
			/* Nothing was ever started from here: the grant is stored before the
			 * launch. */
			rm_rf(dir);
			continue;
		}
		reattach->grants = xreallocarray(reattach->grants, reattach->count + 1,
						 sizeof(*reattach->grants));
		reattach->grants[reattach->count++] = grant;
	}
	if (folder)
		closedir(folder);
	return reattach;
}

json_t *reattach_held(const struct reattach *reattach)
{
	json_t *held = json_array();

	for (size_t i = 0; i < reattach->count; i++) {
		const struct grant *grant = reattach->grants[i];
		json_array_append_new(
			held, json_pack("{s:s s:s s:i s:I}", "job", grant->job_id, "operation",
					operation_to_string(grant->operation), "attempt",
					grant->attempt, "epoch", (json_int_t)grant->epoch));
	}
	return held;
}

void reattach_start(struct runner *runner, struct reattach *reattach)
{
	for (size_t i = 0; i < reattach->count; i++)
		jobs_start(runner->jobs, reattach->grants[i], true);
	free(reattach->grants);
	free(reattach);
}
