// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * primes [LIMIT] [SERVERS]
 *
 * Two clients want to know how many primes there are below LIMIT (200000), and ask
 * the same servers (2), piece by piece, through one mailbox.  One is synchronous: it
 * sends a request, waits for the reply, and sends the next one.  The other is
 * asynchronous: it sends all of its requests, counts a piece itself meanwhile, and
 * collects the replies as they come.  What they did is shown side by side.
 */
#include <err.h>
#include <errno.h>
#include <kipc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIECES		6		/* that each client asks for */
#define STEPS		8		/* in which one counts a piece itself */
#define MAX		16		/* servers */
#define PATIENCE	60000000000ULL	/* nanoseconds to wait for one reply */

enum who { SYNCHRONOUS, ASYNCHRONOUS, CLIENTS };

struct range {
	unsigned int from, to;
};

/* What the processes say, in memory that they share. */
static struct account {
	unsigned int events;
	struct event {
		uint64_t time;
		enum who who;
		char text[40];
	} event[4 * PIECES + 4];
	unsigned int primes[CLIENTS];
	pid_t server[MAX];
	unsigned int served[MAX];
} *account;

static unsigned int limit = 200000;
static uint64_t start;

__attribute__((format(printf, 2, 3)))
static void note(enum who who, const char *format, ...)
{
	struct event *event;
	va_list args;

	event = &account->event[__atomic_fetch_add(&account->events, 1,
						   __ATOMIC_RELAXED)];
	event->time = kipc_deadline(0) - start;
	event->who = who;
	va_start(args, format);
	vsnprintf(event->text, sizeof(event->text), format, args);
	va_end(args);
}

static unsigned int count_primes(struct range range)
{
	unsigned int count = 0, n, d;

	for (n = range.from < 2 ? 2 : range.from; n < range.to; n++) {
		for (d = 2; d * d <= n && n % d; d++)
			;
		count += d * d > n;
	}
	return count;
}

/* Of PIECES + 1, from the top down, so that the first ones take longest. */
static struct range piece_range(unsigned int piece)
{
	unsigned int size = limit / (PIECES + 1);
	unsigned int to = limit - piece * size;

	return (struct range){ piece < PIECES ? to - size : 0, to };
}

static void serve(int mailbox, size_t me)
{
	struct kipc_request request;
	struct range range;
	unsigned int count;

	account->server[me] = getpid();
	while (kipc_mailbox_serve(mailbox, &range, sizeof(range), &request, 0,
				  KIPC_FOREVER) == sizeof(range)) {
		count = count_primes(range);
		if (kipc_mailbox_reply(mailbox, request.token, &count, sizeof(count),
				       request.letter.tag))
			errx(EXIT_FAILURE, "a client did not wait for its reply");
		account->served[me]++;
	}
	if (errno != EPIPE)	/* which is hang-up */
		err(EXIT_FAILURE, "serve");
}

static void ask(int mailbox)
{
	unsigned int piece, count, sum = 0;

	for (piece = 0; piece < PIECES; piece++) {
		struct range range = piece_range(piece);

		note(SYNCHRONOUS, "asks for piece %u, waits", piece);
		if (kipc_mailbox_call(mailbox, &range, sizeof(range), piece, &count,
				      sizeof(count), kipc_deadline(PATIENCE)) < 0)
			err(EXIT_FAILURE, "call for piece %u", piece);
		note(SYNCHRONOUS, "piece %u has %u", piece, count);
		sum += count;
	}
	note(SYNCHRONOUS, "counts piece %u itself", PIECES);
	sum += count_primes(piece_range(PIECES));
	note(SYNCHRONOUS, "is done: %u", sum);
	account->primes[SYNCHRONOUS] = sum;
}

/* Collects whichever reply is there first; returns 0 if none comes in time. */
static int collect(int mailbox, unsigned int *sum, uint64_t deadline)
{
	struct kipc_letter letter;
	unsigned int count;

	if (kipc_mailbox_collect(mailbox, NULL, &count, sizeof(count), &letter,
				 deadline) < 0) {
		/* There is none yet, or all have been collected. */
		if (errno != EAGAIN && errno != ENOENT)
			err(EXIT_FAILURE, "collect");
		return 0;
	}
	note(ASYNCHRONOUS, "piece %llu has %u", letter.tag, count);
	*sum += count;
	return 1;
}

