// SPDX-License-Identifier: LGPL-2.1-or-later
/* kipc send, recv, cat: what goes through objects. */
#include "tool.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRONG_KIND "%s: letters and messages are of mailboxes and queues alone"

/* A mailbox or a queue. */
static int open_box(const char *name, uint32_t rights, uint32_t *kind)
{
	int fd = kipc_open(name, KIPC_KIND_ANY, rights, 0);
	struct kipc_info info;

	if (fd < 0) {
		if (errno == EINVAL)
			fail(WRONG_KIND, name);
		fail_open(name, "mailbox or queue");
	}
	if (kipc_info(fd, &info))
		fail_errno("%s", name);
	*kind = info.kind;
	if (*kind == KIPC_KIND_PIPE)
		fail("%s is a pipe: see 'kipc cat'", name);
	if (*kind != KIPC_KIND_MAILBOX && *kind != KIPC_KIND_QUEUE)
		fail(WRONG_KIND, name);
	return fd;
}

/* send */

/* What is sent, but for its text. */
struct sending {
	const char *name;
	uint32_t kind;
	uint64_t type;
	uint32_t priority;
	int64_t timeout;
};

/* @number: which text or line it is. */
static void send_one(int fd, const struct sending *how, const char *data, size_t size,
		     uint64_t number)
{
	uint64_t deadline = deadline_of(how->timeout);
	int ret = how->kind == KIPC_KIND_QUEUE ?
		  kipc_queue_send(fd, data, size, how->type, how->priority, deadline) :
		  kipc_mailbox_send(fd, data, size, how->type, deadline);

	if (!ret)
		return;
	if (errno == EAGAIN || errno == ETIMEDOUT)
		fail("%s: no room for number %" PRIu64, how->name, number);
	fail_errno("%s: number %" PRIu64, how->name, number);
}

/* Each line of the standard input is one; without its end. */
static void send_lines(int fd, const struct sending *how)
{
	uint64_t number = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t size;

	while ((size = getline(&line, &room, stdin)) >= 0) {
		if (size && line[size - 1] == '\n')
			size--;
		send_one(fd, how, line, size, ++number);
	}
	if (ferror(stdin))
		fail_errno("cannot read");
	free(line);
}

static void usage_of_send(void)
{
	printf("kipc send [OPTION]... NAME [TEXT]...\n\n"
	       "Sends each TEXT as a letter or a message; without any, each line of the\n"
	       "standard input.\n\n"
	       "  -t, --type N           of a message; of a letter its tag (0)\n"
	       "  -p, --priority N       of a message (0)\n"
	       "  -T, --timeout SECONDS  how long to wait for room; 0: not at all\n");
}

