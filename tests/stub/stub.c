/*
 * An engine that does what its arguments say, one after another: for what a real
 * engine cannot be made to do.
 *     out TEXT, err TEXT     prints it as it is ("\n" stands for a newline)
 *     bytes N                prints N times 'x', without a newline
 *     flood N                prints N numbered lines
 *     sleep MS
 *     ignore                 takes no notice of SIGINT and SIGTERM from here on
 *     polite CODE            exits with CODE at the first SIGINT
 *     orphan                 leaves a process behind, in a session of its own
 *     environ                prints its environment
 *     core                   prints its limit for core files
 *     write PATH             creates a file, and says whether it could
 *     signal N               sends itself that signal
 *     exit CODE
 * Without "exit" it ends with 0.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int polite_code;

static void say(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);
		if (n < 0 && errno != EINTR)
			exit(99);
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		}
	}
}

static void say_escaped(int fd, const char *text)
{
	for (; *text; text++) {
		if (text[0] == '\\' && text[1] == 'n') {
			say(fd, "\n", 1);
			text++;
		} else {
			say(fd, text, 1);
		}
	}
}

static void on_interrupt(int number)
{
	(void)number;
	say(1, "interrupted\n", 12);
	_exit(polite_code);
}

static void sleep_ms(long milliseconds)
{
	struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

static void orphan(void)
{
	pid_t pid = vfork();
	if (pid == 0) {
		setsid();
		execl("/bin/sleep", "sleep", "1000", (char *)NULL);
		_exit(127);
	}
	printf("orphan %d\n", (int)pid);
	fflush(stdout);
}

static void flood(long lines)
{
	for (long i = 0; i < lines; i++)
		printf("line %ld of a flood\n", i);
	fflush(stdout);
}

static void bytes(long count)
{
	char block[4096];
	memset(block, 'x', sizeof(block));
	for (; count > 0; count -= (long)sizeof(block))
		say(1, block, count < (long)sizeof(block) ? (size_t)count : sizeof(block));
}

static void try_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	printf("write %s\n", fd < 0 ? strerror(errno) : "done");
	fflush(stdout);
}

static void core_limit(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_CORE, &limit);
	printf("core %ld\n", (long)limit.rlim_max);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *verb = argv[i];
		if (!strcmp(verb, "ignore")) {
			signal(SIGINT, SIG_IGN);
			signal(SIGTERM, SIG_IGN);
			continue;
		}
		if (!strcmp(verb, "orphan")) {
			orphan();
			continue;
		}
		if (!strcmp(verb, "core")) {
			core_limit();
			continue;
		}
		if (!strcmp(verb, "environ")) {
			for (char **entry = environ; *entry; entry++)
				puts(*entry);
			fflush(stdout);
			continue;
		}
		const char *argument = i + 1 < argc ? argv[++i] : "";
		long number = strtol(argument, NULL, 10);
		if (!strcmp(verb, "out"))
			say_escaped(1, argument);
		else if (!strcmp(verb, "err"))
			say_escaped(2, argument);
		else if (!strcmp(verb, "bytes"))
			bytes(number);
		else if (!strcmp(verb, "flood"))
			flood(number);
		else if (!strcmp(verb, "sleep"))
			sleep_ms(number);
		else if (!strcmp(verb, "write"))
			try_write(argument);
		else if (!strcmp(verb, "signal"))
			raise((int)number);
		else if (!strcmp(verb, "exit"))
			return (int)number;
		else if (!strcmp(verb, "polite")) {
			polite_code = (int)number;
			signal(SIGINT, on_interrupt);
		} else {
			fprintf(stderr, "stub: what is %s?\n", verb);
			return 98;
		}
	}
	return 0;
}
