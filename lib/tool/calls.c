// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kipc call, kipc serve: calls with text.
 *
 * Of a mailbox the request is the text, and so is the reply.  Of a service the text is in
 * the A-stack, its length in the first argument, and the reply likewise.
 */
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT_MAX (64 << 10)
#define CANNOT_RUN 126		/* a status, as the shell has it */

/* call */

static int print_reply(const char *reply, size_t size)
{
	fwrite(reply, 1, size, stdout);
	if (size && reply[size - 1] != '\n')
		putchar('\n');
	return EXIT_FINE;
}

/* What is called with. */
struct request {
	const char *text;
	size_t size;
};

/* Of the standard input, all that there is. */
static struct request read_request(void)
{
	static char text[TEXT_MAX];
	size_t size = fread(text, 1, sizeof(text), stdin);

	if (size == sizeof(text) && getchar() != EOF)
		fail("the standard input is longer than %zu bytes", sizeof(text));
	if (ferror(stdin))
		fail_errno("cannot read");
	return (struct request){ text, size };
}

static int call_mailbox(int fd, const char *name, const struct request *request,
			int64_t timeout)
{
	static char reply[TEXT_MAX];
	ssize_t size = kipc_mailbox_call(fd, request->text, request->size, 0, reply,
					 sizeof(reply), deadline_of(timeout));

	if (size >= 0)
		return print_reply(reply, size);
	if (errno == EPIPE)
		fail("%s: the server ended before it replied", name);
	if (errno == ETIMEDOUT || errno == EAGAIN)
		fail("%s: no reply in time", name);
	fail_errno("%s", name);
}

static int call_service(const char *name, const struct request *request,
			uint64_t procedure, int64_t timeout)
{
	struct kipc_binding *binding = kipc_connect(name, NULL, deadline_of(timeout));
	uint64_t args[8] = { request->size };
	char *stack;
	int status;

	if (!binding)
		fail_open(name, "mailbox and no service");
	stack = kipc_stack(binding, 0);
	if (args[0] > kipc_stack_size(binding))
		fail("%s: its A-stacks have room for %zu bytes", name,
		     kipc_stack_size(binding));
	memcpy(stack, request->text, request->size);
	status = kipc_call(binding, 0, procedure, args, deadline_of(timeout));
	if (status < 0) {
		if (errno == EPIPE)
			fail("%s: the server ended before it replied", name);
		if (errno == ETIMEDOUT || errno == EAGAIN)
			fail("%s: no reply in time", name);
		if (errno == ENOSYS)
			fail("%s: it has no procedure %" PRIu64, name, procedure);
		fail_errno("%s", name);
	}
	if (args[0] > kipc_stack_size(binding))
		fail("%s: it does not reply with text", name);
	print_reply(stack, args[0]);
	kipc_disconnect(binding);
	if (!status)
		return EXIT_FINE;
	fflush(stdout);
	fprintf(stderr, "kipc call: %s: status %d\n", name, status);
	return EXIT_FAILED;
}