int cmd_send(int argc, char **argv)
{
	static const struct option options[] = {
		{ "type", required_argument, NULL, 't' },
		{ "priority", required_argument, NULL, 'p' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct sending how = { .timeout = -1 };
	bool urgent = false;
	int c, fd;

	while ((c = getopt_long(argc, argv, "t:p:T:h", options, NULL)) != -1) {
		switch (c) {
		case 't':
			how.type = number_of(optarg, "type");
			break;
		case 'p':
			how.priority = number_up_to(optarg, "priority", UINT32_MAX);
			urgent = true;
			break;
		case 'T':
			how.timeout = seconds_of(optarg);
			break;
		case 'h':
			usage_of_send();
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		bad_usage("where to?");
	how.name = argv[optind];
	fd = open_box(how.name, KIPC_RIGHT_SEND, &how.kind);
	if (urgent && how.kind != KIPC_KIND_QUEUE)
		bad_usage("%s is a mailbox, whose letters have no priority", how.name);
	if (optind + 1 == argc)
		send_lines(fd, &how);
	for (c = optind + 1; c < argc; c++)
		send_one(fd, &how, argv[c], strlen(argv[c]), c - optind);
	return EXIT_FINE;
}

/* recv */

struct want {
	struct kipc_selector selector;
	bool selects;
	bool verbose;
	bool peek;
	int64_t timeout;
};

/* Returns its size, or -1 and errno. */
static ssize_t receive(int fd, uint32_t kind, void *data, size_t room,
		       const struct want *want)
{
	uint32_t flags = want->peek ? KIPC_RECV_PEEK : 0;
	struct kipc_message message = { 0 };
	struct kipc_letter letter = { 0 };
	ssize_t size;

	if (kind == KIPC_KIND_QUEUE) {
		size = kipc_queue_recv(fd, data, room,
				       want->selects ? &want->selector : NULL, &message,
				       flags, deadline_of(want->timeout));
		if (size >= 0 && want->verbose)
			printf("%" PRIu64 " type %" PRIu64 " priority %u from %d: ",
			       (uint64_t)message.seq, (uint64_t)message.type,
			       message.priority, message.pid);
		return size;
	}
	size = kipc_mailbox_recv(fd, data, room, &letter, flags,
				 deadline_of(want->timeout));
	if (size >= 0 && want->verbose)
		printf("%" PRIu64 " tag %" PRIu64 " from %d: ", (uint64_t)letter.seq,
		       (uint64_t)letter.tag, letter.pid);
	return size;
}

static size_t longest(int fd, uint32_t kind)
{
	struct kipc_mailbox_stat mailbox;
	struct kipc_queue_stat queue;

	if (kind == KIPC_KIND_QUEUE) {
		if (kipc_queue_stat(fd, &queue))
			fail_errno("cannot ask");
		return queue.attr.message_size;
	}
	if (kipc_mailbox_stat(fd, &mailbox))
		fail_errno("cannot ask");
	return mailbox.attr.letter_size;
}

static int receive_so_many(int fd, const char *name, uint32_t kind, uint64_t count,
			   const struct want *want)
{
	size_t room = longest(fd, kind);
	char *data = malloc(room ?: 1);
	ssize_t size;

	if (!data)
		fail("no memory");
	for (; count; count--) {
		size = receive(fd, kind, data, room, want);
		if (size < 0) {
			if (errno == EPIPE)
				break;
			if (errno == EAGAIN || errno == ETIMEDOUT)
				fail("%s: nothing came", name);
			if (errno == EBADMSG)
				fail("%s: the first is a request, or carries handles",
				     name);
			fail_errno("%s", name);
		}
		fwrite(data, 1, size, stdout);
		putchar('\n');
		/* Before the next one is taken. */
		if (fflush(stdout) || ferror(stdout))
			fail_errno("cannot write");
	}
	free(data);
	return EXIT_FINE;
}

static void usage_of_recv(void)
{
	printf("kipc recv NAME [OPTION]...\n\n"
	       "Receives a letter or a message, and prints it, and a newline.\n\n"
	       "  -n, --number N|all     so many (1); all: on and on, till none comes in time\n"
	       "  -t, --type N           of a queue: the first of that type\n"
	       "  -u, --urgent           of a queue: of the highest priority\n"
	       "  -p, --peek             leave it there\n"
	       "  -v, --verbose          say its number, its type, who sent it\n"
	       "  -T, --timeout SECONDS  how long to wait; 0: not at all\n");
}

int cmd_recv(int argc, char **argv)
{
	static const struct option options[] = {
		{ "number", required_argument, NULL, 'n' },
		{ "type", required_argument, NULL, 't' },
		{ "urgent", no_argument, NULL, 'u' },
		{ "peek", no_argument, NULL, 'p' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "timeout", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct want want = { .timeout = -1 };
	uint64_t count = 1;
	uint32_t kind;
	int c, fd;

	while ((c = getopt_long(argc, argv, "n:t:upvT:h", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			count = strcmp(optarg, "all") ? number_of(optarg, "number") :
							UINT64_MAX;
			break;
		case 't':
			want.selector = kipc_select_type(number_of(optarg, "type"));
			want.selects = true;
			break;
		case 'u':
			want.selector = kipc_select_priority();
			want.selects = true;
			break;
		case 'p':
			want.peek = true;
			break;
		case 'v':
			want.verbose = true;
			break;
		case 'T':
			want.timeout = seconds_of(optarg);
			break;
		case 'h':
			usage_of_recv();
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind + 1 != argc)
		bad_usage("from where?");
	fd = open_box(argv[optind], KIPC_RIGHT_RECEIVE, &kind);
	if (want.selects && kind != KIPC_KIND_QUEUE)
		bad_usage("%s is a mailbox, which gives what came first", argv[optind]);
	return receive_so_many(fd, argv[optind], kind, count, &want);
}

/* cat */

static void say_progress(uint64_t done, bool last)
{
	char text[32];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s%s", for_people_bytes(done, text),
			last ? "\n" : "   ");
}

static void put_all(int to, const char *data, size_t size)
{
	ssize_t part;

	for (; size; data += part, size -= part) {
		part = write(to, data, size);
		if (part < 0)
			fail_errno("cannot write");
	}
}

int cmd_cat(int argc, char **argv)
{
	static char data[256 << 10];
	uint64_t done = 0, said = 0;
	bool writes = false;
	ssize_t size;
	int from, to, fd;

	if (wants_help(argc, argv)) {
		printf("kipc cat NAME       a pipe to the standard output, until its end\n"
		       "kipc cat -w NAME    the standard input into a pipe\n\n"
		       "Waits until somebody has the other end open.\n");
		return EXIT_FINE;
	}
	if (argc > 1 && !strcmp(argv[1], "-w")) {
		writes = true;
		argv++;
		argc--;
	}
	if (argc != 2)
		bad_usage("which pipe?");
	fd = kipc_pipe_open(argv[1], writes ? KIPC_RIGHT_SEND : KIPC_RIGHT_RECEIVE, 0,
			    KIPC_FOREVER);
	if (fd < 0)
		fail_open(argv[1], "pipe");
	from = writes ? STDIN_FILENO : fd;
	to = writes ? fd : STDOUT_FILENO;
	while ((size = read(from, data, sizeof(data))) > 0) {
		put_all(to, data, size);
		done += size;
		/* Each 16 MiB. */
		if (done >> 24 != said >> 24)
			say_progress(done, false);
		said = done;
	}
	if (size < 0)
		fail_errno("%s", argv[1]);
	if (done >> 24)
		say_progress(done, true);
	return EXIT_FINE;
}
