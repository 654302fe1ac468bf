/* Rulesets of Landlock; rights that this kernel does not know are left out. */
#include "step/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fdutil.h"

/* Newer than the headers of some distributions that we build on; values are the kernel's ABI. */
#define ACCESS_TRUNCATE	       (1ULL << 14)
#define ACCESS_IOCTL_DEV       (1ULL << 15)
#define SCOPE_ABSTRACT_SOCKETS (1ULL << 0)
#define SCOPE_SIGNALS	       (1ULL << 1)

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

#define READ_FILE_ACCESS  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE)
#define READ_ACCESS	  (READ_FILE_ACCESS | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILE_ACCESS (LANDLOCK_ACCESS_FS_WRITE_FILE | ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
#define WRITE_ACCESS                                                                          \
	(WRITE_FILE_ACCESS | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                          \
	 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                        \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
/* Allowed nowhere: as root, a device of one's own making leads around all rules. */
#define DEVICE_ACCESS (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

int sandbox_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return abi > 0 ? (int)abi : 0;
}

static uint64_t known_accesses(int abi)
{
	uint64_t known = READ_ACCESS | WRITE_ACCESS;

	if (abi < 2)
		known &= ~LANDLOCK_ACCESS_FS_REFER;
	if (abi < 3)
		known &= ~ACCESS_TRUNCATE;
	if (abi < 5)
		known &= ~ACCESS_IOCTL_DEV;
	return known;
}

static int allow(int ruleset, const char *path, uint64_t folder_access, uint64_t file_access,
		 struct error **err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == EACCES || errno == ENOTDIR
			       ? 0
			       : error_set_errno(err, ERROR_INTERNAL, errno, "sandbox: %s", path);
	if (fstat(fd, &st) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "sandbox: %s", path);

	struct landlock_path_beneath_attr rule = {
		.allowed_access = S_ISDIR(st.st_mode) ? folder_access : file_access,
		.parent_fd = fd,
	};
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "sandbox: %s", path);
	return 0;
}

int sandbox_prepare(char *const *read_paths, char *const *write_paths, int *ret_fd,
		    struct error **err)
{
	int abi = read_paths || write_paths ? sandbox_abi() : 0;
	if (abi == 0) {
		*ret_fd = -1;
		return 0;
	}

	uint64_t known = known_accesses(abi);
	struct ruleset_attr attr = {
		.handled_access_fs = known | DEVICE_ACCESS,
		.scoped = abi >= 6 ? SCOPE_ABSTRACT_SOCKETS | SCOPE_SIGNALS : 0,
	};
	size_t size = abi >= 6 ? sizeof(attr) : sizeof(attr.handled_access_fs);
	_cleanup_close_ int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return error_set_errno(err, ERROR_INTERNAL, errno, "sandbox: no ruleset");

	for (; read_paths && *read_paths; read_paths++) {
		int r = allow(ruleset, *read_paths, READ_ACCESS & known, READ_FILE_ACCESS & known,
			      err);
		if (r < 0)
			return r;
	}
	for (; write_paths && *write_paths; write_paths++) {
		int r = allow(ruleset, *write_paths, known,
			      (READ_FILE_ACCESS | WRITE_FILE_ACCESS) & known, err);
		if (r < 0)
			return r;
	}
	*ret_fd = TAKE_FD(ruleset);
	return 0;
}

/*
 * Of root's, those that lead around Landlock: to the memory and environment of
 * other processes (from Linux 6.13 on two of these are enough), to the kernel's,
 * and to devices. A module has no use for them.
 */
static const int dropped_capabilities[] = {
	CAP_SYS_ADMIN,	CAP_PERFMON, CAP_SYS_PTRACE, CAP_SYS_RAWIO,
	CAP_SYS_MODULE, CAP_BPF,     CAP_SYS_BOOT,   CAP_MKNOD,
};

int sandbox_enter(int ruleset_fd)
{
	/* Takes effect when the engine is executed; who is not root has none. */
	for (size_t i = 0; i < ARRAY_SIZE(dropped_capabilities); i++)
		(void)prctl(PR_CAPBSET_DROP, dropped_capabilities[i], 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (ruleset_fd >= 0 && syscall(SYS_landlock_restrict_self, ruleset_fd, 0) < 0)
		return -errno;
	return 0;
}
