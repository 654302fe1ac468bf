/*
 * The main of a fuzz target in the ordinary test run: feeds it every file of the folders named on
 * the command line, in order of name, and reports in TAP.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fileutil.h"

#define INPUT_SIZE_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	unsigned inputs = 0;
	for (int i = 1; i < argc; i++) {
		struct dirent **entries;
		int count = scandir(argv[i], &entries, is_input, alphasort);
		if (count <= 0) {
			printf("Bail out! no inputs in %s\n", argv[i]);
			return 1;
		}
		for (int j = 0; j < count; j++) {
			_cleanup_free_ char *path = xasprintf("%s/%s", argv[i], entries[j]->d_name);
			_cleanup_free_ char *content = NULL;
			size_t size;
			if (read_file(path, INPUT_SIZE_MAX, &content, &size) < 0) {
				printf("Bail out! cannot read %s\n", path);
				return 1;
			}
			LLVMFuzzerTestOneInput((const uint8_t *)content, size);
			printf("ok %u - %s\n", ++inputs, entries[j]->d_name);
			free(entries[j]);
		}
		free(entries);
	}
	printf("1..%u\n", inputs);
	return 0;
}
