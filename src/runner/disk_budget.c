/* Entries of the module and init caches, by the time of their last use. */
#include "runner/disk_budget.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fileutil.h"
#include "base/log.h"
#include "base/strutil.h"
#include "base/tree.h"

struct entry {
	char *path;
	uint64_t size;
	time_t used;
	bool rubbish; /* of a runner that was killed */
};

struct entries {
	struct entry *items;
	size_t count;
	uint64_t total;
};

static void collect(const char *cache, struct entries *entries)
{
	DIR *folder = opendir(cache);
	struct dirent *item;
	struct stat st;

	while (folder && (item = readdir(folder))) {
		if (item->d_name[0] == '.')
			continue;
		struct entry entry = {
			.path = path_join(cache, item->d_name, NULL),
			.rubbish = endswith(item->d_name, ".partial") ||
				   endswith(item->d_name, ".old"),
		};
		if (stat(entry.path, &st) < 0 || dir_size(entry.path, &entry.size) < 0) {
			free(entry.path);
			continue;
		}
		entry.used = entry.rubbish ? 0 : st.st_mtime;
		entries->items = xreallocarray(entries->items, entries->count + 1, sizeof(entry));
		entries->items[entries->count++] = entry;
		entries->total += entry.size;
	}
	if (folder)
		closedir(folder);
}

static int by_use(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	return (one->used > other->used) - (one->used < other->used);
}

void disk_budget_enforce(struct runner *runner)
{
	static const char *const caches[] = {"cache/modules", "cache/init"};
	struct entries entries = {0};

	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		_cleanup_free_ char *path = path_join(runner->options.dir, caches[i], NULL);
		collect(path, &entries);
	}
	if (entries.count > 0)
		qsort(entries.items, entries.count, sizeof(*entries.items), by_use);
	for (size_t i = 0; i < entries.count; i++) {
		struct entry *entry = &entries.items[i];
		if (entry->rubbish || entries.total > runner->options.disk_budget) {
			if (!entry->rubbish)
				log_info("the caches pass their budget: removing %s", entry->path);
			rm_rf(entry->path);
			entries.total -= entry->size;
		}
		free(entry->path);
	}
	free(entries.items);
}