static void ask_ahead(int mailbox)
{
	struct range own = piece_range(PIECES), step;
	unsigned int piece, i, sum = 0, waiting = PIECES;

	for (piece = 0; piece < PIECES; piece++) {
		struct range range = piece_range(piece);

		if (kipc_mailbox_submit(mailbox, &range, sizeof(range), piece,
					sizeof(unsigned int), NULL,
					kipc_deadline(PATIENCE)) < 0)
			err(EXIT_FAILURE, "submit piece %u", piece);
	}
	note(ASYNCHRONOUS, "asks for pieces 0 to %u", PIECES - 1);
	note(ASYNCHRONOUS, "counts piece %u itself", PIECES);
	for (i = 0; i < STEPS; i++) {
		step.from = own.to * i / STEPS;
		step.to = own.to * (i + 1) / STEPS;
		sum += count_primes(step);
		while (collect(mailbox, &sum, KIPC_NO_WAIT))
			waiting--;
	}
	note(ASYNCHRONOUS, "waits for the rest: %u", waiting);
	while (waiting && collect(mailbox, &sum, kipc_deadline(PATIENCE)))
		waiting--;
	note(ASYNCHRONOUS, "is done: %u", sum);
	account->primes[ASYNCHRONOUS] = sum;
}

static void print_events(void)
{
	printf("\n%8s  %-29s%s\n", "ms", "synchronous client", "asynchronous client");
	for (unsigned int i = 0; i < account->events; i++) {
		struct event *event = &account->event[i];

		printf("%8.2f  %*s%s\n", event->time / 1e6,
		       event->who == ASYNCHRONOUS ? 29 : 0, "", event->text);
	}
	putchar('\n');
}

/* A child that keeps this handle alone. */
static int child(const int *handles, size_t n, int keep)
{
	pid_t pid = fork();

	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (pid)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (handles[i] != keep)
			close(handles[i]);
	return 1;
}

int main(int argc, char **argv)
{
	struct kipc_mailbox_attr attr = KIPC_MAILBOX_ATTR_DEFAULT;
	struct kipc_mailbox_stat stat = { 0 };
	size_t servers = argc > 2 ? strtoul(argv[2], NULL, 10) : 2;
	unsigned int right, served = 0;
	int handles[4], status, good = 1;

	limit = argc > 1 ? strtoul(argv[1], NULL, 10) : limit;
	if (argc > 3 || servers - 1 >= MAX || limit < PIECES + 1) {
		warnx("usage: primes [LIMIT] [SERVERS]");
		errx(EXIT_FAILURE, "at most %d servers", MAX);
	}
	account = mmap(NULL, sizeof(*account), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (account == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");

	/* Calls belong to a handle, so each client has its own. */
	attr.flags = KIPC_MAILBOX_HANGUP;
	handles[3] = kipc_mailbox_create(NULL, &attr, 0600, KIPC_MAILBOX_RIGHTS, 0);
	if (handles[3] < 0)
		err(EXIT_FAILURE, "create a mailbox (is the module loaded?)");
	handles[SYNCHRONOUS] = kipc_narrow(handles[3], KIPC_RIGHT_SEND, 0);
	handles[ASYNCHRONOUS] = kipc_narrow(handles[3], KIPC_RIGHT_SEND, 0);
	handles[2] = kipc_narrow(handles[3], KIPC_RIGHT_RECEIVE, 0);
	for (int i = 0; i < 3; i++)
		if (handles[i] < 0)
			err(EXIT_FAILURE, "narrow");

	start = kipc_deadline(0);
	for (size_t i = 0; i < servers; i++)
		if (child(handles, 4, handles[2])) {
			serve(handles[2], i);
			return EXIT_SUCCESS;
		}
	for (enum who who = 0; who < CLIENTS; who++)
		if (child(handles, 4, handles[who])) {
			(who == SYNCHRONOUS ? ask : ask_ahead)(handles[who]);
			return EXIT_SUCCESS;
		}
	/* The servers are done when nobody can send any more, also not this one. */
	for (int i = 0; i < 3; i++)
		close(handles[i]);
	handles[0] = kipc_narrow(handles[3], KIPC_RIGHT_MANAGE, 0);
	close(handles[3]);
	while (wait(&status) > 0)
		good &= status == 0;

	print_events();
	printf("served   ");
	for (size_t i = 0; i < servers; i++) {
		printf(" %u by %d", account->served[i], account->server[i]);
		served += account->served[i];
	}
	right = count_primes((struct range){ 0, limit });
	printf("\nresults   %u and %u; there are %u primes below %u\n",
	       account->primes[SYNCHRONOUS], account->primes[ASYNCHRONOUS], right,
	       limit);
	good &= account->primes[SYNCHRONOUS] == right &&
		account->primes[ASYNCHRONOUS] == right &&
		served == CLIENTS * PIECES &&
		kipc_mailbox_stat(handles[0], &stat) == 0 &&
		stat.calls == served && stat.replies == served && !stat.serving;
	puts(good ? "every request was served once, and both clients are right" :
		    "NOT every request was served once, or a client is wrong");
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
