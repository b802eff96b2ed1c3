// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * dispatch FILE
 *
 * A work queue.  Two producers cut FILE into blocks, and send a job for each: to
 * compute its checksum.  A job is urgent, normal or for later, which is its message's
 * type.  Three workers select by that: one is there for urgent jobs alone, one for
 * urgent and normal ones, and one takes whatever there is; the latter two the most
 * urgent first.  When the last producer has closed its handle the queue hangs up, and
 * a worker for whom there is no job any more is done.  Then the checksums are compared
 * with those that one process computes in a plain loop.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <kipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK		(8 << 10)
#define PRODUCERS	2
#define WORKERS		3
#define PATIENCE	60000000000ULL	/* nanoseconds to wait for one job */

/* Types, so that the lowest is the most urgent. */
enum { URGENT = 1, NORMAL, LATER, CLASSES };

struct job {
	uint64_t block;
	uint64_t created;
};

/* What the processes count, in memory that they share. */
static struct account {
	struct {
		pid_t pid;
		unsigned int jobs[CLASSES];
		uint64_t wait[CLASSES];		/* in the queue, in all */
		uint64_t longest[CLASSES];
		uint64_t last[CLASSES];		/* number in sequence */
	} worker[WORKERS];
	struct result {
		uint64_t checksum;
		unsigned int times;
	} result[];
} *account;

static const unsigned char *data;
static size_t file_size, blocks;

/* FNV-1a, 64 bits. */
static uint64_t checksum(size_t block)
{
	size_t end = block + 1 < blocks ? (block + 1) * BLOCK : file_size;
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = block * BLOCK; i < end; i++)
		sum = (sum ^ data[i]) * 0x100000001b3;
	return sum;
}

/* Of sixteen jobs one is urgent, and five are normal. */
static unsigned int class_of(size_t block)
{
	return block % 16 == 7 ? URGENT : block % 3 == 0 ? NORMAL : LATER;
}

static void produce(int queue, size_t me)
{
	for (size_t block = me; block < blocks; block += PRODUCERS) {
		struct job job = { block, kipc_deadline(0) };

		if (kipc_queue_send(queue, &job, sizeof(job), class_of(block), 0,
				    kipc_deadline(PATIENCE)) < 0)
			err(EXIT_FAILURE, "send job %zu", block);
	}
}

static struct kipc_selector selector_of(size_t worker)
{
	return worker == 0 ? kipc_select_type(URGENT) :
	       kipc_select_lowest(worker == 1 ? NORMAL : LATER);
}

static void work(int queue, size_t me)
{
	const struct kipc_selector selector = selector_of(me);
	struct kipc_message message;
	uint64_t waited;
	struct job job;

	account->worker[me].pid = getpid();
	while (kipc_queue_recv(queue, &job, sizeof(job), &selector, &message, 0,
			       kipc_deadline(PATIENCE)) == sizeof(job)) {
		waited = kipc_deadline(0) - job.created;
		if (job.block >= blocks || message.type != class_of(job.block))
			errx(EXIT_FAILURE, "a job that nobody has sent");
		/* Of one type, what was sent first comes first. */
		if (message.seq <= account->worker[me].last[message.type])
			errx(EXIT_FAILURE, "job %llu is late", message.seq);
		account->worker[me].last[message.type] = message.seq;
		account->worker[me].jobs[message.type]++;
		account->worker[me].wait[message.type] += waited;
		if (waited > account->worker[me].longest[message.type])
			account->worker[me].longest[message.type] = waited;
		account->result[job.block].checksum = checksum(job.block);
		__atomic_add_fetch(&account->result[job.block].times, 1,
				   __ATOMIC_RELAXED);
	}
	if (errno != EPIPE)	/* which is hang-up */
		err(EXIT_FAILURE, "receive a job");
}

