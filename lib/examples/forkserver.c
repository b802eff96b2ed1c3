// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * forkserver [RUNS]
 *
 * A fuzzer that is guided by coverage, and its fork server, in the way of AFL.  The target
 * is started once, up to where it would read its input.  For each run the fuzzer tells it
 * so by a pipe, it forks, the child runs, and the server tells by another pipe how that has
 * ended.  Input and map of coverage are in shared memory, so a run copies nothing.
 *
 * The target crashes for inputs that begin with "KIPC!": by trying all of them that would
 * take millions of years.  An input that reaches something new is kept, and mutated further.
 */
#include <err.h>
#include <kipc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define INPUT	16
#define EDGES	64

static struct {
	char input[INPUT];
	unsigned char edges[EDGES];	/* how often each was taken */
} *shared;

/* What a compiler would put into each branch of the target. */
#define EDGE(n)	(shared->edges[n]++)

static void target(const char *input)
{
	EDGE(0);
	if (input[0] != 'K')
		return;
	EDGE(1);
	if (input[1] != 'I')
		return;
	EDGE(2);
	if (input[2] != 'P')
		return;
	EDGE(3);
	if (input[3] != 'C')
		return;
	EDGE(4);
	if (input[4] == '!')
		abort();
}

/* Until nobody has the other end of its commands any more. */
static void serve(int commands, int results)
{
	char command;
	int status;
	pid_t pid;

	while (read(commands, &command, 1) == 1) {
		pid = fork();
		if (!pid) {
			setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
			target(shared->input);
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    write(results, &status, sizeof(status)) != sizeof(status))
			_exit(1);
	}
	_exit(0);
}

static int run(int commands, int results, const char *input)
{
	int status;

	memcpy(shared->input, input, INPUT);
	memset(shared->edges, 0, EDGES);
	if (write(commands, "r", 1) != 1 ||
	    read(results, &status, sizeof(status)) != sizeof(status))
		errx(EXIT_FAILURE, "the fork server has gone");
	return status;
}

/* Whether that run has come where none was before. */
static int is_new(unsigned char *seen)
{
	int i, n = 0;

	for (i = 0; i < EDGES; i++) {
		n += shared->edges[i] && !seen[i];
		seen[i] |= shared->edges[i];
	}
	return n;
}

int main(int argc, char **argv)
{
	unsigned long runs = argc > 1 ? strtoul(argv[1], NULL, 0) : 100000, n;
	char best[INPUT] = "", next[INPUT];
	unsigned char seen[EDGES] = { 0 };
	int memory, commands[2], results[2], status = 0;
	unsigned int random = 1;
	size_t size = sizeof(*shared);

	memory = kipc_memory_create(NULL, size, 0600, KIPC_MEMORY_RIGHTS, 0);
	if (memory < 0 || kipc_pipe(commands, 0) < 0 || kipc_pipe(results, 0) < 0)
		err(EXIT_FAILURE, "create memory and pipes (is the module loaded?)");
	shared = kipc_memory_map(memory, &size, PROT_READ | PROT_WRITE);
	if (!shared)
		err(EXIT_FAILURE, "map");
	if (!fork()) {
		close(commands[1]);
		close(results[0]);
		serve(commands[0], results[1]);
	}
	close(commands[0]);
	close(results[1]);
	for (n = 0; n < runs && !WIFSIGNALED(status); n++) {
		memcpy(next, best, INPUT);
		random = random * 1103515245 + 12345;
		next[(random >> 8) % 8] = (char)(' ' + (random >> 16) % 64);
		status = run(commands[1], results[0], next);
		if (is_new(seen) || WIFSIGNALED(status)) {
			memcpy(best, next, INPUT);
			printf("run %lu: \"%.8s\" comes farther\n", n, best);
		}
	}
	close(commands[1]);
	wait(NULL);
	if (!WIFSIGNALED(status))
		errx(EXIT_FAILURE, "no crash after %lu runs", n);
	printf("found in %lu runs: \"%.8s\" ends it by signal %d (%s)\n", n, best,
	       WTERMSIG(status), strsignal(WTERMSIG(status)));
	return EXIT_SUCCESS;
}
