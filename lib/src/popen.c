// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A command at the other end of a pipe.
 */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

extern char **environ;

/* Runs the command with @end as its descriptor @number.  0, or an error's number. */
static int kipc_run(const char *command, int end, int number, pid_t *pid)
{
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	posix_spawn_file_actions_t actions;
	int err;

	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return err;
	/* This takes close-on-exec away, also if both are the same. */
	err = posix_spawn_file_actions_adddup2(&actions, end, number);
	if (!err)
		err = posix_spawn(pid, "/bin/sh", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err;
}

/**
 * kipc_popen() - run a command of the shell, at the other end of a pipe
 * @command: for /bin/sh -c
 * @mode: "r": read its standard output; "w": write to its standard input
 * @pid: gets the number of its process, for kipc_pclose()
 *
 * As popen(3), but that the caller keeps the number of the process, for the library
 * keeps nothing.  Other streams of this kind are not inherited by the command, and the
 * stream's descriptor is close-on-exec.
 *
 * Return: a stream, or NULL with errno: EINVAL (@mode), what kipc_pipe() has, what
 * posix_spawn(3) and fdopen(3) have.
 */
FILE *kipc_popen(const char *command, const char *mode, pid_t *pid)
{
	int reads = strcmp(mode, "w") != 0;
	int fd[2], err;
	FILE *stream;

	if (strcmp(mode, "r") != 0 && strcmp(mode, "w") != 0) {
		errno = EINVAL;
		return NULL;
	}
	/* The command may not manage the pipe. */
	if (kipc_ends(fd, 0, 0) < 0)
		return NULL;
	stream = fdopen(fd[!reads], mode);
	err = stream ? kipc_run(command, fd[reads], reads, pid) : errno;
	close(fd[reads]);
	if (!err)
		return stream;
	if (stream)
		fclose(stream);
	else
		close(fd[!reads]);
	errno = err;
	return NULL;
}

/**
 * kipc_pclose() - close a stream of kipc_popen(), and wait for its command
 * @stream: of kipc_popen()
 * @pid: likewise
 *
 * Return: how the command ended, as waitpid(2) has it, or -1 with errno: ECHILD (it was
 * waited for elsewhere, or is no child).
 */
int kipc_pclose(FILE *stream, pid_t pid)
{
	int status;

	fclose(stream);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}
