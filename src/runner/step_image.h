/*
 * What runs as `planton step`. The program carries a small static build of the step, which starts
 * in a tenth of the time of the whole, and more than once for each job. Builds without it (those
 * for the sanitizers) run themselves.
 */
#pragma once

/* A CLOEXEC descriptor of the program, or -1: /proc/self/exe is the step. */
int step_image_open(void);
