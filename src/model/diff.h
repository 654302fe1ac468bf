/* Unified text diffs, for versions and `diff -f`. */
#pragma once

/*
 * From a to b with three lines of context and "--- a_name" / "+++ b_name" headers; "" when they are
 * equal. Shortest edit script (Myers); texts that differ in more than a few thousand lines are
 * shown as one replaced block. Caller frees.
 */
char *diff_unified(const char *a, const char *b, const char *a_name, const char *b_name);
