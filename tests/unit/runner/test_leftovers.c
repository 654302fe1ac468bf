#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/tree.h"
#include "runner/leftovers.h"

/* A step, or what runs as another user, has an environment that nobody may read. */
static void whoever_holds_live_is_alive(void **state)
{
	(void)state;
	char folder[] = "/tmp/planton-leftovers-XXXXXX";
	assert_non_null(mkdtemp(folder));
	_cleanup_free_ char *path = path_join(folder, "live", NULL);
	_cleanup_close_ int dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_false(leftovers_alive("sj_none/apply/1", "/usr/bin/tofu", dir_fd));

	int live = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock_try_exclusive(live), 0);
	assert_true(leftovers_alive("sj_none/apply/1", "/usr/bin/tofu", dir_fd));
	close(live);
	assert_false(leftovers_alive("sj_none/apply/1", "/usr/bin/tofu", dir_fd));
	rm_rf(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_holds_live_is_alive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
