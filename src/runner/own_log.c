/* Turned by the runner itself: what a crash prints goes to whatever is stderr at that moment. */
#include "runner/own_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fdutil.h"
#include "base/fileutil.h"
#include "base/log.h"

#define LOG_MAX (16 << 20)

void own_log_bound(const char *dir)
{
	_cleanup_free_ char *path = path_join(dir, "log", NULL);
	struct stat ours, named;

	if (fstat(STDERR_FILENO, &ours) < 0 || ours.st_size <= LOG_MAX || stat(path, &named) < 0 ||
	    named.st_dev != ours.st_dev || named.st_ino != ours.st_ino)
		return;
	_cleanup_free_ char *old = path_join(dir, "log.old", NULL);
	_cleanup_free_ char *next = path_join(dir, "log.new", NULL);
	_cleanup_close_ int fd =
		open(next, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || rename(path, old) < 0 || rename(next, path) < 0) {
		log_warning("%s is not turned: %m", path);
		return;
	}
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	log_info("what was logged before is in %s", old);
}
