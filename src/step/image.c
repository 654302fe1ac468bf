/* The step as a program of its own: see docs/decisions/0007-step-image.md. argv is that of `planton
 * step`. */
#include "step/step.h"

int main(int argc, char **argv)
{
	return step_main(argc - 1, argv + 1);
}
