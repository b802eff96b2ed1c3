// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * courier FILE [SENDERS] [RECEIVERS] [OUTFILE]
 *
 * Carries a file through one mailbox.  Sender processes (3) share its blocks
 * among them and send each as a letter, whose tag is the block's number.
 * Receiver processes (3) take whatever comes next and write it to its place in
 * OUTFILE (or in memory).  When the last sender has closed its handle the
 * mailbox hangs up, and the receivers are done.  Then both files are compared.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <kipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK		(32 << 10)
#define MAX		16		/* processes on a side */
#define PATIENCE	60000000000ULL	/* nanoseconds to wait for one letter */

/* What the processes count, in memory that they share. */
static struct account {
	pid_t sender[MAX], receiver[MAX];
	unsigned int letters[MAX][MAX];	/* from, to */
	unsigned char arrivals[];	/* of each block */
} *account;

static size_t file_size, blocks, senders, receivers;

static size_t block_size(size_t block)
{
	return block + 1 < blocks ? BLOCK : file_size - block * BLOCK;
}

static void send_share(int mailbox, int in, size_t me)
{
	char data[BLOCK];

	account->sender[me] = getpid();
	for (size_t block = me; block < blocks; block += senders) {
		ssize_t size = block_size(block);

		if (pread(in, data, size, block * BLOCK) != size)
			err(EXIT_FAILURE, "read block %zu", block);
		if (kipc_mailbox_send(mailbox, data, size, block,
				      kipc_deadline(PATIENCE)) < 0)
			err(EXIT_FAILURE, "send block %zu", block);
	}
}

static void receive(int mailbox, int out, size_t me)
{
	struct kipc_letter letter;
	char data[BLOCK];
	ssize_t size;

	account->receiver[me] = getpid();
	while ((size = kipc_mailbox_recv(mailbox, data, sizeof(data), &letter, 0,
					 kipc_deadline(PATIENCE))) >= 0) {
		size_t from = 0;

		while (from < senders && account->sender[from] != letter.pid)
			from++;
		if (from == senders || letter.tag >= blocks ||
		    (size_t)size != block_size(letter.tag))
			errx(EXIT_FAILURE, "a letter that nobody has sent");
		if (pwrite(out, data, size, letter.tag * BLOCK) != size)
			err(EXIT_FAILURE, "write block %llu", letter.tag);
		account->letters[from][me]++;
		__atomic_add_fetch(&account->arrivals[letter.tag], 1, __ATOMIC_RELAXED);
	}
	if (errno != EPIPE)	/* which is hang-up */
		err(EXIT_FAILURE, "receive");
}

/* A file; or, without one, zeroed memory that children share. */
static void *map(int fd, size_t size)
{
	void *memory = mmap(NULL, size, fd < 0 ? PROT_READ | PROT_WRITE : PROT_READ,
			    fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		err(EXIT_FAILURE, "map %zu bytes", size);
	return memory;
}

/* FNV-1a, 64 bits. */
static unsigned long long checksum(const unsigned char *data)
{
	unsigned long long sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < file_size; i++)
		sum = (sum ^ data[i]) * 0x100000001b3;
	return sum;
}

/* Who sent how many letters to whom. */
static void print_shares(void)
{
	printf("\n%11s", "letters");
	for (size_t to = 0; to < receivers; to++)
		printf("  to %6d", account->receiver[to]);
	puts("      all");
	for (size_t from = 0; from < senders; from++) {
		unsigned int all = 0;

		printf("from %6d", account->sender[from]);
		for (size_t to = 0; to < receivers; to++) {
			printf("%11u", account->letters[from][to]);
			all += account->letters[from][to];
		}
		printf("%9u\n", all);
	}
	putchar('\n');
}