int cmd_call(int argc, char **argv)
{
	static const struct option options[] = {
		{ "procedure", required_argument, NULL, 'p' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t procedure = 0;
	int64_t timeout = -1;
	struct request request;
	const char *text;
	int c, fd;

	while ((c = getopt_long(argc, argv, "p:T:h", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			procedure = number_of(optarg, "number of a procedure");
			break;
		case 'T':
			timeout = seconds_of(optarg);
			break;
		case 'h':
			printf("kipc call [OPTION]... NAME [TEXT]\n\n"
			       "Calls a mailbox or a service with TEXT, or with nothing, and prints the\n"
			       "reply; if TEXT is '-', with the standard input.  It fails if a service's\n"
			       "status is not 0.\n\n"
			       "  -p, --procedure N      of a service (0)\n"
			       "  -T, --timeout SECONDS  how long to wait\n");
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind >= argc || optind + 2 < argc)
		bad_usage("give a name, and one text");
	text = optind + 1 < argc ? argv[optind + 1] : "";
	request = strcmp(text, "-") ? (struct request){ text, strlen(text) } : read_request();
	fd = kipc_open(argv[optind], KIPC_KIND_MAILBOX, KIPC_RIGHT_SEND, 0);
	if (fd >= 0)
		return call_mailbox(fd, argv[optind], &request, timeout);
	if (errno == ENOENT)
		fail("%s: nobody serves that: see 'kipc ls'", argv[optind]);
	if (errno != EPROTOTYPE)
		fail_open(argv[optind], "mailbox");
	return call_service(argv[optind], &request, procedure, timeout);
}

/* serve */

static char **command;

/* A pipe that holds the text, to be read from; or -1. */
static int pipe_with(const char *text, size_t size)
{
	ssize_t written = 0;
	int fd[2];

	if (kipc_pipe(fd, 0))
		return -1;
	/* It has room for all of it, so it need not be read meanwhile. */
	if (kipc_pipe_resize(fd[1], TEXT_MAX, 0) < 0)
		written = -1;
	else if (size)
		written = kipc_pipe_write(fd[1], text, size, KIPC_PIPE_NOSIGNAL,
					  KIPC_FOREVER);
	if (written >= 0 && (size_t)written < size)
		errno = EDQUOT;
	close(fd[1]);
	if (written >= 0 && (size_t)written == size)
		return fd[0];
	close(fd[0]);
	return -1;
}

/* Start the command; its standard output is to be read from @output.  Or -1. */
static pid_t start_command(int input, int *output)
{
	int out[2];
	pid_t pid;

	if (kipc_pipe(out, 0))
		return -1;
	pid = fork();
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		dup2(input, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execvp(command[0], command);
		fprintf(stderr, "kipc serve: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	close(out[1]);
	if (pid < 0)
		close(out[0]);
	*output = out[0];
	return pid;
}

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return CANNOT_RUN;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/*
 * Run the command with the text at its standard input.  Returns the bytes of its output;
 * its exit status, or 128 and the signal, is in @status.  If it cannot be run, or says
 * more than @room bytes, that is this call's misfortune, and others may have more luck.
 */
static size_t run_command(const char *text, size_t size, char *reply, size_t room,
			  int *status)
{
	int input = pipe_with(text, size), output = -1;
	bool too_long = false;
	size_t got = 0;
	pid_t pid = -1;
	ssize_t n = 1;

	*status = CANNOT_RUN;
	if (input >= 0)
		pid = start_command(input, &output);
	if (pid < 0)
		perror("kipc serve: a call cannot be served");
	if (input >= 0)
		close(input);
	if (pid < 0)
		return 0;
	while (n > 0) {
		char rest[4096];

		n = got < room ? read(output, reply + got, room - got) :
				 read(output, rest, sizeof(rest));
		if (n > 0 && got < room)
			got += n;
		else if (n > 0)
			too_long = true;
	}
	close(output);
	*status = status_of(pid);
	if (!too_long || !room)
		return got;
	/* A part of it would pass for the whole. */
	fprintf(stderr, "kipc serve: a reply is longer than %zu bytes\n", room);
	*status = CANNOT_RUN;
	return 0;
}

/* What it carries could not be closed in all safety, so nobody is to send any. */
static void refuse_handles(int fd, const char *name)
{
	struct kipc_mailbox_stat stat;

	if (kipc_mailbox_stat(fd, &stat))
		fail_errno("%s", name);
	if (stat.attr.flags & KIPC_MAILBOX_HANDLES)
		fail("%s: its letters may carry handles, which a command cannot have",
		     name);
}

static int serve_mailbox(int fd, const char *name, uint64_t left)
{
	static char text[TEXT_MAX], reply[TEXT_MAX];
	struct kipc_request request;
	ssize_t size;
	size_t room;
	int status;

	refuse_handles(fd, name);
	for (; left; left--) {
		size = kipc_mailbox_serve(fd, text, sizeof(text), &request,
					  KIPC_RECV_TRUNCATE, KIPC_FOREVER);
		if (size < 0) {
			if (errno == EIDRM || errno == EPIPE)
				return EXIT_FINE;
			fail_errno("no request");
		}
		/* A letter wants no reply. */
		room = !request.token ? 0 :
		       request.reply_size < sizeof(reply) ? request.reply_size :
							    sizeof(reply);
		if (request.letter.flags & KIPC_LETTER_TRUNCATED) {
			/* Else it would be there for ever, for every server. */
			fprintf(stderr, "kipc serve: a request is longer than %d bytes\n",
				TEXT_MAX);
			size = 0;
			status = CANNOT_RUN;
		} else {
			size = run_command(text, size, reply, room, &status);
		}
		/* Who called may be gone. */
		if (request.token)
			kipc_mailbox_reply(fd, request.token, reply, size, status);
	}
	return EXIT_FINE;
}

static uint64_t left;
static struct kipc_service *service;

static void run_handler(void *a_stack, const uint64_t args[8])
{
	uint64_t results[8] = { 0 };
	size_t room = kipc_stack_room();
	char *text;
	int status;

	if (args[0] > room) {
		kipc_return(-EINVAL, NULL);
		return;
	}
	/* The client could change it meanwhile. */
	text = malloc(args[0] ?: 1);
	if (!text) {
		kipc_return(-ENOMEM, NULL);
		return;
	}
	memcpy(text, a_stack, args[0]);
	results[0] = run_command(text, args[0], a_stack, room, &status);
	free(text);
	if (!--left)
		kipc_service_stop(kipc_service_fd(service));
	kipc_return(status, results);
}

static int serve_service(const char *name, mode_t mode)
{
	static kipc_handler *const handlers[] = { run_handler };
	struct kipc_service_options options = {
		.handlers = handlers,
		.handler_count = 1,
		.mode = mode,
		.attr.stack_size = TEXT_MAX,
		.attr.workers = 1,
	};

	service = kipc_service_register(name, &options);
	if (!service) {
		if (errno == EEXIST)
			fail("%s: somebody serves that already, or it is of another kind",
			     name);
		fail_errno("%s", name);
	}
	if (kipc_service_run(service))
		fail_errno("%s", name);
	kipc_service_free(service);
	return EXIT_FINE;
}

static void usage_of_serve(void)
{
	printf("kipc serve [OPTION]... NAME [--] COMMAND [ARGUMENT]...\n\n"
	       "Runs COMMAND for each call: the request is its standard input, its\n"
	       "output the reply, its exit status the status (of a mailbox: the tag); 126: it\n"
	       "could not be run, or its output is too long.\n"
	       "One call after the other: while anybody has COMMAND's output open, all\n"
	       "others wait.  If NAME is a mailbox, that is served; else a service of that\n"
	       "name is registered.\n\n"
	       "  -n, --number N    end after so many calls\n"
	       "  -m, --mode MODE   permission bits of the service (600)\n");
}

int cmd_serve(int argc, char **argv)
{
	static const struct option options[] = {
		{ "number", required_argument, NULL, 'n' },
		{ "mode", required_argument, NULL, 'm' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	mode_t mode = 0600;
	const char *name;
	int c, fd;

	left = UINT64_MAX;
	while ((c = getopt_long(argc, argv, "+n:m:h", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			left = number_of(optarg, "number of calls");
			break;
		case 'm':
			mode = mode_of(optarg);
			break;
		case 'h':
			usage_of_serve();
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind + 2 > argc)
		bad_usage("give a name and a command");
	name = argv[optind++];
	if (!strcmp(argv[optind], "--"))
		optind++;
	command = argv + optind;
	if (!*command)
		bad_usage("give a command");
	if (!left)
		return EXIT_FINE;
	signal(SIGPIPE, SIG_IGN);
	/* Else there is no status to be had. */
	signal(SIGCHLD, SIG_DFL);
	fd = kipc_open(name, KIPC_KIND_MAILBOX, KIPC_RIGHT_RECEIVE, 0);
	if (fd >= 0)
		return serve_mailbox(fd, name, left);
	if (errno != ENOENT && errno != EPROTOTYPE)
		fail_open(name, "mailbox");
	return serve_service(name, mode);
}
