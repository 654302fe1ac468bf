/*
 * Functions that nobody here may call. The build includes this file before
 * every source; the system headers that declare them come first, so only a
 * call breaks. Use instead: strbuf.h and alloc.h for strings, parse.h for
 * numbers, process.h for processes.
 */
#pragma once

#ifndef __ASSEMBLER__

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POISONED(function) sorry_##function##_is_a_banned_function

#undef strcpy
#define strcpy(...) POISONED(strcpy)
#undef strcat
#define strcat(...) POISONED(strcat)
#undef sprintf
#define sprintf(...) POISONED(sprintf)
#undef vsprintf
#define vsprintf(...) POISONED(vsprintf)
#undef gets
#define gets(...) POISONED(gets)
#undef strtok
#define strtok(...) POISONED(strtok)
#undef atoi
#define atoi(...) POISONED(atoi)
#undef system
#define system(...) POISONED(system)
#undef popen
#define popen(...) POISONED(popen)
#undef alloca
#define alloca(...) POISONED(alloca)
#undef fork
#define fork(...) POISONED(fork)

#endif