/* Each sender and each receiver is a child; returns 0 if one failed. */
static int run_children(int send_only, int receive_only, int in, int out)
{
	int status, good = 1;

	for (size_t i = 0; i < senders + receivers; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(EXIT_FAILURE, "fork");
		if (pid)
			continue;
		close(i < senders ? receive_only : send_only);
		if (i < senders)
			send_share(send_only, in, i);
		else
			receive(receive_only, out, i - senders);
		exit(EXIT_SUCCESS);
	}
	close(send_only);
	close(receive_only);
	while (wait(&status) > 0)
		good &= status == 0;
	return good;
}

int main(int argc, char **argv)
{
	struct kipc_mailbox_attr attr = KIPC_MAILBOX_ATTR_DEFAULT;
	int in, out, mailbox, send_only, receive_only, look_only, good;
	struct kipc_mailbox_stat stat = { 0 };
	unsigned char *before, *behind;
	struct stat from, to;
	uint64_t start;
	double seconds;

	senders = argc > 2 ? strtoul(argv[2], NULL, 10) : 3;
	receivers = argc > 3 ? strtoul(argv[3], NULL, 10) : 3;
	if (argc < 2 || argc > 5 || senders - 1 >= MAX || receivers - 1 >= MAX) {
		warnx("usage: courier FILE [SENDERS] [RECEIVERS] [OUTFILE]");
		errx(EXIT_FAILURE, "at most %d senders and receivers", MAX);
	}
	in = open(argv[1], O_RDONLY);
	out = argc > 4 ? open(argv[4], O_RDWR | O_CREAT, 0666) :
			 memfd_create("courier", 0);
	if (in < 0 || out < 0 || fstat(in, &from) < 0 || fstat(out, &to) < 0)
		err(EXIT_FAILURE, "%s", in < 0 || argc < 5 ? argv[1] : argv[4]);
	if (!from.st_size || (from.st_dev == to.st_dev && from.st_ino == to.st_ino))
		errx(EXIT_FAILURE, "FILE is empty, or OUTFILE itself");
	if (ftruncate(out, 0) < 0 || ftruncate(out, from.st_size) < 0)
		err(EXIT_FAILURE, "make room for %s", argv[1]);
	file_size = from.st_size;
	blocks = (file_size + BLOCK - 1) / BLOCK;
	account = map(-1, sizeof(*account) + blocks);

	/* A handle for each side, so that each can hang up; one to look on. */
	attr.flags = KIPC_MAILBOX_HANGUP;
	mailbox = kipc_mailbox_create(NULL, &attr, 0600, KIPC_MAILBOX_RIGHTS, 0);
	if (mailbox < 0)
		err(EXIT_FAILURE, "create a mailbox (is the module loaded?)");
	send_only = kipc_narrow(mailbox, KIPC_RIGHT_SEND, 0);
	receive_only = kipc_narrow(mailbox, KIPC_RIGHT_RECEIVE, 0);
	look_only = kipc_narrow(mailbox, KIPC_RIGHT_MANAGE, 0);
	if (send_only < 0 || receive_only < 0 || look_only < 0)
		err(EXIT_FAILURE, "narrow");
	close(mailbox);

	start = kipc_deadline(0);
	good = run_children(send_only, receive_only, in, out);
	seconds = (kipc_deadline(0) - start) / 1e9;

	for (size_t block = 0; block < blocks; block++)
		good &= account->arrivals[block] == 1;
	good &= kipc_mailbox_stat(look_only, &stat) == 0 &&
		stat.sent == blocks && stat.received == blocks;
	before = map(in, file_size);
	behind = map(out, file_size);
	good &= memcmp(before, behind, file_size) == 0;

	printf("%zu bytes in %zu letters; senders: %zu, receivers: %zu\n",
	       file_size, blocks, senders, receivers);
	print_shares();
	printf("waits     %llu sends, %llu receives; at most %llu letters lay there\n",
	       stat.send_waits, stat.recv_waits, stat.peak_letters);
	printf("time      %.3f s, %.1f MB/s\nchecksum  %016llx, %016llx\n", seconds,
	       file_size / 1e6 / seconds, checksum(before),
	       checksum(behind));
	puts(good ? "every letter arrived once, and both files are equal" :
		    "NOT every letter arrived once, or the files differ");
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
