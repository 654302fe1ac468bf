/* The step as a program of its own: see docs/decisions/0007-step-image.md. argv is that of `planton
 * step` or `planton providers`. */
#include <stdbool.h>
#include <string.h>

#include "step/pool.h"
#include "step/step.h"

int main(int argc, char **argv)
{
	bool pool = argc > 1 && strcmp(argv[1], "providers") == 0;
	return (pool ? pool_main : step_main)(argc - 1, argv + 1);
}
