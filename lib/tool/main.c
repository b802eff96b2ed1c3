// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * kipc - look at kipc's objects, and use them.  See kipc(1).
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
	const char *name;
	const char *what;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "ls", "list objects", cmd_ls },
	{ "show", "all about one: figures, holders, who waits", cmd_show },
	{ "tree", "who waits for whom; a circle is pointed out", cmd_tree },
	{ "monitor", "say what happens, as it happens", cmd_monitor },
	{ "top", "the busiest objects, again and again", cmd_top },
	{ "latency", "how long threads wait for it", cmd_latency },
	{ "create", "make a persistent object", cmd_create },
	{ "rm", "remove objects: whoever uses them gets EIDRM", cmd_rm },
	{ "chmod", "change permission bits", cmd_chmod },
	{ "chown", "change owner and group", cmd_chown },
	{ "limits", "what users hold and may hold: show, or set", cmd_limits },
	{ "send", "send letters or messages", cmd_send },
	{ "recv", "receive them", cmd_recv },
	{ "cat", "from a pipe, or into one", cmd_cat },
	{ "call", "call a mailbox or a service", cmd_call },
	{ "serve", "run a command for each call", cmd_serve },
	{ "pipe", "run a pipeline over pipes of kipc", cmd_pipe },
	{ "doctor", "is everything in order? else: what to do", cmd_doctor },
};

static void usage(FILE *to)
{
	size_t i;

	fprintf(to, "kipc COMMAND [ARGUMENT]...\n\n");
	for (i = 0; i < COUNT(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].what);
	fprintf(to, "\nOBJECT is a name, or '#' and a number, as ls shows it.\n"
		"'kipc COMMAND --help' says more, and so does kipc(1).\n");
}

static const struct command *current;

static void complain(const char *format, va_list list)
{
	fprintf(stderr, "kipc%s%s: ", current ? " " : "", current ? current->name : "");
	vfprintf(stderr, format, list);
}

/* Without the device nothing else is the reason. */
static void __attribute__((noreturn)) end(void)
{
	if (!access("/dev/kipc", R_OK))
		exit(EXIT_FAILED);
	fprintf(stderr, "kipc: /dev/kipc cannot be opened: try 'kipc doctor'\n");
	exit(EXIT_NO_KIPC);
}

void fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	complain(format, list);
	va_end(list);
	fputc('\n', stderr);
	end();
}

void fail_errno(const char *format, ...)
{
	int error = errno;
	va_list list;

	va_start(list, format);
	complain(format, list);
	va_end(list);
	fprintf(stderr, ": %s\n", strerror(error));
	end();
}

/**
 * fail_open - an object could not be opened: say why, with errno
 * @name: its name
 * @right_kind: the kinds that it takes, for "is no ..."
 */
void fail_open(const char *name, const char *right_kind)
{
	if (errno == ENOENT)
		fail("%s: there is no such object: see 'kipc ls'", name);
	if (errno == EACCES)
		fail("%s: its mode does not allow that: see 'kipc show %s'", name, name);
	if (errno == EPROTOTYPE)
		fail("%s is no %s: see 'kipc show %s'", name, right_kind, name);
	fail_errno("%s", name);
}

void bad_usage(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	complain(format, list);
	va_end(list);
	fprintf(stderr, "\nTry 'kipc%s%s --help'.\n", current ? " " : "",
		current ? current->name : "");
	exit(EXIT_USAGE);
}

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

bool wants_help(int argc, char **argv)
{
	return argc > 1 && is_help(argv[1]);
}

/* Else an object would be opened in the place of one of them, and get what is said. */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	char as_called[32];
	size_t i;
	int ret;

	open_standard_streams();
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (is_help(argv[1]) || !strcmp(argv[1], "help")) {
		usage(stdout);
		return EXIT_FINE;
	}
	for (i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].name, argv[1]))
			current = &commands[i];
	if (!current)
		bad_usage("there is no command '%s'", argv[1]);
	/* What getopt calls it. */
	snprintf(as_called, sizeof(as_called), "kipc %s", current->name);
	argv[1] = as_called;
	ret = current->run(argc - 1, argv + 1);
	/* Nothing of it may be missing unnoticed. */
	if (fflush(stdout) || ferror(stdout))
		fail_errno("cannot write");
	return ret;
}
