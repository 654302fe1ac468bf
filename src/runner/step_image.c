/* The step's program in memory, to be executed from a descriptor. */
#include "runner/step_image.h"

#include <stddef.h>
#include <stdint.h>

#include "base/fdutil.h"
#include "base/log.h"

extern const char step_image[] __attribute__((weak));
extern const char step_image_end[] __attribute__((weak));

int step_image_open(void)
{
	const char *volatile begin = step_image;
	if (!begin)
		return -1;
	int fd = memfd_with_content("planton-step", step_image,
				    (size_t)((uintptr_t)step_image_end - (uintptr_t)step_image));
	if (fd < 0)
		log_warning("steps start slower than they could: no memory file (%d)", fd);
	return fd < 0 ? -1 : fd;
}
