// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kipc pipe [--] COMMAND [ARGUMENT]... ['|' COMMAND [ARGUMENT]...]...
 *
 * What the shell does with a pipeline, with pipes of kipc: each command runs in a
 * process of its own, and its standard output is the standard input of the next.  The
 * commands are any programs, which know nothing of it.  At the end it says to standard
 * error how each has ended, and what went through the pipe behind it.
 *
 * The exit status is that of the last command that failed, as with the shell's pipefail:
 * 127 if it could not be run, 128 + N if signal N has ended it; 0 if none has failed.
 */
#include "tool.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct part {
	char **argv;
	pid_t pid;	/* 0: it could not be run */
	int status;	/* as the shell has it */
	int look;	/* a handle to look at the pipe to the next command */
};

/* Cuts the arguments at each '|'.  Returns how many commands there are. */
static size_t split(char **argv, struct part *commands)
{
	size_t n = 0;

	for (;;) {
		commands[n++].argv = argv;
		while (*argv && strcmp(*argv, "|") != 0)
			argv++;
		if (argv == commands[n - 1].argv)
			bad_usage("there is no command before a '|', or behind it");
		if (!*argv)
			return n;
		*argv++ = NULL;
	}
}

/*
 * A pipe, of which each side gets a handle with just its right, and this process one
 * that is neither a reader nor a writer.
 */
static int make_pipe(int *in, int *out)
{
	int all = kipc_pipe_create(NULL, NULL, 0600, KIPC_PIPE_RIGHTS, 0), look;

	if (all < 0)
		fail_errno("cannot make a pipe");
	*in = kipc_narrow(all, KIPC_RIGHT_RECEIVE, 0);
	*out = kipc_narrow(all, KIPC_RIGHT_SEND, 0);
	look = kipc_narrow(all, KIPC_RIGHT_MANAGE, 0);
	if (*in < 0 || *out < 0 || look < 0)
		fail_errno("cannot narrow a handle");
	close(all);
	return look;
}

/* Whatever else this process has open is close-on-exec, so a command has no more ends. */
static void start(struct part *command, int in, int out)
{
	posix_spawn_file_actions_t actions;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	error = posix_spawnp(&command->pid, command->argv[0], &actions, NULL,
			     command->argv, environ);
	if (error) {
		command->pid = 0;
		fprintf(stderr, "kipc pipe: %s: %s\n", command->argv[0], strerror(error));
	}
	posix_spawn_file_actions_destroy(&actions);
}

static void await(struct part *command)
{
	int status;

	command->status = 127;
	if (!command->pid)
		return;
	if (waitpid(command->pid, &status, 0) < 0)
		fail_errno("%s", command->argv[0]);
	command->status = WIFEXITED(status) ? WEXITSTATUS(status) :
					      128 + WTERMSIG(status);
}

/* @next: whose standard input its output was, or NULL */
static void report(const struct part *command, const struct part *next)
{
	struct kipc_pipe_stat stat;

	fprintf(stderr, "%-10s status %d", command->argv[0], command->status);
	if (next && kipc_pipe_stat(command->look, &stat) == 0)
		fprintf(stderr, "; %llu bytes to %s; waits: %llu writes, %llu reads",
			stat.read_bytes, next->argv[0], stat.write_waits,
			stat.read_waits);
	fputc('\n', stderr);
}

int cmd_pipe(int argc, char **argv)
{
	struct part *commands = calloc(argc, sizeof(*commands));
	int in = STDIN_FILENO, out, next, result = 0;
	size_t n, i;

	if (!commands)
		fail("no memory");
	if (wants_help(argc, argv)) {
		printf("kipc pipe [--] COMMAND [ARGUMENT]... ['|' COMMAND [ARGUMENT]...]...\n\n"
		       "Runs the commands, each one's output being the next one's input, over pipes\n"
		       "of kipc.  At the end it says how each has ended, and what went through.\n");
		return EXIT_FINE;
	}
	argv++;
	if (*argv && !strcmp(*argv, "--"))
		argv++;
	n = split(argv, commands);
	/* Else there is no status to be had. */
	signal(SIGCHLD, SIG_DFL);
	for (i = 0; i < n; i++) {
		next = -1;
		out = STDOUT_FILENO;
		commands[i].look = i + 1 < n ? make_pipe(&next, &out) : -1;
		start(&commands[i], in, out);
		/* Now the command has its ends; this process must not be one. */
		if (in != STDIN_FILENO)
			close(in);
		if (out != STDOUT_FILENO)
			close(out);
		in = next;
	}
	/* What went through a pipe is known when both of its sides have ended. */
	for (i = 0; i < n; i++)
		await(&commands[i]);
	for (i = 0; i < n; i++) {
		report(&commands[i], i + 1 < n ? &commands[i + 1] : NULL);
		result = commands[i].status ? commands[i].status : result;
	}
	free(commands);
	return result;
}