/* Who did what, and how long it had waited; returns the number of jobs. */
static unsigned int print_work(void)
{
	static const char *const names[WORKERS] = {
		"urgent", "up to normal", "any",
	};
	unsigned int sums[CLASSES] = { 0 }, all = 0;

	printf("\n%-23s%10s%10s%10s%10s\n", "jobs", "urgent", "normal", "later",
	       "all");
	for (size_t i = 0; i < WORKERS; i++) {
		unsigned int sum = 0;

		printf("%-13s by %6d", names[i], account->worker[i].pid);
		for (unsigned int c = URGENT; c < CLASSES; c++) {
			printf("%10u", account->worker[i].jobs[c]);
			sum += account->worker[i].jobs[c];
			sums[c] += account->worker[i].jobs[c];
		}
		printf("%10u\n", sum);
		all += sum;
	}
	printf("%-23s", "waited, ms on average");
	for (unsigned int c = URGENT; c < CLASSES; c++) {
		uint64_t wait = 0;

		for (size_t i = 0; i < WORKERS; i++)
			wait += account->worker[i].wait[c];
		printf("%10.2f", sums[c] ? wait / 1e6 / sums[c] : 0);
	}
	printf("\n%-23s", "waited, ms at most");
	for (unsigned int c = URGENT; c < CLASSES; c++) {
		uint64_t longest = 0;

		for (size_t i = 0; i < WORKERS; i++)
			if (account->worker[i].longest[c] > longest)
				longest = account->worker[i].longest[c];
		printf("%10.2f", longest / 1e6);
	}
	puts("\n");
	return all;
}

/* Each producer and each worker is a child; returns 0 if one failed. */
static int run_children(int send_only, int receive_only)
{
	int status, good = 1;

	for (size_t i = 0; i < PRODUCERS + WORKERS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(EXIT_FAILURE, "fork");
		if (pid)
			continue;
		/* Workers first: they are there when the first job comes. */
		close(i < WORKERS ? send_only : receive_only);
		if (i < WORKERS)
			work(receive_only, i);
		else
			produce(send_only, i - WORKERS);
		exit(EXIT_SUCCESS);
	}
	close(send_only);
	close(receive_only);
	while (wait(&status) > 0)
		good &= status == 0;
	return good;
}

static void take_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *memory;

	if (fd < 0 || fstat(fd, &st) < 0)
		err(EXIT_FAILURE, "%s", path);
	if (!st.st_size)
		errx(EXIT_FAILURE, "%s is empty", path);
	file_size = st.st_size;
	blocks = (file_size + BLOCK - 1) / BLOCK;
	memory = mmap(NULL, file_size, PROT_READ, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		err(EXIT_FAILURE, "map %s", path);
	data = memory;
	memory = mmap(NULL, sizeof(*account) + blocks * sizeof(struct result),
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	account = memory;
	close(fd);
}

int main(int argc, char **argv)
{
	struct kipc_queue_attr attr = KIPC_QUEUE_ATTR_DEFAULT;
	int queue, send_only, receive_only, look_only, good;
	struct kipc_queue_stat stat = { 0 };
	unsigned int right = 0;
	uint64_t start;
	double seconds;

	if (argc != 2)
		errx(EXIT_FAILURE, "usage: dispatch FILE");
	take_file(argv[1]);

	/* A handle for each side, so that the queue hangs up; one to look on. */
	attr.flags = KIPC_QUEUE_HANGUP;
	queue = kipc_queue_create(NULL, &attr, 0600, KIPC_QUEUE_RIGHTS, 0);
	if (queue < 0)
		err(EXIT_FAILURE, "create a queue (is the module loaded?)");
	send_only = kipc_narrow(queue, KIPC_RIGHT_SEND, 0);
	receive_only = kipc_narrow(queue, KIPC_RIGHT_RECEIVE, 0);
	look_only = kipc_narrow(queue, KIPC_RIGHT_MANAGE, 0);
	if (send_only < 0 || receive_only < 0 || look_only < 0)
		err(EXIT_FAILURE, "narrow");
	close(queue);

	start = kipc_deadline(0);
	good = run_children(send_only, receive_only);
	seconds = (kipc_deadline(0) - start) / 1e9;

	printf("%zu jobs, each %d bytes of %s; producers: %d, workers: %d\n", blocks,
	       BLOCK, argv[1], PRODUCERS, WORKERS);
	good &= print_work() == blocks;
	start = kipc_deadline(0);
	for (size_t block = 0; block < blocks; block++)
		right += account->result[block].checksum == checksum(block) &&
			 account->result[block].times == 1;
	good &= kipc_queue_stat(look_only, &stat) == 0 && right == blocks &&
		stat.sent == blocks && stat.received == blocks && !stat.messages;
	printf("waits     %llu sends, %llu receives; at most %llu jobs lay there\n",
	       stat.send_waits, stat.recv_waits, stat.peak_messages);
	printf("time      %.3f s; a plain loop without kipc takes %.3f s\n", seconds,
	       (kipc_deadline(0) - start) / 1e9);
	printf("results   %u of %zu as the plain loop has them\n", right, blocks);
	puts(good ? "every job was done once, and every result is right" :
		    "NOT every job was done once, or a result is wrong");
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
